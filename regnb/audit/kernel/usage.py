"""Usage: declared, stored, exclusive, shared and fair bytes of each consumer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnb.audit.kernel.arrays import Codes, Ints, Links, distinct, narrowed, pack, sums
from regnb.audit.kernel.content import Content
from regnb.audit.kernel.reach import Reach

_HIGH, _LOW = 32, 31  # bits; there are fewer users than 2 ** 31, so that nothing overflows
CHUNK = 1 << 20  # pairs


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of consumer and blob, each once: what a consumer needs, manifests included."""

    consumer: Codes
    blob: Codes

    @classmethod
    def of(cls, reached: Reach, content: Content, *, needs: Links) -> Pairs:
        """The manifests reached, and what they need: `needs` leads there from a document."""
        documents = pack(reached.consumer, reached.digest, content.count)
        blobs, counts = needs.beyond(reached.digest), needs.counts(reached.digest)
        below = pack(np.repeat(reached.consumer, counts), blobs, content.count)
        keys = np.concatenate((documents, below))
        del documents, blobs, below  # at ten million edges 130 MB
        return cls(*narrowed(distinct(keys), content.count))


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
        exclusive=_summed(pairs, np.where(users == 1, content.size, 0), count),
        fair=fair(pairs, content.size, users, count),
        blob_count=np.bincount(pairs.consumer, minlength=count).astype(np.int64),
    )


def fair(pairs: Pairs, size: Ints, users: Ints, count: int) -> npt.NDArray[np.float64]:
    """The bytes of each of `count` consumers, each blob divided evenly among its users.

    Sums of whole numbers depend on no order: so the walk that met the blobs in another order gives
    the same bits (F13), and only the last 2 ** -63 of a byte are lost.
    """
    users = np.maximum(users, 1)
    whole, left = np.divmod(size, users)
    shares = _summed(pairs, whole, count).astype(np.float64)
    part, left = np.divmod(left << _HIGH, users)
    shares += _summed(pairs, part, count) * 2.0**-_HIGH
    part = (left << _LOW) // users
    shares += _summed(pairs, part, count) * 2.0 ** -(_HIGH + _LOW)
    return shares


def stored(pairs: Pairs, content: Content, count: int) -> Ints:
    """The bytes that each of `count` consumers needs."""
    return _summed(pairs, content.size, count)


def needed_by(pairs: Pairs, content: Content, *, weight: Ints) -> Ints:
    """How many consumers need each digest."""
    return sums(pairs.blob, weight[pairs.consumer], content.count)


def _summed(pairs: Pairs, values: Ints, count: int) -> Ints:
    """The values of all blobs of each consumer, some pairs at a time: all would fill the memory."""
    total = np.zeros(count, dtype=np.int64)
    for start in range(0, len(pairs.blob), CHUNK):
        some = slice(start, start + CHUNK)
        np.add.at(total, pairs.consumer[some], values[pairs.blob[some]])
    return total
