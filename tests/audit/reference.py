"""The definitions once more, with plain sets and exact fractions: what the fast code must equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from regnb.model.manifest import ImageManifest, Manifest


@dataclass(frozen=True)
class Shelves:
    """A small registry: its manifests, who holds which, and the tags.

    Layers that are `elsewhere` name other places, and no repository holds them.
    """

    manifests: Mapping[str, Manifest]
    holdings: Mapping[str, frozenset[str]]
    tags: Mapping[tuple[str, str], str]
    elsewhere: frozenset[str] = frozenset()

    def roots(self, repository: str) -> set[str]:
        return {digest for (owner, _), digest in self.tags.items() if owner == repository}


@dataclass(frozen=True)
class Numbers:
    declared: int
    stored: int
    exclusive: int
    shared: int
    fair: Fraction
    blob_count: int


def closure(shelves: Shelves, repository: str, roots: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = [root for root in roots if root in shelves.holdings[repository]]
    while waiting:
        digest = waiting.pop()
        if digest in found:
            continue
        found.add(digest)
        manifest = shelves.manifests[digest]
        if isinstance(manifest, ImageManifest):
            continue
        children = {str(child.digest) for child in manifest.references()}
        waiting += sorted(children & shelves.holdings[repository])
    return found


def sizes(shelves: Shelves) -> dict[str, int]:
    """The largest that any descriptor says; of manifests, what they have."""
    size: dict[str, int] = {}
    for manifest in shelves.manifests.values():
        for named in manifest.references():
            size[named.digest] = max(size.get(named.digest, 0), named.size)
    return {**size, **{digest: m.size for digest, m in shelves.manifests.items()}}


def needs(shelves: Shelves, documents: set[str]) -> set[str]:
    found = set(documents)
    for digest in documents:
        manifest = shelves.manifests[digest]
        if isinstance(manifest, ImageManifest):
            found |= {str(named.digest) for named in manifest.references() if not named.foreign}
    return found - shelves.elsewhere


def visible(shelves: Shelves) -> Shelves:
    """What the tags lead to, which is all that the API shows."""
    reached = {
        repository: frozenset(closure(shelves, repository, shelves.roots(repository)))
        for repository in shelves.holdings
    }
    shown = frozenset[str]().union(*reached.values())
    manifests = {digest: shelves.manifests[digest] for digest in shelves.manifests.keys() & shown}
    return replace(shelves, manifests=manifests, holdings=reached)


def declares(shelves: Shelves, documents: set[str]) -> int:
    images = [shelves.manifests[digest] for digest in documents]
    return sum(
        named.size
        for manifest in images
        if isinstance(manifest, ImageManifest)
        for named in manifest.references()
    )


def consumers(shelves: Shelves, by: str) -> dict[tuple[str, str], set[str]]:
    """The documents that each consumer reaches."""
    of_tags = {
        (repository, tag): closure(shelves, repository, {digest})
        for (repository, tag), digest in shelves.tags.items()
    }
    if by == "tag":
        return of_tags
    merged: dict[tuple[str, str], set[str]] = {}
    if by == "registry":
        merged["", ""] = set()
    for (repository, _), documents in of_tags.items():
        merged.setdefault(("" if by == "registry" else repository, ""), set()).update(documents)
    return merged


def usage(shelves: Shelves, by: str) -> dict[tuple[str, str], Numbers]:
    size = sizes(shelves)
    reached = consumers(shelves, by)
    needed = {name: needs(shelves, documents) for name, documents in reached.items()}
    users: dict[str, int] = {}
    for blobs in needed.values():
        for blob in blobs:
            users[blob] = users.get(blob, 0) + 1
    numbers = {}
    for name, blobs in needed.items():
        stored = sum(size[blob] for blob in blobs)
        exclusive = sum(size[blob] for blob in blobs if users[blob] == 1)
        numbers[name] = Numbers(
            declared=declares(shelves, reached[name]),
            stored=stored,
            exclusive=exclusive,
            shared=stored - exclusive,
            fair=sum((Fraction(size[blob], users[blob]) for blob in blobs), Fraction(0)),
            blob_count=len(blobs),
        )
    return numbers
