"""Moves that end in the middle: nothing half is taken for whole, and the next call goes on."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import regnb
from tests.faults import moving
from tests.faults.moving import TAG, is_in_layout, is_sound

NAME = "layout"  # what a layout calls its images unless it says otherwise
CALLS = (
    "open",
    "write",
    "fsync",
    "ftruncate",
    "fchmod",
    "replace",
    "unlink",
    "rmdir",
    "mkdir",
    "close",
)
DIED = 9


def dying(work: Callable[[], object], step: int) -> int:
    """Do something in a process that dies before its nth call of the system; its exit code."""

    def child() -> None:
        left = step

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def counting(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left <= 0:
                    os._exit(DIED)
                return call(*arguments, **options)

            return counting

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def test_f7_a_process_may_die_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the machine goes on; it is slow
    moved = moving.load([b"one" * 1000])
    source = moved.laid(tmp_path / "layout")
    folder, steps = tmp_path / "pulled", 0

    def pull() -> None:
        regnb.connect(f"oci:{source}")[f"{NAME}:{TAG}"].pull(folder, progress=False)

    while dying(pull, steps + 1) == DIED:
        steps += 1
        assert is_sound(folder)
        pull()
        assert is_in_layout(moved, folder), f"after {steps} steps"
        shutil.rmtree(folder)
    assert steps > 50, steps
