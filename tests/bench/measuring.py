"""What one call of one client costs, in a process of its own."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median

Call = Callable[[], int]
"""What is measured; returns how many things it has seen."""
Figures = dict[str, float]
"""``seen``, seconds as ``wall`` and ``cpu``, bytes as ``grown`` and ``peak``."""

_MEMORY = Path("/proc/self/status")
_FORGET_PEAK = "5"  # to /proc/self/clear_refs, see proc(5)


def alone(module: str, *arguments: str) -> Figures:
    """Run a module that calls `report`, in a fresh process."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def report(call: Call) -> None:
    """Measure a call and print its figures. What was imported before is not counted."""
    gc.collect()  # nor what the imports left to be collected
    Path("/proc/self/clear_refs").write_text(_FORGET_PEAK)
    before, wall, cpu = _memory("VmRSS"), time.perf_counter(), _processor_time()
    seen = call()
    figures = {
        "seen": seen,
        "wall": time.perf_counter() - wall,
        "cpu": _processor_time() - cpu,
        "grown": max(_memory("VmHWM") - before, 0),
        "peak": _memory("VmHWM"),
    }
    print(json.dumps(figures))


def rounds(module: str, names: Iterable[str], host: str, count: int) -> dict[str, list[Figures]]:
    """Every call once a round, so that a machine that drifts drifts for all of them.

    Every other round goes backwards, so that none always follows the same one.
    """
    measured: dict[str, list[Figures]] = {name: [] for name in names}
    for name in measured:
        alone(module, name, host)  # the registry's own caches are warm for everyone
    for number in range(count):
        for name in list(measured)[:: -1 if number % 2 else 1]:
            measured[name].append(alone(module, name, host))
    return measured


def middle(figures: Iterable[Mapping[str, float]], name: str) -> float:
    """The median of one figure."""
    return median(one[name] for one in figures)


def ratio(peer: list[Figures], ours: list[Figures], name: str) -> str:
    """How much more of something a peer needs: the median of the rounds, and their range."""
    ratios = [theirs[name] / one[name] for theirs, one in zip(peer, ours, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _processor_time() -> float:
    """Seconds of this process and of the programs that it has run."""
    return sum(os.times()[:4])


def _memory(name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+) kB$", _MEMORY.read_text(), re.MULTILINE)
    assert match, f"no {name}: Linux is needed"
    return int(match[1]) * 1024
