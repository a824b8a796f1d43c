from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.ranges import ContentRange, parse_content_range, range_from


@pytest.mark.parametrize(
    ("text", "part", "total"),
    [
        ("bytes 0-0/1024", range(1), 1024),
        ("bytes 5-1023/1024", range(5, 1024), 1024),
        ("bytes 5-9/*", range(5, 10), None),
        ("bytes */1024", None, 1024),
        ("bytes */0", None, 0),
        ("Bytes 0-0/1", range(1), 1),
    ],
)
def test_b8_a_content_range_is_read(text: str, part: range | None, total: int | None) -> None:
    assert parse_content_range(text) == ContentRange(part, total)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "bytes",
        "bytes 0-0",
        "bytes=0-0/1",
        "bytes */*",
        "bytes 5-4/10",
        "bytes 5-10/10",
        "bytes 0-0/0",
        "bytes -5/10",
        "bytes 5-/10",
        "bytes 0-0/10x",
        "bytes 0-0/1024\n",
        "bytes 0-0/-1",
        "bytes 0-0/1, bytes 0-0/1",
        "bytes 0-0/" + "9" * 40,
        "bytes 0-0/\u0661",
        "octets 0-0/1",
    ],
)
def test_b8_what_is_no_content_range_is_none(text: str | None) -> None:
    assert parse_content_range(text) is None


@given(st.text() | st.text("bytes 0123456789-/*", max_size=40))
def test_b8_no_content_range_breaks_the_reader(text: str) -> None:
    found = parse_content_range(text)
    if found is not None:
        assert found.part is None or len(found.part) > 0
        assert found.part is None or found.total is None or found.part.stop <= found.total
        assert found != ContentRange(None, None)


@given(st.integers(0, 10**18 - 1), st.integers(1, 10**6), st.integers(0, 10**6))
def test_b8_what_a_registry_writes_is_read_as_it_was_meant(
    start: int, length: int, rest: int
) -> None:
    part, total = range(start, min(start + length, 10**18)), start + length + rest
    found = parse_content_range(f"bytes {part.start}-{part.stop - 1}/{total}")
    assert found == (ContentRange(part, total) if total < 10**18 else None)


def test_b7_the_whole_is_asked_for_without_a_range() -> None:
    assert range_from(0) == {}
    assert range_from(7) == {"Range": "bytes=7-"}
