"""What the garbage collectors of the distribution registry sweep, modelled with plain sets.

Version 2.8.2 was measured; the model of 3.1.1 is that of its source, and of runs elsewhere. Neither
follows subjects.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tests.audit.reference import Shelves


@dataclass(frozen=True)
class Collected:
    """What a collector marks, which blobs it sweeps, and which revisions it takes for untagged."""

    marked: frozenset[str]
    swept: frozenset[str]
    untagged: frozenset[tuple[str, str]] = frozenset()


def collect_2(shelves: Shelves, disk: Collection[str], *, untagged: bool = False) -> Collected:
    """Version 2.8.2: each revision, or with ``-m`` each tagged one, and what it names itself.

    The children of an index are named, what they name is not: ``-m`` sweeps the layers of every
    child without a tag of its own.
    """
    kept = _tagged(shelves) if untagged else _revisions(shelves)
    marked = {digest for _, digest in kept}
    marked |= {name for digest in marked for name in _named(shelves, digest)}
    return _swept(shelves, disk, marked, kept)


def collect_3(shelves: Shelves, disk: Collection[str], *, untagged: bool = False) -> Collected:
    """Version 3.1.1: also what the children name, where the repository holds the child.

    It goes down only from a digest that was not marked before. So where one repository lacks a
    child, a later one loses what the same child names, although it holds it (section 6.4).
    """
    kept = _tagged(shelves) if untagged else _revisions(shelves)
    marked: set[str] = set()
    for repository, digest in sorted(kept, key=_walked):
        marked.add(digest)
        _mark(shelves, repository, digest, marked)
    swept = _swept(shelves, disk, marked, kept)
    spared = frozenset(pair for pair in swept.untagged if pair[1] not in marked)
    return Collected(swept.marked, swept.swept, spared)


def collect_as_specified(shelves: Shelves, disk: Collection[str]) -> Collected:
    """What no tag leads to through indexes: what 3.1.1 means to sweep with ``-m``."""
    kept = _tagged(shelves)
    marked: set[str] = set()
    for repository in shelves.holdings:
        of_it: set[str] = set()  # nothing is skipped for what another repository has marked
        for owner, digest in kept:
            if owner == repository:
                of_it.add(digest)
                _mark(shelves, repository, digest, of_it)
        marked |= of_it
    return _swept(shelves, disk, marked, kept)


def _mark(shelves: Shelves, repository: str, digest: str, marked: set[str]) -> None:
    for name in _named(shelves, digest):
        if name in marked:
            continue
        marked.add(name)
        if name in shelves.holdings[repository]:
            _mark(shelves, repository, name, marked)


def _swept(
    shelves: Shelves, disk: Collection[str], marked: set[str], kept: set[tuple[str, str]]
) -> Collected:
    untagged = frozenset(_revisions(shelves) - kept)
    return Collected(frozenset(marked), frozenset(disk) - marked, untagged)


def _revisions(shelves: Shelves) -> set[tuple[str, str]]:
    return {(owner, digest) for owner, held in shelves.holdings.items() for digest in held}


def _tagged(shelves: Shelves) -> set[tuple[str, str]]:
    return {(owner, digest) for (owner, _), digest in shelves.tags.items()} & _revisions(shelves)


def _named(shelves: Shelves, digest: str) -> list[str]:
    return [str(named.digest) for named in shelves.manifests[digest].references()]


def _walked(revision: tuple[str, str]) -> tuple[list[str], str]:
    """The order of the walk over folders: those of a repository itself stand among its children."""
    repository, digest = revision
    return [*repository.split("/"), "_layers"], digest
