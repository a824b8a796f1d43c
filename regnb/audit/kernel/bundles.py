"""Bundles: blobs by the exact set of consumers that need them, and so go with them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnb.audit.kernel.arrays import Ints, Links, once, sums
from regnb.audit.kernel.usage import Pairs
from regnb.walk.columns import NONE

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Bundles:
    """Sets of consumers, each with the blobs that these need and nobody else.

    Their numbers depend on the names of consumers alone, and on no order of a walk.

    Attributes:
        of_blob: the bundle of each digest; NONE for what nobody needs.
        consumers: from each bundle to its consumers.
        size: bytes of each.
        blob_count: how many blobs are in each.
    """

    of_blob: Ints
    consumers: Links
    size: Ints
    blob_count: Ints

    @classmethod
    def of(cls, pairs: Pairs, size: Ints, name: Ints) -> Bundles:
        """Group blobs by their consumers.

        Args:
            pairs: who needs what, each pair once.
            size: of each digest.
            name: a number of each consumer by which two audits of one registry know it.
        """
        users, blobs = Links.of(pairs.blob, pairs.consumer, len(size)), once(pairs.blob, len(size))
        first, group = _grouped(pairs, users, blobs, name)
        of_blob = np.full(len(size), NONE, dtype=np.int64)
        of_blob[blobs] = group
        starts = np.zeros(len(first) + 1, dtype=np.int64)
        np.cumsum(users.counts(blobs[first]), out=starts[1:])
        return cls(
            of_blob=of_blob,
            consumers=Links(starts, users.beyond(blobs[first])),
            size=sums(group, size[blobs], len(first)),
            blob_count=np.bincount(group, minlength=len(first)).astype(np.int64),
        )


def _grouped(pairs: Pairs, users: Links, blobs: Ints, name: Ints) -> tuple[Ints, Ints]:
    """The first of each group of blobs, and the group of each, in the order of their hashes.

    No hash decides: the users of all blobs of a group are compared, and where two sets have the
    same hash, another one tells them apart.
    """
    salt = 0
    while True:
        hashes = _hashes(pairs, _mixed(name, salt), len(users.starts) - 1)[blobs]
        first, group = _together(hashes, users.counts(blobs))
        if np.array_equal(users.beyond(blobs), users.beyond(blobs[first][group])):
            return first, group
        salt += 1


def _mixed(numbers: Ints, salt: int) -> Hashes:
    """Numbers without any pattern, one for each number (splitmix64)."""
    mixed = numbers.astype(np.uint64)
    mixed += np.uint64(salt + 1)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _hashes(pairs: Pairs, of_consumer: Hashes, count: int) -> Hashes:
    """For each digest the sum over those that need it: the same for the same set."""
    total = np.zeros(count, dtype=np.uint64)
    np.add.at(total, pairs.blob, of_consumer[pairs.consumer])
    return total


def _together(hashes: Hashes, counts: Ints) -> tuple[Ints, Ints]:
    """The first blob of each group of equal hash and count, and the group of each blob."""
    order = np.lexsort((counts, hashes))
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (hashes[order][1:] != hashes[order][:-1]) | (
        counts[order][1:] != counts[order][:-1]
    )
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(begins) - 1
    return order[begins], group
