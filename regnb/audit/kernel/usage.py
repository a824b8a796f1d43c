"""Usage: declared, stored, exclusive, shared and fair bytes of each consumer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from regnb.audit.kernel.arrays import Codes, Ints, Links, distinct, pack, sums, unpack
from regnb.audit.kernel.content import Content
from regnb.audit.kernel.reach import Reach
from regnb.walk.columns import NONE

_HIGH, _LOW = 32, 31  # bits; there are fewer users than 2 ** 31, so that nothing overflows
CHUNK = 1 << 20  # pairs that are worked on at once: all of them would fill the memory


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of consumer and blob, each once: what a consumer needs, manifests included."""

    consumer: Codes
    blob: Codes

    @classmethod
    def of(cls, reached: Reach, content: Content, *, needs: Links) -> Pairs:
        """The manifests reached, and what they need: `needs` leads there from a document."""
        documents = pack(reached.consumer, reached.digest, content.count)
        documents.sort()
        consumer, digest = unpack(documents, content.count)
        counts, end = needs.counts(digest), 0
        room = len(documents) + int(counts.sum())  # what is not written to takes no memory
        consumers, blobs = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        for rows in _runs(consumer, counts):
            owner, below = np.repeat(consumer[rows], counts[rows]), needs.beyond(digest[rows])
            keys = np.concatenate((documents[rows], pack(owner, below, content.count)))
            keys = distinct(keys)
            start, end = end, end + len(keys)
            consumers[start:end], blobs[start:end] = unpack(keys, content.count)
        return cls(consumers[:end], blobs[:end])


@dataclass(frozen=True, slots=True)
class Amounts:
    """Bytes of each consumer, in the order of their numbers.

    Attributes:
        declared: what configs and layers are said to have, repeats and foreign ones included.
        stored: distinct bytes that it needs.
        exclusive: bytes that no other consumer needs.
        fair: each blob divided evenly among those that need it.
        blob_count: distinct blobs and manifests that it needs.
    """

    declared: Ints
    stored: Ints
    exclusive: Ints
    fair: npt.NDArray[np.float64]
    blob_count: Ints

    @property
    def shared(self) -> Ints:
        """Bytes that others need too."""
        return self.stored - self.exclusive


def amounts(reached: Reach, pairs: Pairs, content: Content, *, weight: Ints) -> Amounts:
    """The bytes of each consumer.

    Args:
        reached: which manifests the consumers reach.
        pairs: which blobs they need.
        content: sizes.
        weight: for each consumer, how many alike it stands for: tags of one repository that name
            the same digest have the same numbers, and count as that many.
    """
    count, users = len(weight), needed_by(pairs, content, weight=weight)
    return Amounts(
        declared=sums(reached.consumer, content.declared[reached.digest], count),
        stored=stored(pairs, content, count),
        exclusive=_of_consumers(pairs, np.where(users == 1, content.size, 0), count),
        fair=fair(pairs, content.size, users, count),
        blob_count=np.bincount(pairs.consumer, minlength=count).astype(np.int64),
    )


def fair(pairs: Pairs, size: Ints, users: Ints, count: int) -> npt.NDArray[np.float64]:
    """The bytes of each of `count` consumers, each blob divided evenly among its users.

    Sums of whole numbers depend on no order: so the walk that met the blobs in another order gives
    the same bits (F13), and only the last 2 ** -63 of a byte are lost.
    """
    users = np.maximum(users, 1)
    part, left = np.divmod(size, users)
    shares = _of_consumers(pairs, part, count).astype(np.float64)
    for bits, unit in ((_HIGH, 2.0**-_HIGH), (_LOW, 2.0 ** -(_HIGH + _LOW))):
        left <<= bits
        np.divmod(left, users, out=(part, left))
        shares += _of_consumers(pairs, part, count) * unit
    return shares


def stored(pairs: Pairs, content: Content, count: int) -> Ints:
    """The bytes that each of `count` consumers needs."""
    return _of_consumers(pairs, content.size, count)


def needed_by(pairs: Pairs, content: Content, *, weight: Ints) -> Ints:
    """How many consumers need each digest."""
    return _summed(pairs.blob, pairs.consumer, weight, content.count)


def _of_consumers(pairs: Pairs, values: Ints, count: int) -> Ints:
    """The values of all blobs of each consumer."""
    return _summed(pairs.consumer, pairs.blob, values, count)


def _summed(groups: Codes, codes: Codes, values: Ints, count: int) -> Ints:
    """The values of all codes of each group, some at a time."""
    total = np.zeros(count, dtype=np.int64)
    for start in range(0, len(groups), CHUNK):
        some = slice(start, start + CHUNK)
        np.add.at(total, groups[some], values[codes[some]])
    return total


def _runs(consumer: Ints, counts: Ints) -> list[slice]:
    """Rows of whole consumers, with about `CHUNK` pairs to each run; consumers are sorted.

    Args:
        consumer: of each row.
        counts: how many pairs each row makes beside its own.
    """
    first = np.flatnonzero(np.diff(consumer, prepend=NONE))
    before = (np.cumsum(counts) - counts)[first] + first
    begins = first[np.flatnonzero(np.diff(before // CHUNK, prepend=NONE))].tolist()
    return [slice(*run) for run in pairwise([*begins, len(consumer)])]
