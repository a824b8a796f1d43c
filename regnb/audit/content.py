"""Content: what the documents of an inventory point to, as arrays indexed by digest number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, LAYER, Inventory

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

ROOM = 2.0**62
"""Bytes that all sizes together may have, so that no sum of them can leave int64."""


@dataclass(frozen=True, slots=True)
class Links:
    """What each digest points to: ``targets[starts[d]:starts[d + 1]]``."""

    starts: Ints
    targets: Codes

    @classmethod
    def of(cls, sources: Codes, targets: Codes, count: int) -> Links:
        """Sort pairs by their source; there are `count` digests."""
        order = np.argsort(sources, kind="stable")
        starts = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=count), out=starts[1:])
        return cls(starts, targets[order])

    def follow(self, sources: Codes) -> tuple[Ints, Codes]:
        """All steps from `sources`: the row of the source, and where the step leads."""
        first = self.starts[sources]
        counts = self.starts[sources + 1] - first
        rows = np.repeat(np.arange(len(sources)), counts)
        before = np.cumsum(counts) - counts
        places = np.arange(len(rows)) - np.repeat(before - first, counts)
        return rows, self.targets[places]


@dataclass(frozen=True, slots=True)
class Content:
    """Sizes and links of everything that the documents name.

    Attributes:
        count: how many digests there are.
        declared_in_all: bytes that all descriptors declare, roughly.
        size: bytes of each digest; where descriptors disagree, the largest counts, but a document
            that was read has the size that it has.
        size_conflict: whether a descriptor says otherwise than another, or than the document.
        document: row of `Inventory.documents` of each digest, or NONE.
        declared: bytes of config and layers that each document declares, repeats included.
        foreign: those of them that lie elsewhere.
        children: from indexes to their entries.
        blobs: from documents to configs and layers that do not lie elsewhere.
    """

    count: int
    declared_in_all: float
    size: Ints
    size_conflict: Flags
    document: Ints
    declared: Ints
    foreign: Ints
    children: Links
    blobs: Links

    @classmethod
    def of(cls, inventory: Inventory) -> Content:
        """Read the columns of an inventory."""
        count, edges = len(inventory.digests), inventory.edges
        parent, child = edges.column("parent"), edges.column("child")
        kind, declared_size = edges.column("kind"), edges.column("size")
        of_image, elsewhere = kind <= LAYER, edges.column("foreign").astype(bool)
        own, listed = of_image & ~elsewhere, kind == CHILD
        document = np.full(count, NONE, dtype=np.int64)
        document[inventory.documents.column("digest")] = np.arange(len(inventory.documents))
        size, conflict = _sizes(inventory, child, declared_size)
        return cls(
            count=count,
            declared_in_all=float(np.sum(declared_size, dtype=np.float64)),
            size=size,
            size_conflict=conflict,
            document=document,
            declared=sums(parent[of_image], declared_size[of_image], count),
            foreign=sums(parent[of_image & elsewhere], declared_size[of_image & elsewhere], count),
            children=Links.of(parent[listed], child[listed], count),
            blobs=Links.of(parent[own], child[own], count),
        )

    def check_sums(self) -> None:
        """Refuse to sum what an int64 may not hold.

        Raises:
            OverflowError: the sizes declared cannot be true.
        """
        if self.declared_in_all >= ROOM:
            raise OverflowError(
                f"The manifests of this registry declare {self.declared_in_all:.2g} bytes in all, "
                "which cannot be true and cannot be summed exactly."
            )


def sums(groups: Codes, values: Codes, count: int) -> Ints:
    """The exact sum of the values of each group; `np.bincount` would sum floats."""
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, groups, values)
    return total


def pack(owner: Codes, digest: Codes, count: int) -> Ints:
    """One sortable key for each pair; `count` is how many digests there are."""
    keys: Ints = owner.astype(np.int64) * count + digest
    return keys


def unpack(keys: Ints, count: int) -> tuple[Ints, Ints]:
    """The owners and digests of keys."""
    owner = keys // max(count, 1)
    return owner, keys - owner * count


def distinct(keys: Ints) -> Ints:
    """The keys, sorted, each once; `keys` is sorted in place."""
    keys.sort()
    if len(keys) == 0:
        return keys
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))]


def once(codes: Codes, count: int) -> Ints:
    """The numbers among `codes`, sorted, each once; all are below `count`."""
    found = np.zeros(count, dtype=bool)
    found[codes] = True
    return np.flatnonzero(found)


def contains(keys: Ints, wanted: Ints) -> Flags:
    """Whether each wanted key is among `keys`, which are sorted."""
    if len(keys) == 0:
        return np.zeros(len(wanted), dtype=bool)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Flags = keys[places] == wanted
    return found


def _sizes(inventory: Inventory, child: Codes, declared: Ints) -> tuple[Ints, Flags]:
    count = len(inventory.digests)
    largest, smallest = np.full(count, -1), np.full(count, np.iinfo(np.int64).max)
    np.maximum.at(largest, child, declared)
    np.minimum.at(smallest, child, declared)
    named = largest >= 0
    size = np.where(named, largest, 0)
    digests = inventory.documents.column("digest")
    size[digests] = inventory.documents.column("size")
    return size, named & ((smallest != size) | (largest != size))
