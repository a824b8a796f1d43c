"""Usage: declared, stored, exclusive, shared and fair bytes of each consumer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnb.audit.kernel.arrays import Codes, Ints, Links, distinct, pack, sums, unpack
from regnb.audit.kernel.content import Content
from regnb.audit.kernel.reach import Reach


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of consumer and blob, each once: what a consumer needs, manifests included."""

    consumer: Codes
    blob: Codes

    @classmethod
    def of(cls, reached: Reach, content: Content, *, needs: Links) -> Pairs:
        """The manifests reached, and what they need: `needs` leads there from a document."""
        rows, blobs = needs.follow(reached.digest)
        documents = pack(reached.consumer, reached.digest, content.count)
        below = pack(reached.consumer[rows], blobs, content.count)
        consumer, blob = unpack(distinct(np.concatenate((documents, below))), content.count)
        return cls(consumer.astype(np.int32), blob.astype(np.int32))


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
    count = len(weight)
    size = content.size[pairs.blob]
    users = needed_by(pairs, content, weight=weight)[pairs.blob]
    alone = users == 1
    exclusive = sums(pairs.consumer[alone], size[alone], count)
    shared = _fair_of_shared(pairs.consumer[~alone], users[~alone], size[~alone], count)
    return Amounts(
        declared=sums(reached.consumer, content.declared[reached.digest], count),
        stored=stored(pairs, content, count),
        exclusive=exclusive,
        fair=exclusive + shared,
        blob_count=np.bincount(pairs.consumer, minlength=count).astype(np.int64),
    )


def stored(pairs: Pairs, content: Content, count: int) -> Ints:
    """The bytes that each of `count` consumers needs."""
    return sums(pairs.consumer, content.size[pairs.blob], count)


def needed_by(pairs: Pairs, content: Content, *, weight: Ints) -> Ints:
    """How many consumers need each digest."""
    return sums(pairs.blob, weight[pairs.consumer], content.count)


def _fair_of_shared(
    consumer: Codes, users: Ints, size: Ints, count: int
) -> npt.NDArray[np.float64]:
    """Sums of size / users.

    Sizes of equal divisor are summed first, as integers: so the result does not depend on the
    order in which a walk met the blobs (F13), and is a few roundings off the truth at most.
    """
    fair = np.zeros(count, dtype=np.float64)
    if len(users) == 0:
        return fair
    keys = pack(consumer, users, int(users.max()) + 1)
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    first = order[starts]
    np.add.at(fair, consumer[first], np.add.reduceat(size[order], starts) / users[first])
    return fair
