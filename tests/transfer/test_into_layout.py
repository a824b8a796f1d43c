"""What is special of layouts as destinations."""

from __future__ import annotations

from pathlib import Path

import pytest

from regnb.errors import OperationCancelledError
from regnb.store.layout import Layout
from regnb.transfer.destination import Step
from regnb.transfer.into_layout import IntoLayout
from tests.store.building import Built


def test_f10_who_waits_for_another_process_ends_with_the_transfer(tmp_path: Path) -> None:
    source = Layout(tmp_path / "source").repository("team/app")
    image = Built("a")
    image.into(source, "1")
    target = Layout(tmp_path / "target").repository("team/app")
    layer = image.manifest.layers[0]

    def stopped(_: int) -> None:
        raise OperationCancelledError("it is to end")

    with target.blobs.part(layer), pytest.raises(OperationCancelledError):
        IntoLayout(target).take(Step(layer, "transfer"), source, stopped)
