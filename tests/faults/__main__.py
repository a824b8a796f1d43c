"""``make faults``: the long run, and its figures as a table."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.growing import growth
from tests.faults.killing import pulls, pushes, pushes_anew
from tests.faults.moving import Moves, moves
from tests.faults.nightly import (
    THREADS,
    TOKEN_USES,
    Transfers,
    expiries,
    peak_memory,
    resets,
    transfers,
    walk,
)

GIB = 1 << 30

Wrong = list[tuple[int, str]]
"""Seeds of what went wrong, and how."""


def table(results: dict[str, Transfers]) -> str:
    """The table of `docs/faults.md`."""
    lines = [
        "| transfers | tried | whole | typed error | silent error | other exception |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind, one in results.items():
        counts = (one.tried, one.whole, one.errors.total(), len(one.silent), len(one.untyped))
        lines.append(f"| {kind} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return "\n".join(lines)


def classes(results: Mapping[str, Transfers | Moves]) -> str:
    errors = sum((one.errors for one in results.values()), start=Counter[str]())
    return ", ".join(f"{name} {count:,}" for name, count in errors.most_common())


def moves_table(results: dict[str, Moves]) -> str:
    """The table of whole images in `docs/faults.md`."""
    lines = [
        "| images | tried | whole | typed error | whole at the second call | silent error "
        "| other exception |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind, one in results.items():
        ended = (one.tried, one.whole, one.errors.total(), one.mended)
        counts = (*ended, len(one.silent), len(one.untyped))
        lines.append(f"| {kind} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return "\n".join(lines)


def images(chosen: argparse.Namespace) -> Wrong:
    """Whole images: under random faults, killed, and one that is large."""
    started = time.monotonic()
    results = moves(chosen.moves, chosen.seed)
    print(moves_table(results))
    print(f"errors: {classes(results)}")
    print(f"seconds: {time.monotonic() - started:.0f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kill in (pulls, pushes, pushes_anew):
            print(f"{kill.__name__}: {kill(chosen.kills, chosen.seed, Path(folder))}", flush=True)
    for work, figures in zip(("pushed", "pulled"), growth(chosen.size), strict=True):
        print(f"{chosen.size:,} bytes {work}: memory grown {figures['grown'] / 1e6:.0f} MB")
    return wrong(results)


def requests(chosen: argparse.Namespace) -> Wrong:
    """Single requests: blobs, listings, manifests and tokens."""
    started, before = time.monotonic(), peak_memory()
    results = transfers(chosen.transfers, chosen.seed)
    read = results["blobs read"]
    print(table(results))
    print(f"errors: {classes(results)}")
    share = 100 * read.extra / max(read.size, 1)
    print(f"blobs read: {read.size:,} bytes, and {read.extra:,} once more ({share:.2f} %)")
    print(f"memory grown, registry and proxy included: {(peak_memory() - before) / 1e6:.0f} MB")
    print(f"seconds: {time.monotonic() - started:.0f}", flush=True)
    read_well, missing = walk(chosen.tags, chosen.seed)
    print(f"tags read at 1 % 503: {read_well:,}; missing: {missing}", flush=True)
    asked, ended = expiries(1000)
    print(
        f"1,000 requests in {THREADS} threads, a token good for {TOKEN_USES}: "
        f"{asked} token requests, {ended} refusals"
    )
    with tempfile.TemporaryDirectory() as folder:
        large = resets(Path(folder), size=chosen.size, cuts=chosen.cuts)
    print(
        f"{large.size:,} bytes through {large.cuts} resets: verified {large.verified}, "
        f"{100 * (large.sent / large.size - 1):.2f} % more bytes sent, "
        f"memory grown {large.grown / 1e6:.0f} MB"
    )
    found = wrong(results)
    found += [(chosen.seed, f"{missing} tags missing")] if missing else []
    return found + ([] if large.verified else [(chosen.seed, "a large blob was not verified")])


def wrong(results: Mapping[str, Transfers | Moves]) -> Wrong:
    """What must not happen, by seed."""
    silent = [(seed, "silent") for one in results.values() for seed in one.silent]
    return silent + [pair for one in results.values() for pair in one.untyped]


PARTS: dict[str, Callable[[argparse.Namespace], Wrong]] = {"requests": requests, "images": images}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="all by default")
    parser.add_argument("--transfers", type=int, default=10_000)
    parser.add_argument("--moves", type=int, default=1_000, help="whole images")
    parser.add_argument("--kills", type=int, default=50, help="of pulls, and of pushes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=GIB, help="bytes of the large blobs")
    parser.add_argument("--cuts", type=int, default=200)
    chosen = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, seed {chosen.seed}")
    found = [pair for part in chosen.part or PARTS for pair in PARTS[part](chosen)]
    if found:
        print(f"went wrong, by seed: {found}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
