"""Orphans: what has lost what it is about, or is not all there, and the bytes that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.answers.losses import REFERRER, Losses
from regnb.audit.answers.texts import joined
from regnb.audit.kernel.arrays import Flags, Ints, distinct, pack, unpack
from regnb.audit.kernel.levels import Level, Levels
from regnb.audit.kernel.reach import Reach, reach
from regnb.audit.kernel.usage import Pairs
from regnb.audit.tables.cells import numbered, strings, texts
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import ORPHAN_KIND, ORPHANS
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

TAG = 3
"""The kind of a tag that is listed and was answered 404; the others are those of `Losses`."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """The places that lack something, each once.

    Attributes:
        place: sorted.
        stored: bytes that it leads to.
        frees: those that nothing else needs.
        manifest_count: documents that it leads to.
    """

    place: Ints
    stored: Ints
    frees: Ints
    manifest_count: Ints

    @classmethod
    def of(cls, levels: Levels, losses: Losses) -> Orphans:
        """Referrers that belong to another orphan are counted there."""
        graph, count = levels.graph, len(levels.graph.keys)
        place, first = np.unique(losses.place, return_index=True)
        consumer, found = reach(place, levels.steps, count)
        rest = levels.closure(np.setdiff1d(levels.roots(), place)) >= 0
        below = np.zeros(count, dtype=bool)
        below[found[place[consumer] != found]] = True
        tagged = np.zeros(count, dtype=bool)
        tagged[levels.seen.tag_place] = True
        alone = tagged | ~(rest | below)
        kept = ~((losses.kind[first] == REFERRER) & ~alone[place] & ~rest[place])
        everything = _level(levels, consumer, graph.digest[found], len(place))
        deleted = alone[place][consumer]
        held = np.flatnonzero(rest)
        others = _level(
            levels,
            np.concatenate([consumer[deleted], np.full(len(held), len(place))]),
            graph.digest[np.concatenate([found[deleted], held])],
            len(place) + 1,
        )
        return cls(
            place[kept],
            everything.amounts(levels.content).stored[kept],
            others.amounts(levels.content).exclusive[:-1][kept],
            np.bincount(consumer, minlength=len(place))[kept],
        )


def orphans(levels: Levels) -> pd.DataFrame:
    """One row an orphan, sorted by repository, kind, tag and digest."""
    inventory, seen = levels.inventory, levels.seen
    losses = Losses.of(levels)
    found, lost = Orphans.of(levels, losses), _lost_tags(inventory)
    place = found.place
    digest = np.concatenate([levels.graph.digest[place], np.full(len(lost), NONE)])
    repository = np.concatenate(
        [levels.graph.repository[place], inventory.tags.column("repository")[lost]]
    )
    kind, tag = np.full(len(digest), TAG), np.full(len(digest), NONE, dtype=np.int64)
    missing, missing_count, confirmed, kind[: len(place)] = _missing(losses, place)
    tag[: len(place)], tag_count = _tags(levels, place)
    tag[len(place) :] = inventory.tags.column("tag")[lost]
    none = np.zeros(len(lost), dtype=np.int64)
    artifact_type = np.append(inventory.documents.column("artifact_type"), NONE)
    columns: dict[str, Any] = {
        "repository": strings(inventory.repositories.values, repository),
        "kind": numbered(ORPHAN_KIND, kind),
        "tag": strings(inventory.texts.values, tag),
        "tag_count": np.concatenate([tag_count, none + 1]),
        "digest": strings(inventory.digests.values, digest),
        "artifact_type": strings(
            inventory.texts.values, artifact_type[np.append(levels.content.document, NONE)[digest]]
        ),
        "missing": np.concatenate([missing, np.full(len(lost), None)]),
        "missing_count": np.concatenate([missing_count, none]),
        "confirmed": np.concatenate([confirmed, none == 0]),
        "manifest_count": np.concatenate([found.manifest_count, none]),
        "stored": np.concatenate([found.stored, none]),
        "frees": np.concatenate([found.frees, none]),
    }
    order = np.lexsort(
        (
            np.append(seen.digest_rank, NONE)[digest],
            np.append(seen.text_rank, len(seen.text_rank))[tag],
            kind,
            seen.repository_rank[repository],
        )
    )
    columns = {name: column[order] for name, column in columns.items()}
    return build(ORPHANS, inventory, columns, len(order))


def _level(levels: Levels, consumer: Ints, digest: Ints, count: int) -> Level:
    keys = distinct(pack(consumer, digest, levels.content.count))
    reached = Reach(*unpack(keys, levels.content.count))
    pairs = Pairs.of(reached, levels.content, needs=levels.needs)
    return Level(reached, pairs, np.ones(count, dtype=np.int64))


def _missing(losses: Losses, place: Ints) -> tuple[np.ndarray[Any, Any], Ints, Flags, Ints]:
    """What each place lacks, how much that is, whether all was asked for, and the kind of loss."""
    wanted = np.isin(losses.place, place)
    owner, missing = np.searchsorted(place, losses.place[wanted]), losses.missing[wanted]
    names = texts(losses.digests, missing)
    order = np.lexsort((np.where(missing >= 0, names, "").astype(str), owner))
    told = order[missing[order] >= 0]
    said = np.full(len(place), None, dtype=object)
    holders, group = np.unique(owner[told], return_inverse=True)
    said[holders] = joined(names[told], group)
    confirmed, kind = np.ones(len(place), dtype=bool), np.full(len(place), TAG)
    np.logical_and.at(confirmed, owner, losses.confirmed[wanted])
    np.minimum.at(kind, owner, losses.kind[wanted])
    return said, np.bincount(owner, minlength=len(place)), confirmed, kind


def _tags(levels: Levels, place: Ints) -> tuple[Ints, Ints]:
    """The first tag by name of each place, NONE where it has none, and how many there are."""
    seen, tag = levels.seen, levels.inventory.tags.column("tag")[levels.seen.read]
    order = np.lexsort((seen.text_rank[tag], seen.tag_place))[::-1]
    first = np.full(len(levels.graph.keys), NONE, dtype=np.int64)
    first[seen.tag_place[order]] = tag[order]
    count = np.bincount(seen.tag_place, minlength=len(first))
    return first[place], count[place]


def _lost_tags(inventory: Inventory) -> Ints:
    """The rows of tags that were listed and then answered with 404."""
    tags = inventory.tags
    lost = np.flatnonzero(tags.column("digest") == NONE)
    names = zip(
        tags.column("repository")[lost].tolist(), tags.column("tag")[lost].tolist(), strict=True
    )
    gone = {
        (failure.repository, failure.reference)
        for failure in inventory.failures
        if failure.status == HTTPStatus.NOT_FOUND and not failure.parent_digest
    }
    repositories, words = inventory.repositories.values, inventory.texts.values
    absent = [(repositories[home], words[tag]) in gone for home, tag in names]
    rows: Ints = lost[np.array(absent, dtype=bool)]
    return rows
