"""Losses: what attachments, referrers and indexes name and their repository does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints, contains, distinct, pack
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.attached import Subjects
from regnb.audit.tables.referrers import Referrers

ATTACHMENT, REFERRER, INDEX = range(3)
"""The kinds of a loss, in the order in which `Losses.of` looks for them."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Pairs of a place and a digest that it lacks, each once, sorted by place and kind.

    Attributes:
        place: of the orphan.
        kind: ATTACHMENT, REFERRER or INDEX.
        missing: number in `digests`; NONE where only the beginning of the digest is known.
        confirmed: whether the repository was asked for it, and does not have it.
        digests: those of the inventory, and after them those that only names of tags tell.
    """

    place: Ints
    kind: Ints
    missing: Ints
    confirmed: Flags
    digests: Sequence[str]

    @classmethod
    def of(cls, levels: Levels) -> Losses:
        """What attachments, referrers and indexes lack."""
        about, count, graph = Referrers.of(levels), levels.content.count, levels.graph
        lacked = _lacked(levels)
        parts = [_attached(levels), _referring(levels, about), _entries(levels, lacked)]
        place, missing = (np.concatenate([part[n] for part in parts]) for n in range(2))
        kind = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        known = (missing >= 0) & (missing < count)
        key = pack(graph.repository[place], np.where(known, missing, 0), count)
        lost = ~(known & contains(graph.keys, key))
        confirmed = (known & contains(lacked, key))[lost]
        return cls(*_each_once(place[lost], kind[lost], missing[lost], confirmed), about.digests)


def _lacked(levels: Levels) -> Ints:
    """Keys of what repositories were asked for and do not have."""
    members = levels.inventory.members
    gone = members.column("present") == 0
    home, digest = members.column("repository")[gone], members.column("digest")[gone]
    return distinct(pack(home, digest, levels.content.count))


def _attached(levels: Levels) -> tuple[Ints, Ints]:
    """Places of tags that are attachments by their name, and what they are about."""
    seen = levels.seen
    tag = levels.inventory.tags.column("tag")[seen.read[seen.attached]]
    return seen.tag_place[seen.attached], Subjects.of(levels.inventory).of_text[tag]


def _referring(levels: Levels, about: Referrers) -> tuple[Ints, Ints]:
    """Places of all referrers that are held, and what they are about."""
    known = about.digest < levels.content.count
    place = levels.graph.place(about.repository, np.where(known, about.digest, 0))
    held = known & (place >= 0)
    return place[held], about.subject[held]


def _entries(levels: Levels, lacked: Ints) -> tuple[Ints, Ints]:
    """Places of indexes, and those of their entries that their repository does not have."""
    graph, content = levels.graph, levels.content
    place, child = content.children.follow(graph.digest)
    absent = contains(lacked, pack(graph.repository[place], child, content.count))
    return place[absent], child[absent].astype(np.int64)


def _each_once(
    place: Ints, kind: Ints, missing: Ints, confirmed: Flags
) -> tuple[Ints, Ints, Ints, Flags]:
    """Pairs of place and missing digest once, of several kinds the first; by place and kind."""
    order = np.lexsort((kind, missing, place))
    fresh = (np.diff(place[order], prepend=-1) != 0) | (np.diff(missing[order], prepend=-2) != 0)
    kept = order[fresh]
    kept = kept[np.lexsort((missing[kept], kind[kept], place[kept]))]
    return place[kept], kind[kept], missing[kept], confirmed[kept]
