"""Collateral: what happens beside what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, distinct, pack, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.effect import Effect
from regnb.walk.columns import NONE


@dataclass(frozen=True, slots=True)
class Incidents:
    """One kind of what happens.

    Attributes:
        kind: a word of the column ``kind``.
        place: the manifest that it happens to.
        tag: the tag of `Seen.read` that it happens to; NONE where it is no tag.
        cause: digest of the manifest that is the reason: it goes, or, where something is kept, it
            stays.
    """

    kind: str
    place: Ints
    tag: Ints
    cause: Ints

    def __len__(self) -> int:
        """How many there are."""
        return len(self.place)


def incidents(levels: Levels, effect: Effect) -> tuple[Incidents, ...]:
    """Everything that happens beside what was asked for, by kind."""
    place = levels.seen.tag_place
    lost = np.flatnonzero(effect.tags & ~effect.asked & ~effect.attached)
    kept = np.flatnonzero(~effect.tags & _flags(levels, place[effect.tags])[place])
    return (
        _of_tags(levels, "lost-tag", lost),
        broken_indexes(levels, effect),
        *_about(levels, effect),
        _of_tags(levels, "kept-tag", kept),
        *_kept_by(levels, effect),
    )


def _of_tags(levels: Levels, kind: str, tag: Ints) -> Incidents:
    """Tags that are lost, or kept, for the digest that they share with one that goes."""
    place = levels.seen.tag_place[tag]
    return Incidents(kind, place, tag, levels.graph.digest[place])


def broken_indexes(levels: Levels, effect: Effect) -> Incidents:
    """Indexes that stay, and lose an entry because its manifest is deleted."""
    graph = levels.graph
    stays = np.flatnonzero(effect.after)
    rows, child = graph.children.follow(stays)
    broken = effect.deleted[child]
    return _of_places(levels, "broken-index", stays[rows[broken]], child[broken])


def _about(levels: Levels, effect: Effect) -> tuple[Incidents, ...]:
    """What is about something that goes: it goes with it, by a tag of its own or not, or stays."""
    place, gone = levels.seen.tag_place, effect.gone
    rows, about = levels.graph.referrers.follow(gone)
    subject, fell = gone[rows], effect.before[about] & ~effect.after[about]
    attached = np.flatnonzero(effect.attached)
    others = fell & ~_flags(levels, place[effect.tags])[about]
    stays = effect.after[about]
    return (
        Incidents(
            "attachment",
            place[attached],
            attached,
            _causes(levels, about, subject)[place[attached]],
        ),
        _of_places(levels, "referrer", about[others], subject[others]),
        _of_places(levels, "orphan", about[stays], subject[stays]),
    )


def _kept_by(levels: Levels, effect: Effect) -> tuple[Incidents, ...]:
    """Tags that go, and whose manifest an index that stays lists, or is about one that stays."""
    referrers = levels.seen.without_attachments(effect.tags).graph.referrers
    links = {"kept-by-index": levels.graph.children, "kept-by-subject": referrers}
    stays = np.flatnonzero(effect.needed(levels))
    return tuple(_kept(levels, effect, kind, stays, steps) for kind, steps in links.items())


def _kept(levels: Levels, effect: Effect, kind: str, stays: Ints, steps: Links) -> Incidents:
    places, place = len(levels.graph.keys), levels.seen.tag_place
    tag = np.flatnonzero(effect.tags & ~effect.deleted[place])
    rows, kept = steps.follow(stays)
    wanted = _flags(levels, place[tag])[kept]
    keys = distinct(pack(kept[wanted], stays[rows[wanted]], places))
    manifest, reason = unpack(keys, places)
    rows, by = Links.of(manifest, reason, places).follow(place[tag])
    return Incidents(kind, place[tag[rows]], tag[rows], levels.graph.digest[by])


def _causes(levels: Levels, places: Codes, causes: Ints) -> Ints:
    """The digest of the cause of each place, the first by name where there are several."""
    digest = levels.graph.digest[causes]
    last_first = np.argsort(-levels.seen.digest_rank[digest])
    cause = np.full(len(levels.graph.keys), NONE)
    cause[places[last_first]] = digest[last_first]
    return cause


def _of_places(levels: Levels, kind: str, places: Codes, causes: Codes) -> Incidents:
    """What happens to manifests, each time once."""
    keys = distinct(pack(places, causes, len(levels.graph.keys)))
    place, cause = unpack(keys, len(levels.graph.keys))
    return Incidents(kind, place, np.full(len(place), NONE), levels.graph.digest[cause])


def _flags(levels: Levels, places: Ints) -> Flags:
    flags = np.zeros(len(levels.graph.keys), dtype=bool)
    flags[places] = True
    return flags
