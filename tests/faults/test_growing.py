"""A large blob needs no more memory than a small one (F14)."""

from __future__ import annotations

import pytest

from tests.faults.growing import growth

MIB = 1 << 20


@pytest.mark.registry
def test_f14_a_blob_is_moved_within_a_little_memory() -> None:
    pushed, pulled = growth(256 * MIB)
    assert pushed["seen"] == pulled["seen"] == 3
    assert pushed["grown"] < 64 * MIB
    assert pulled["grown"] < 64 * MIB
