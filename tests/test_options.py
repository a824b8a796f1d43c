from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from regnb.options import (
    CACHE_LIMIT,
    Options,
    cache_limit,
    get_options,
    option_context,
    progress_wanted,
    set_options,
)


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No environment, and the settings of before afterwards."""
    monkeypatch.delenv("REGNB_PROGRESS", raising=False)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    with option_context():
        yield


def test_a_setting_changes_alone_and_stays() -> None:
    before = get_options()
    set_options(max_rows=7)
    assert get_options() == Options(progress=before.progress, max_rows=7)
    set_options(progress=False)
    assert get_options() == Options(progress=False, max_rows=7)


def test_a_context_ends_with_its_block_even_when_it_raises() -> None:
    before = get_options()

    def work() -> None:
        with option_context(max_rows=3) as inside:
            assert inside == get_options()
            assert inside.max_rows == 3
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert get_options() == before


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        ({"rows": 5}, TypeError, "rows"),
        ({"max_rows": None}, ValueError, "max_rows"),
        ({"max_rows": -1}, ValueError, "max_rows"),
        ({"max_rows": "20"}, ValueError, "max_rows"),
        ({"progress": "no"}, ValueError, "progress"),
        ({"cache_limit": -1}, ValueError, "cache_limit"),
        ({"cache_limit": "2 GB"}, ValueError, "cache_limit"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(
    change: dict[str, Any], error: type[Exception], named: str
) -> None:
    before = get_options()
    with pytest.raises(error, match=named):
        set_options(**change)
    with pytest.raises(error, match=named), option_context(**change):
        pytest.fail("the block ran")
    assert get_options() == before


@pytest.mark.parametrize("value", ["0", "false", "No", " OFF "])
def test_every_word_for_no_hides_the_bar(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REGNB_PROGRESS", value)
    assert not progress_wanted()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("REGNB_PROGRESS", "", True),
        ("REGNB_PROGRESS", "1", True),
        ("TQDM_DISABLE", "", True),
        ("TQDM_DISABLE", "0", True),
        ("TQDM_DISABLE", "true", False),
    ],
)
def test_the_environment_is_read_at_each_call(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: bool
) -> None:
    assert progress_wanted()
    monkeypatch.setenv(name, value)
    assert progress_wanted() is wanted


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [
        (5, "7", 5),
        (0, "7", 0),
        (None, " 7 ", 7),
        (None, "", CACHE_LIMIT),
        (None, "-1", CACHE_LIMIT),
    ],
)
def test_the_limit_of_the_cache_is_a_setting_then_the_environment(
    option: int | None, variable: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGNB_CACHE_LIMIT", variable)
    with option_context(cache_limit=option):
        assert cache_limit() == expected
