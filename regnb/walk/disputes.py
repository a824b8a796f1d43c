"""Disputes: blobs on whose size descriptors disagree, and that nobody reads.

What was read has the size that it has. Of layers a walk knows what manifests claim: where two
claims differ, one of them is wrong, and the registry is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from regnb import interfaces
from regnb import workers as threads
from regnb.store.cache import ContentCache
from regnb.walk.asking import Asking
from regnb.walk.budget import Budget, Purse, Stopped
from regnb.walk.inventory import LAYER, Inventory
from regnb.walk.journal import Journal
from regnb.walk.places import BlobJob
from regnb.walk.stated import stated_sizes


def disputed(inventory: Inventory) -> list[list[BlobJob]]:
    """Each config and layer to ask for, in all repositories whose manifests name it."""
    edges, jobs = inventory.edges, dict[int, dict[int, BlobJob]]()
    parent, child = edges.column("parent"), edges.column("child")
    wanted = (edges.column("kind") <= LAYER) & (edges.column("foreign") == 0)
    wanted &= _unsettled(inventory)[child]
    homes = dict(_homes(inventory, parent[wanted]))
    for manifest, blob in zip(parent[wanted].tolist(), child[wanted].tolist(), strict=True):
        for home in homes.get(manifest, ()):
            job = BlobJob(inventory.repositories.values[home], blob, manifest)
            jobs.setdefault(blob, {}).setdefault(home, job)
    found = [sorted(one.values(), key=lambda job: job.repository) for one in jobs.values()]
    return sorted(found, key=lambda of: inventory.digests.values[of[0].digest])


def settle_sizes(registry: interfaces.Registry, inventory: Inventory) -> None:
    """Ask for what several walks disagree on, once what they saw is one inventory.

    Raises:
        RegistryError: the registry could not be asked at all.
    """
    purse = Purse(Budget(), registry)
    nothing = ContentCache(None, limit=0)
    asking = Asking(registry, inventory, cache=nothing, journal=Journal(), purse=purse)
    crew, stop = threads.Crew(), registry.cancel
    try:
        threads.run(
            disputed(inventory), asking.settle_size, workers=crew, tick=purse.check, cancel=stop
        )
    except Stopped as reason:
        inventory.stopped = str(reason)
    inventory.finish(finished=not inventory.stopped)


def _unsettled(inventory: Inventory) -> npt.NDArray[np.bool_]:
    """Whether each digest has two sizes, none of which is proven."""
    smallest, largest = stated_sizes(inventory)
    unsettled: npt.NDArray[np.bool_] = smallest != largest
    for proof in (inventory.documents, inventory.configs, inventory.sizes):
        unsettled[proof.column("digest")] = False
    unsettled[[layer for layer, here in inventory.located.items() if not here]] = False
    return unsettled


def _homes(
    inventory: Inventory, manifests: npt.NDArray[np.int32]
) -> Iterator[tuple[int, list[int]]]:
    """Manifests, and the repositories that hold each."""
    members = inventory.members
    digest = members.column("digest")
    rows = np.flatnonzero(np.isin(digest, manifests) & (members.column("present") == 1))
    rows = rows[np.argsort(digest[rows], kind="stable")]
    distinct, first = np.unique(digest[rows], return_index=True)
    homes = np.split(members.column("repository")[rows], first[1:])
    yield from zip(distinct.tolist(), (one.tolist() for one in homes), strict=False)
