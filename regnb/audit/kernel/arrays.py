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

    starts: Codes
    targets: Codes

    @classmethod
    def of(cls, sources: Codes, targets: Codes, count: int) -> Links:
        """Sort pairs by their source; sources are below `count`."""
        small = len(targets) <= np.iinfo(np.int32).max  # half of the memory: starts are many
        starts: Codes = np.zeros(count + 1, dtype=np.int32 if small else np.int64)
        np.cumsum(np.bincount(sources, minlength=count), out=starts[1:])
        return cls(starts, targets if _ascends(sources) else targets[_order(sources)])

    def counts(self, sources: Codes) -> Ints:
        """How many steps there are from each of `sources`."""
        counts: Ints = self.starts[sources + 1].astype(np.int64)
        counts -= self.starts[sources]
        return counts

    def beyond(self, sources: Codes) -> Codes:
        """Where all steps from `sources` lead, one source after the other."""
        counts = self.counts(sources)
        skipped = self.starts[sources] - np.cumsum(counts)
        skipped += counts
        places = np.repeat(skipped, counts)
        places += np.arange(len(places))
        return self.targets[places]

    def follow(self, sources: Codes) -> tuple[Ints, Codes]:
        """All steps from `sources`: the row of the source, and where the step leads."""
        rows = np.repeat(np.arange(len(sources)), self.counts(sources))
        return rows, self.beyond(sources)

    def targets_of(self, sources: Flags) -> Codes:
        """Where all steps from the flagged sources lead; quicker than `follow` from many."""
        return self.targets[np.repeat(sources, np.diff(self.starts))]


def _ascends(numbers: Codes) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


def _order(numbers: Codes) -> Ints:
    """The stable order of numbers that are not negative: to sort keys is quicker than argsort."""
    keys = pack(numbers, np.arange(len(numbers)), len(numbers))
    keys.sort()
    return unpack(keys, len(numbers))[1]


def sums(groups: Codes, values: Codes, count: int) -> Ints:
    """The exact sum of the values of each group; `np.bincount` would sum floats."""
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, groups, values)
    return total


def sums_fit(groups: Codes, values: Codes, count: int) -> Flags:
    """Whether the sum of the values of each group, none negative, stays within 2**62 and int64."""
    # The upper bits alone cannot leave int64, and what they lack is too little to matter.
    found: Flags = sums(groups, values >> 20, count) < 1 << 42
    return found


def pack(owner: Codes, digest: Codes, count: int) -> Ints:
    """One sortable key for each pair; `count` is how many digests there are."""
    keys: Ints = owner.astype(np.int64)
    keys <<= count.bit_length()
    keys |= digest
    return keys


def unpack(keys: Ints, count: int) -> tuple[Ints, Ints]:
    """The owners and digests of keys."""
    bits = count.bit_length()
    return keys >> bits, keys & ((1 << bits) - 1)


def narrowed(keys: Ints, count: int) -> tuple[Codes, Codes]:
    """As `unpack`, in half of the memory; the keys are used up."""
    bits = count.bit_length()
    digest = (keys & ((1 << bits) - 1)).astype(np.int32)
    keys >>= bits
    return keys.astype(np.int32), digest


def distinct(keys: Ints) -> Ints:
    """The keys, sorted, each once; `keys` is sorted in place."""
    keys.sort()
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


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
