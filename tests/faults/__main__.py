"""``make faults``: the long run, and its figures as a table."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

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


def classes(results: dict[str, Transfers]) -> str:
    errors = sum((one.errors for one in results.values()), start=type(Transfers().errors)())
    return ", ".join(f"{name} {count:,}" for name, count in errors.most_common())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=GIB, help="bytes of the blob that is reset")
    parser.add_argument("--cuts", type=int, default=200)
    chosen = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, seed {chosen.seed}")
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
    wrong = [pair for one in results.values() for pair in (*one.silent, *one.untyped)]
    if wrong:
        print(f"went wrong, by seed: {wrong}")
    return 1 if wrong or missing or not large.verified else 0


if __name__ == "__main__":
    sys.exit(main())
