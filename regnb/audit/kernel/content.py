"""Content: what the documents of an inventory point to, as arrays indexed by digest number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, sums
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, LAYER, SUBJECT, Inventory
from regnb.walk.stated import stated_sizes

DESCRIPTOR, DOCUMENT, HEAD = range(3)
"""What says how large something is: who names it, its own bytes, or the registry that has it."""

ROOM = 2.0**62
"""Bytes that all sizes together may have, so that no sum of them can leave int64."""


@dataclass(frozen=True, slots=True)
class Content:
    """Sizes and links of everything that the documents name.

    Attributes:
        count: how many digests there are.
        declared_in_all: bytes that all descriptors declare, and the registry says, roughly.
        size: bytes of each digest. A manifest or config that was read has the size that it has, and
            what the registry was asked for the size that it says; else the largest size counts that
            a descriptor states.
        size_source: what says so: `DESCRIPTOR`, `DOCUMENT` or `HEAD`.
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
        kind, elsewhere = edges.column("kind"), edges.column("foreign").astype(bool)
        of_image, listed, about = kind <= LAYER, kind == CHILD, kind == SUBJECT
        own, far, tables = of_image & ~elsewhere, of_image & elsewhere, (edges, inventory.sizes)
        document = np.full(count, NONE, dtype=np.int64)
        document[inventory.documents.column("digest")] = np.arange(len(inventory.documents))
        size, source, conflict = _sizes(inventory)
        return cls(
            count=count,
            declared_in_all=sum(float(one.column("size").sum(dtype=np.float64)) for one in tables),
            size=size,
            size_source=source,
            size_conflict=conflict,
            document=document,
            declared=sums(parent[of_image], edges.column("size")[of_image], count),
            foreign=sums(parent[far], edges.column("size")[far], count),
            children=Links.of(parent[listed], child[listed], count),
            blobs=Links.of(parent[own], child[own], count),
            subjects=Links.of(parent[about], child[about], count),
        )

    @property
    def unsettled(self) -> Flags:
        """Whether each digest has a size of which it is not known whether it is the right one."""
        unsettled: Flags = self.size_conflict & (self.size_source == DESCRIPTOR)
        return unsettled

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


def _sizes(inventory: Inventory) -> tuple[Ints, Codes, Flags]:
    """The size of each digest, what says so, and whether anything else says otherwise."""
    smallest, largest = stated_sizes(inventory)
    size, source = np.maximum(largest, 0), np.full(len(largest), DESCRIPTOR, dtype=np.int8)
    proofs = (
        (inventory.sizes, HEAD),
        (inventory.configs, DOCUMENT),
        (inventory.documents, DOCUMENT),
    )
    for proof, says in proofs:
        digests = proof.column("digest")
        size[digests], source[digests] = proof.column("size"), says
    return size, source, (largest >= 0) & ((smallest != size) | (largest != size))
