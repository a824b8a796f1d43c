"""``make bench``: regnb and its peers, in interleaved rounds, part by part."""

from __future__ import annotations

import argparse
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from tests.bench import blobs, images, kernel, listings, uploads
from tests.bench.delay import far_away
from tests.bench.measuring import Figures, middle, ratio, rounds
from tests.bench.seeding import Seeder
from tests.bench.walks import WALKS
from tests.servers import docker_registry

FAR = 25
"""Repositories of the registry that is some way off: one request after the other takes long."""


def versions() -> str:
    names = ("requests", "urllib3", "pandas", "oras", "python-dxf")
    return ", ".join(f"{name} {version(name)}" for name in names)


def report(measured: dict[str, list[Figures]], tags: int) -> str:
    """The table of `docs/benchmarks.md`: medians, and ratios round by round."""
    lines = [
        f"{tags} tags",
        "",
        "| walk | tags/s | / oras-py | CPU ms a tag | peak MB | grown MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, figures in measured.items():
        assert {f["seen"] for f in figures} == {tags}, f"{name} did not see every tag"
        peer = "oras-py with configs" if "configs" in name else "oras-py"
        lines.append(
            f"| {name} | {tags / middle(figures, 'wall'):,.0f} "
            f"| {ratio(measured[peer], figures, 'wall')} "
            f"| {1000 * middle(figures, 'cpu') / tags:.3f} "
            f"| {middle(figures, 'peak') / 1e6:.0f} "
            f"| {middle(figures, 'grown') / 1e6:.1f} |"
        )
    return "\n".join(lines)


def walks(chosen: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as folder, docker_registry(Path(folder)) as url:
        Seeder(url).fill(repositories=chosen.repositories, tags=chosen.tags)
        host = url.removeprefix("http://").rstrip("/")
        measured = rounds("tests.bench.walks", WALKS, host, chosen.rounds)
    return report(measured, chosen.repositories * chosen.tags)


def latency(chosen: argparse.Namespace) -> str:
    """The first walk of a registry that is some way off."""
    tables = []
    with tempfile.TemporaryDirectory() as folder, docker_registry(Path(folder)) as url:
        Seeder(url).fill(repositories=FAR, tags=chosen.tags)
        host = url.removeprefix("http://").rstrip("/")
        for milliseconds in (20, 80):
            with far_away(host, milliseconds) as far:
                measured = rounds("tests.bench.walks", ("regnb", "oras-py"), far, chosen.rounds)
            table = report(measured, FAR * chosen.tags)
            tables.append(f"{milliseconds} ms there and back, {table}")
    return "\n\n".join(tables)


PARTS: dict[str, Callable[[argparse.Namespace], str]] = {
    "walks": walks,
    "latency": latency,
    "listings": lambda chosen: listings.measure(chosen.rounds),
    "blobs": lambda chosen: blobs.measure(chosen.rounds),
    "images": lambda chosen: images.measure(chosen.rounds),
    "uploads": lambda chosen: uploads.measure(chosen.rounds),
    "kernel": lambda chosen: kernel.measure(chosen.rounds),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="all by default")
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--tags", type=int, default=20, help="tags in each repository")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions()}")
    for part in chosen.part or PARTS:
        print(f"\n{PARTS[part](chosen)}", flush=True)


if __name__ == "__main__":
    main()
