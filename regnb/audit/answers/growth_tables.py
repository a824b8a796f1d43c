"""The tables of growth: what two audits of one registry differ in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.answers.sides import LOST, Side, Sides
from regnb.audit.kernel.arrays import Flags, Ints, contains, distinct, pack, ranks, sums, unpack
from regnb.audit.kernel.usage import Pairs, fair
from regnb.audit.tables.cells import closed, nullable, strings
from regnb.audit.tables.tables import build
from regnb.frames.size_schemas import (
    BLOB_CHANGE,
    GROWTH_BLOBS,
    GROWTH_REPOSITORIES,
    GROWTH_TAGS,
    REPOSITORY_CHANGE,
    TAG_CHANGE,
)
from regnb.walk.columns import NONE

UNKNOWN = 0
OF_BLOBS = ("unknown", "new", "gone", "resized")
OF_TAGS = ("unknown", "new", "removed", "unchanged", "moved")
OF_REPOSITORIES = ("unknown", "new", "removed", "kept")


def changed(sides: Sides) -> tuple[Ints, Ints]:
    """The digests that differ, and how: the places of `OF_BLOBS`."""
    old, new = sides.old, sides.new
    differs = np.flatnonzero((old.live != new.live) | (old.size != new.size))
    came, went = ~old.live[differs], ~new.live[differs]
    # What only doubtful repositories need may have been there before, or be there still.
    unsure = (
        _held_by(new, old.doubtful)[differs] & came | _held_by(old, new.doubtful)[differs] & went
    )
    return differs, np.select([unsure, came, went], [UNKNOWN, 1, 2], default=3)


def blobs(sides: Sides) -> pd.DataFrame:
    """One row a blob or manifest that differs, the largest first."""
    digest, change = changed(sides)
    before, after = sides.old.size[digest], sides.new.size[digest]
    rank = ranks([sides.digests[code] for code in digest.tolist()])
    order = np.lexsort((rank, -np.maximum(before, after)))
    digest = digest[order]
    columns = {
        "digest": strings(
            [sides.digests[code] for code in digest.tolist()], np.arange(len(digest))
        ),
        "change": closed(BLOB_CHANGE, OF_BLOBS, change[order]),
        "size_before": nullable(before[order], known=sides.old.live[digest]),
        "size_after": nullable(after[order], known=sides.new.live[digest]),
    }
    return build(GROWTH_BLOBS, sides.new.levels.inventory, columns, len(digest))


def tags(sides: Sides) -> pd.DataFrame:
    """One row a tag that either of them has, sorted by repository and tag."""
    keys = distinct(np.concatenate((sides.old.tags, sides.new.tags)))
    repository, tag = unpack(keys, len(sides.texts))
    before, after = _named(sides.old, keys), _named(sides.new, keys)
    lost = (before == LOST) | (after == LOST)
    unseen = ((before == NONE) & sides.old.doubtful[repository]) | (
        (after == NONE) & sides.new.doubtful[repository]
    )
    what = [lost | unseen, before == NONE, after == NONE, before == after]
    change = np.select(what, [UNKNOWN, 1, 2, 3], default=4)
    order = np.lexsort((ranks(sides.texts)[tag], ranks(sides.repositories)[repository]))
    columns = {
        "repository": strings(sides.repositories, repository[order]),
        "tag": strings(sides.texts, tag[order]),
        "change": closed(TAG_CHANGE, OF_TAGS, change[order]),
        "digest_before": strings(sides.digests, np.maximum(before, NONE)[order]),
        "digest_after": strings(sides.digests, np.maximum(after, NONE)[order]),
    }
    return build(GROWTH_TAGS, sides.new.levels.inventory, columns, len(keys))


def repositories(sides: Sides) -> pd.DataFrame:
    """One row a repository that either of them has, those that changed most first."""
    old, new, count = sides.old, sides.new, len(sides.repositories)
    before, after = _Needs(old, count), _Needs(new, count)
    gained, lost = after.without(before), before.without(after)
    kept = after.all[contains(before.all, after.all)]
    volume = after.fair(gained) - before.fair(lost)
    sharing = after.fair(kept) - before.fair(kept)
    was, now, sure = before.fair(before.all), after.fair(after.all), ~(old.doubtful | new.doubtful)
    change = np.select([~sure, ~old.listed, ~new.listed], [UNKNOWN, 1, 2], default=3)
    order = np.lexsort((ranks(sides.repositories), -np.abs(now - was)))

    def number(values: Ints, known: Flags) -> pd.arrays.IntegerArray:
        return nullable(values[order], known=known[order])

    columns = {
        "repository": strings(sides.repositories, order),
        "change": closed(REPOSITORY_CHANGE, OF_REPOSITORIES, change[order]),
        "stored_before": number(before.stored(before.all), ~old.doubtful),
        "stored_after": number(after.stored(after.all), ~new.doubtful),
        "added": number(after.stored(gained), sure),
        "removed": number(before.stored(lost), sure),
        "fair_before": was[order],
        "fair_after": now[order],
        "volume_effect": np.where(sure, volume, np.nan)[order],
        "sharing_effect": np.where(sure, sharing, np.nan)[order],
    }
    return build(GROWTH_REPOSITORIES, sides.new.levels.inventory, columns, count)


class _Needs:
    """What the repositories of one side need, and what each part of it comes to."""

    def __init__(self, side: Side, count: int) -> None:
        self._count, self._size = count, side.size
        self._digests = len(side.size)
        self.all = distinct(pack(side.pairs.consumer, side.pairs.blob, self._digests))
        self._users = np.bincount(side.pairs.blob, minlength=self._digests).astype(np.int64)

    def without(self, other: _Needs) -> Ints:
        """Keys that the other side has not."""
        return self.all[~contains(other.all, self.all)]

    def stored(self, keys: Ints) -> Ints:
        """The bytes of each repository."""
        repository, digest = unpack(keys, self._digests)
        return sums(repository, self._size[digest], self._count)

    def fair(self, keys: Ints) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The same, divided among all that need them."""
        pairs = Pairs(*unpack(keys, self._digests))
        return fair(pairs, self._size, self._users, self._count)


def _held_by(side: Side, repositories: Flags) -> Flags:
    """Whether any of some repositories needs each digest."""
    held = np.zeros(len(side.size), dtype=bool)
    held[side.pairs.blob[repositories[side.pairs.consumer]]] = True
    return held


def _named(side: Side, keys: Ints) -> Ints:
    """What each tag names on one side; NONE where it is not there."""
    digest = np.full(len(keys), NONE, dtype=np.int64)
    digest[np.searchsorted(keys, side.tags)] = side.digests
    return digest
