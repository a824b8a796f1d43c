from __future__ import annotations

import pytest

from regnb.display import text


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "?"),
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2_500_000, "2.5 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_500_000_000_000, "1.5 TB"),
        (2**63 - 1, "9.2 EB"),
        (-2500, "-2.5 kB"),
    ],
)
def test_sizes_have_decimal_units(count: int | None, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.44, "0.4 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_counts_agree_with_their_noun() -> None:
    assert text.count(1, "tag") == "1 tag"
    assert text.count(1200, "tag") == "1,200 tags"
    assert text.count(2, "repository") == "2 repositories"
    assert text.count(2, "index", "indexes") == "2 indexes"


def test_s19_a_line_is_one_printable_line() -> None:
    assert text.clip("a\x1b[31m\r\nb\u202ec") == "a [31m  b c"
    assert text.clip("x" * 100, 5) == "xxxxx…"


def test_a_digest_is_cut_after_twelve_characters() -> None:
    assert text.short_digest("sha256:" + "ab" * 32) == "sha256:abababababab"
