"""Overlap: the bytes that each two of some consumers both need, exactly.

What few of them need is counted pair by pair: a blob of n consumers costs n ** 2 / 2 steps. What
many need is a product of dense matrices. That is done in floats, which are fast, on halves of
sizes and few blobs at a time, so that every number on the way is whole and below 2 ** 53.
"""

from __future__ import annotations

import numpy as np

from regnb.audit.kernel.arrays import Ints, Links, pack, unpack
from regnb.audit.kernel.usage import Pairs
from regnb.walk.columns import NONE

FEW = 8  # consumers, or one in that many: more are cheaper to multiply
CHUNK = 1024  # blobs in a product
_HALF = 31  # bits: 1024 times 2 ** 31 is far below 2 ** 53


def overlap(pairs: Pairs, chosen: Ints, size: Ints) -> Ints:
    """A square of bytes, for some consumers in their order; its diagonal is left empty.

    Args:
        pairs: who needs what, each pair once, sorted by who.
        chosen: consumers, each once.
        size: of each digest.
    """
    count, (blob, consumer) = len(chosen), _shared(pairs, chosen)
    degree = np.bincount(blob)[blob] if len(blob) else blob
    few = degree <= _few(count)
    square = _pairwise(blob[few], consumer[few], size, count)
    square += _product(blob[~few], consumer[~few], size, count)
    square += square.T
    return square


def _few(count: int) -> int:
    """How many of some consumers may need a blob that is counted pair by pair."""
    return max(FEW, count // FEW)


def _shared(pairs: Pairs, chosen: Ints) -> tuple[Ints, Ints]:
    """Pairs of blob and place in `chosen`, sorted, of the blobs that two of these need."""
    last = max(pairs.consumer.max(initial=NONE), chosen.max(initial=NONE))
    starts = np.searchsorted(pairs.consumer, np.arange(last + 2))
    place, blob = Links(starts, pairs.blob).follow(chosen)
    several = (np.bincount(blob) > 1)[blob] if len(blob) else np.zeros(0, dtype=bool)
    keys = pack(blob[several], place[several], len(chosen))
    keys.sort()
    return unpack(keys, len(chosen))


def _pairwise(blob: Ints, consumer: Ints, size: Ints, count: int) -> Ints:
    """Above the diagonal: each row of a blob with the first, second, third row after it."""
    flat, step = np.zeros(count * count, dtype=np.int64), 1
    row = np.arange(len(blob))
    while len(row):
        row = row[row + step < len(blob)]
        row = row[blob[row] == blob[row + step]]
        np.add.at(flat, consumer[row] * count + consumer[row + step], size[blob[row]])
        step += 1
    return flat.reshape(count, count)


def _product(blob: Ints, consumer: Ints, size: Ints, count: int) -> Ints:
    """Above the diagonal: the sizes of all blobs that both of two consumers need."""
    square = np.zeros((count, count), dtype=np.int64)
    blobs, column = np.unique(blob, return_inverse=True)
    for start in range(0, len(blobs), CHUNK):
        some = blobs[start : start + CHUNK]
        rows = slice(*np.searchsorted(column, (start, start + len(some))))
        needs = np.zeros((count, len(some)))
        needs[consumer[rows], column[rows] - start] = 1
        for half, shift in ((size[some] & ((1 << _HALF) - 1), 0), (size[some] >> _HALF, _HALF)):
            square += ((needs * half) @ needs.T).astype(np.int64) << shift
    return np.triu(square, 1)
