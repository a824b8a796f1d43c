"""Reach: which manifests a consumer of storage is led to from where it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Ints, Links, contains, distinct, pack, unpack


@dataclass(frozen=True, slots=True)
class Reach:
    """Pairs of consumer and place, each once; several places may hold the same digest."""

    consumer: Ints
    digest: Ints


def reach(start: Ints, steps: Sequence[Links], count: int) -> tuple[Ints, Ints]:
    """Follow all steps from many starts at once, one level after the other.

    Args:
        start: for each consumer the place that it begins at.
        steps: links between places.
        count: how many places there are.

    Returns:
        Pairs of the number of a consumer and a place that it reaches, each once.
    """
    keys = pack(np.arange(len(start)), start, count)
    levels, seen = [keys], distinct(keys.copy())
    while len(keys) and steps:
        consumer, place = unpack(keys, count)
        found = []
        for links in steps:
            rows, targets = links.follow(place)
            found.append(pack(consumer[rows], targets, count))
        keys = distinct(np.concatenate(found))
        keys = keys[~contains(seen, keys)]
        if len(keys):
            levels.append(keys)
            seen = distinct(np.concatenate((seen, keys)))
    return unpack(np.concatenate(levels), count)
