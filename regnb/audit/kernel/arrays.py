"""Arrays: pairs as sortable keys, exact sums, and what points to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Links:
    """What each number points to: ``targets[starts[n]:starts[n + 1]]``."""

    starts: Ints
    targets: Codes

    @classmethod
    def of(cls, sources: Codes, targets: Codes, count: int) -> Links:
        """Sort pairs by their source; sources are below `count`."""
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

    def targets_of(self, sources: Flags) -> Codes:
        """Where all steps from the flagged sources lead; quicker than `follow` from many."""
        return self.targets[np.repeat(sources, np.diff(self.starts))]


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


def ranks(values: Sequence[str]) -> Ints:
    """The place of each value in sorted order: numbers sort by it as their texts do."""
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    return rank
