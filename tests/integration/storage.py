"""The disk of a docker-registry: a registry of plain values written to it, and its garbage."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import regnb
from regnb.audit.audit import Audit
from tests.audit.generator import Stock
from tests.integration.filling import run
from tests.servers import docker_registry, need
from tests.servers.distribution import PROGRAM, storage_configuration

TOP = "docker/registry/v2"
_TOTALS = re.compile(
    r"(\d+) blobs marked, (\d+) blobs and (\d+) manifests eligible for deletion", re.ASCII
)


@dataclass(frozen=True)
class Garbage:
    """What the collector said: how many blobs it marked, what it swept or would sweep."""

    marked: int
    swept: frozenset[str]
    untagged: frozenset[tuple[str, str]]


def write(stock: Stock, root: Path) -> None:
    """Write a registry as docker-registry itself would have stored it."""
    (root / TOP / "blobs").mkdir(parents=True)  # the collector ends in an error without it
    for digest, raw in stock.files.items():
        _write(_data(root, digest), raw)
    for repository, held in stock.shelves.holdings.items():
        folder = _repository(root, repository)
        (folder / "_layers").mkdir(parents=True)
        (folder / "_manifests/tags").mkdir(parents=True)
        (folder / "_manifests/revisions").mkdir(parents=True)
        _link(folder / "_layers", stock.links[repository])
        _link(folder / "_manifests/revisions", held)
    for (repository, tag), digest in stock.shelves.tags.items():
        folder = _repository(root, repository) / "_manifests/tags" / tag
        _write(folder / "current/link", digest.encode())
        _link(folder / "index", [digest])


@dataclass(frozen=True)
class Served:
    """A registry that a server holds, and what an audit says of it."""

    url: str
    audit: Audit


@contextmanager
def served(stock: Stock, root: Path, *, policy: str = "oci") -> Iterator[Served]:
    """A real server on a registry of plain values while the block runs, and an audit of it."""
    write(stock, root)
    with docker_registry(root) as url, regnb.connect(url) as client:
        yield Served(url, client.audit(progress=False).with_policy(policy))


def tags(root: Path) -> set[tuple[str, str]]:
    """The tags of each repository."""
    repositories = root / TOP / "repositories"
    folders = repositories.glob("**/_manifests/tags/*")
    return {(str(f.parents[2].relative_to(repositories)), f.name) for f in folders}


def untag(root: Path, repository: str, tag: str) -> None:
    """Take a tag away, which this registry does not do over HTTP."""
    subprocess.run(
        ["rm", "-r", _repository(root, repository) / "_manifests/tags" / tag], check=True
    )


def sizes(root: Path) -> dict[str, int]:
    """The size of every blob file by its digest."""
    files = (root / TOP / "blobs").glob("*/*/*/data")
    return {f"{f.parents[2].name}:{f.parent.name}": f.stat().st_size for f in files}


def collect_garbage(root: Path, *, untagged: bool = False, dry_run: bool = False) -> Garbage:
    """Run the collector of a registry that is stopped.

    Args:
        root: of the registry.
        untagged: manifests without a tag are garbage too.
        dry_run: sweep nothing, only say what would be swept.
    """
    program, settings = need(PROGRAM, PROGRAM), storage_configuration(root)
    options = ["--delete-untagged"] * untagged + ["--dry-run"] * dry_run
    return _read(run(program, "garbage-collect", *options, settings))


def _read(said: str) -> Garbage:
    """Lines: a repository, what it marks and which manifests are eligible; totals; the blobs."""
    swept: set[str] = set()
    untagged: set[tuple[str, str]] = set()
    repository = ""
    for line in said.splitlines():
        text, _, digest = line.rpartition(": ")
        if text == "manifest eligible for deletion":
            untagged.add((repository, digest))
        elif text == "blob eligible for deletion":
            swept.add(digest)
        elif line and " " not in line:
            repository = line
    totals = _TOTALS.search(said)
    assert totals, said
    marked, blobs, manifests = map(int, totals.groups())
    assert (blobs, manifests) == (len(swept), len(untagged)), said
    return Garbage(marked, frozenset(swept), frozenset(untagged))


def _repository(root: Path, name: str) -> Path:
    return root / TOP / "repositories" / name


def _data(root: Path, digest: str) -> Path:
    algorithm, _, encoded = digest.partition(":")
    return root / TOP / "blobs" / algorithm / encoded[:2] / encoded / "data"


def _link(folder: Path, digests: Iterable[str]) -> None:
    for digest in digests:
        _write(folder / digest.replace(":", "/") / "link", digest.encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
