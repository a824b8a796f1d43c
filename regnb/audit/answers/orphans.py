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
    inventory, seen, losses = levels.inventory, levels.seen, Losses.of(levels)
    found, lost = Orphans.of(levels, losses), _lost_tags(inventory)
    missing, missing_count, confirmed, kind = _missing(losses, found.place)
    first_tag, tag_count = _tags(levels, found.place)
    # Those of a place first, then the tags that lead nowhere.
    none = np.zeros(len(lost), dtype=np.int64)
    digest = np.append(levels.graph.digest[found.place], none + NONE)
    repository = np.append(
        levels.graph.repository[found.place], inventory.tags.column("repository")[lost]
    )
    kind = np.append(kind, none + TAG)
    tag = np.append(first_tag, inventory.tags.column("tag")[lost])
    order = np.lexsort(
        (
            np.append(seen.digest_rank, NONE)[digest],
            np.append(seen.text_rank, len(seen.text_rank))[tag],
            kind,
            seen.repository_rank[repository],
        )
    )
    columns: dict[str, Any] = {
        **_names(levels, repository[order], tag[order], digest[order]),
        "kind": numbered(ORPHAN_KIND, kind[order]),
        "tag_count": np.append(tag_count, none + 1)[order],
        "missing": np.append(missing, np.full(len(lost), None))[order],
        "missing_count": np.append(missing_count, none)[order],
        "confirmed": np.append(confirmed, none == 0)[order],
        "manifest_count": np.append(found.manifest_count, none)[order],
        "stored": np.append(found.stored, none)[order],
        "frees": np.append(found.frees, none)[order],
    }
    return build(ORPHANS, inventory, columns, len(order))


def _names(levels: Levels, repository: Ints, tag: Ints, digest: Ints) -> dict[str, Any]:
    """What each orphan is called; `tag` and `digest` are NONE where there is none."""
    inventory, documents = levels.inventory, levels.inventory.documents
    document = np.append(levels.content.document, NONE)[digest]
    artifact_type = np.append(documents.column("artifact_type"), NONE)[document]
    return {
        "repository": strings(inventory.repositories.values, repository),
        "tag": strings(inventory.texts.values, tag),
        "digest": strings(inventory.digests.values, digest),
        "artifact_type": strings(inventory.texts.values, artifact_type),
    }


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
