"""A small share of the long run, at every run of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import nightly
from tests.faults.nightly import Transfers, attempt


def test_f14_transfers_end_whole_or_in_a_typed_error() -> None:
    results = nightly.transfers(150, seed=77)
    assert sum(one.tried for one in results.values()) == 150
    for one in results.values():
        assert (one.silent, one.untyped) == ([], [])
        assert one.whole > one.errors.total()


def test_f14_a_transfer_that_lies_or_crashes_is_counted() -> None:
    result = Transfers()
    attempt(result, 1, lambda: False)
    attempt(result, 2, lambda: 1 // 0 > 0)
    attempt(result, 3, lambda: True)
    assert (result.tried, result.whole, result.silent) == (3, 1, [1])
    assert [number for number, _ in result.untyped] == [2]


def test_f11_a_walk_among_503s_misses_nothing() -> None:
    assert nightly.walk(300, seed=5) == (300, 0)


def test_f9_threads_ask_for_no_more_tokens_than_end() -> None:
    asked, refusals = nightly.expiries(200)
    assert asked == 200 // nightly.TOKEN_USES
    assert refusals >= asked


@pytest.mark.registry
def test_f14_a_large_blob_goes_through_resets(tmp_path: Path) -> None:
    found = nightly.resets(tmp_path, size=32 << 20, cuts=10)
    assert found.verified
    assert found.sent <= found.size * 1.05
