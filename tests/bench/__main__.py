"""``make bench``: walk a docker-registry with regnb and with its peers, in interleaved rounds."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.bench.seeding import Seeder
from tests.bench.walks import WALKS
from tests.servers import docker_registry

Figures = dict[str, float]


def measure(name: str, host: str) -> Figures:
    """One walk in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.walks", name, host]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def rounds(host: str, count: int) -> dict[str, list[Figures]]:
    """Every walk once a round, so that a machine that drifts drifts for all of them."""
    measured: dict[str, list[Figures]] = {name: [] for name in WALKS}
    for name in WALKS:
        measure(name, host)  # the registry's own caches are warm for everyone
    for _ in range(count):
        for name in WALKS:
            measured[name].append(measure(name, host))
    return measured


def versions() -> str:
    names = ("requests", "urllib3", "pandas", "oras", "python-dxf")
    return ", ".join(f"{name} {version(name)}" for name in names)


def report(measured: dict[str, list[Figures]], tags: int) -> str:
    """The table of `docs/benchmarks.md`: medians, and ratios round by round."""
    lines = [
        f"{platform.machine()}, Python {platform.python_version()}, {versions()}; {tags} tags",
        "",
        "| walk | tags/s | / oras-py | CPU ms a tag | peak MB | grown MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, figures in measured.items():
        assert {f["tags"] for f in figures} == {tags}, f"{name} did not see every tag"
        peer = "oras-py with configs" if "configs" in name else "oras-py"
        against = zip(measured[peer], figures, strict=True)
        ratios = [theirs["wall"] / ours["wall"] for theirs, ours in against]
        lines.append(
            f"| {name} | {tags / median(f['wall'] for f in figures):,.0f} "
            f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
            f"| {1000 * median(f['cpu'] for f in figures) / tags:.3f} "
            f"| {median(f['peak'] for f in figures) / 1e6:.0f} "
            f"| {median(f['memory'] for f in figures) / 1e6:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=50)
    parser.add_argument("--tags", type=int, default=20, help="tags in each repository")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, docker_registry(Path(folder)) as url:
        Seeder(url).fill(repositories=chosen.repositories, tags=chosen.tags)
        host = url.removeprefix("http://").rstrip("/")
        measured = rounds(host, chosen.rounds)
    print(report(measured, chosen.repositories * chosen.tags))


if __name__ == "__main__":
    main()
