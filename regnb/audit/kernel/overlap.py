"""Overlap: the bytes that each two of some consumers both need, exactly.

Blobs that the same of them need, as the layers of a base image, are taken together first. What few
need is counted pair by pair: a bundle of n consumers costs n ** 2 / 2 steps. What many need is a
product of dense matrices. That is done in floats, which are fast, on halves of sizes and some
bundles at a time, so that every number on the way is whole and below 2 ** 53.
"""

from __future__ import annotations

import numpy as np

from regnb.audit.kernel.arrays import Codes, Ints
from regnb.audit.kernel.bundles import Bundles
from regnb.audit.kernel.usage import Pairs

FEW = 8  # consumers, or one in that many: more are cheaper to multiply
CHUNK = 1024  # bundles in a product
_HALF = 31  # bits: 1024 times 2 ** 31 is far below 2 ** 53


def overlap(pairs: Pairs, chosen: Ints, size: Ints) -> Ints:
    """A square of bytes, for some consumers in their order; its diagonal is left empty.

    Args:
        pairs: who needs what, each pair once, sorted by who.
        chosen: consumers, each once.
        size: of each digest.
    """
    needs, blobs = shared(pairs, chosen)
    return common(needs, size[blobs], len(chosen))


def shared(pairs: Pairs, chosen: Ints) -> tuple[Pairs, Ints]:
    """What two or more of some consumers need: all others are of no account here.

    Returns:
        Pairs of place in `chosen` and place among some blobs, and which blobs these are.
    """
    wanted = chosen.astype(pairs.consumer.dtype)  # or numpy would widen all pairs
    runs = zip(
        np.searchsorted(pairs.consumer, wanted).tolist(),
        np.searchsorted(pairs.consumer, wanted, side="right").tolist(),
        strict=True,
    )
    needed = [pairs.blob[slice(*run)] for run in runs]
    blob = np.concatenate([pairs.blob[:0], *needed])
    consumer = np.repeat(np.arange(len(chosen)), [len(one) for one in needed])
    several = np.bincount(blob) > 1
    blobs, rows, place = np.flatnonzero(several), several[blob], np.empty(len(several), np.int64)
    place[blobs] = np.arange(len(blobs))
    return Pairs(consumer[rows], place[blob[rows]]), blobs


def common(needs: Pairs, size: Ints, count: int) -> Ints:
    """As `overlap`, from what `shared` returns and the sizes of its blobs."""
    bundles = Bundles.of(needs, size, np.arange(count))
    degree = np.diff(bundles.consumers.starts)
    bundle, consumer = np.repeat(np.arange(len(degree)), degree), bundles.consumers.targets
    few = np.repeat(degree <= _few(count), degree)
    square = _pairwise(bundle[few], consumer[few], bundles.size, count)
    square += _product(bundle[~few], consumer[~few], bundles.size, count)
    square += square.T
    return square


def _few(count: int) -> int:
    """How many of some consumers may need a bundle that is counted pair by pair."""
    return max(FEW, count // FEW)


def _pairwise(bundle: Ints, consumer: Codes, size: Ints, count: int) -> Ints:
    """Above the diagonal: each row of a bundle with the first, second, third row after it."""
    flat, step = np.zeros(count * count, dtype=np.int64), 1
    row = np.arange(len(bundle))
    while len(row):
        row = row[row + step < len(bundle)]
        row = row[bundle[row] == bundle[row + step]]
        np.add.at(flat, consumer[row] * count + consumer[row + step], size[bundle[row]])
        step += 1
    return flat.reshape(count, count)


def _product(bundle: Ints, consumer: Codes, size: Ints, count: int) -> Ints:
    """Above the diagonal: the sizes of all bundles that both of two consumers need."""
    square = np.zeros((count, count), dtype=np.int64)
    bundles, column = np.unique(bundle, return_inverse=True)
    for start in range(0, len(bundles), CHUNK):
        some = bundles[start : start + CHUNK]
        rows = slice(*np.searchsorted(column, (start, start + len(some))))
        needs = np.zeros((count, len(some)))
        needs[consumer[rows], column[rows] - start] = 1
        for half, shift in ((size[some] & ((1 << _HALF) - 1), 0), (size[some] >> _HALF, _HALF)):
            square += ((needs * half) @ needs.T).astype(np.int64) << shift
    return np.triu(square, 1)
