"""Content: what the documents of an inventory point to, as arrays indexed by digest number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, sums
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, LAYER, SUBJECT, Inventory

DESCRIPTOR, DOCUMENT = range(2)
"""What says how large something is: whoever names it, or its own bytes, which were read."""

ROOM = 2.0**62
"""Bytes that all sizes together may have, so that no sum of them can leave int64."""


@dataclass(frozen=True, slots=True)
class Content:
    """Sizes and links of everything that the documents name.

    Attributes:
        count: how many digests there are.
        declared_in_all: bytes that all descriptors declare, roughly.
        size: bytes of each digest; where descriptors disagree, the largest counts, but a manifest
            or config that was read has the size that it has.
        size_source: what says so: `DESCRIPTOR` or `DOCUMENT`.
        size_conflict: whether a descriptor says otherwise than another, or than what was read.
        document: row of `Inventory.documents` of each digest, or NONE.
        declared: bytes of config and layers that each document declares, repeats included.
        foreign: those of them that lie elsewhere.
        children: from indexes to their entries.
        blobs: from documents to configs and layers that do not lie elsewhere.
        subjects: from documents to what they say they are about.
    """

    count: int
    declared_in_all: float
    size: Ints
    size_source: Codes
    size_conflict: Flags
    document: Ints
    declared: Ints
    foreign: Ints
    children: Links
    blobs: Links
    subjects: Links

    @classmethod
    def of(cls, inventory: Inventory) -> Content:
        """Read the columns of an inventory."""
        count, edges = len(inventory.digests), inventory.edges
        parent, child = edges.column("parent"), edges.column("child")
        kind, declared_size = edges.column("kind"), edges.column("size")
        of_image, elsewhere = kind <= LAYER, edges.column("foreign").astype(bool)
        own, listed, about = of_image & ~elsewhere, kind == CHILD, kind == SUBJECT
        document = np.full(count, NONE, dtype=np.int64)
        document[inventory.documents.column("digest")] = np.arange(len(inventory.documents))
        size, source, conflict = _sizes(inventory, child, declared_size)
        return cls(
            count=count,
            declared_in_all=float(np.sum(declared_size, dtype=np.float64)),
            size=size,
            size_source=source,
            size_conflict=conflict,
            document=document,
            declared=sums(parent[of_image], declared_size[of_image], count),
            foreign=sums(parent[of_image & elsewhere], declared_size[of_image & elsewhere], count),
            children=Links.of(parent[listed], child[listed], count),
            blobs=Links.of(parent[own], child[own], count),
            subjects=Links.of(parent[about], child[about], count),
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


def _sizes(inventory: Inventory, child: Codes, declared: Ints) -> tuple[Ints, Codes, Flags]:
    count = len(inventory.digests)
    largest, smallest = np.full(count, -1), np.full(count, np.iinfo(np.int64).max)
    np.maximum.at(largest, child, declared)
    np.minimum.at(smallest, child, declared)
    named = largest >= 0
    size, source = np.where(named, largest, 0), np.full(count, DESCRIPTOR)
    for read in (inventory.configs, inventory.documents):
        digests = read.column("digest")
        size[digests], source[digests] = read.column("size"), DOCUMENT
    return size, source, named & ((smallest != size) | (largest != size))
