"""Whatever kills a process that moves an image, the next one loses nothing and repeats nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import killing
from tests.faults.killing import LAYER, LAYERS

KILLS = 8


def test_f7_killed_pulls_are_gone_on_with_from_the_bytes_on_disk(tmp_path: Path) -> None:
    found = killing.pulls(KILLS, seed=1, root=tmp_path)
    assert found.kills >= KILLS
    assert found.counts["blobs gone on with"] >= KILLS
    # What was on its way through the sockets is lost; all that was on disk is not.
    assert found.extra < LAYERS * LAYER / 4


def test_f8_killed_pushes_are_gone_on_with_from_what_the_registry_has(tmp_path: Path) -> None:
    found = killing.pushes(KILLS, seed=1, root=tmp_path)
    assert found.kills >= KILLS
    assert found.counts["uploads gone on with"] >= KILLS
    assert found.extra < LAYERS * LAYER / 4


@pytest.mark.registry
def test_f8_killed_pushes_begin_anew_where_a_registry_forgets_them(tmp_path: Path) -> None:
    found = killing.pushes_anew(KILLS // 2, seed=1, root=tmp_path)
    assert found.kills >= KILLS // 2
