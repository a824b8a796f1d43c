"""The tables of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.collateral import incidents
from regnb.audit.plans.effect import Effect
from regnb.audit.tables.cells import closed, nullable, numbered, strings
from regnb.audit.tables.tables import build
from regnb.frames.deletion_schemas import (
    ACTION,
    COLLATERAL,
    COLLATERAL_KIND,
    PLAN,
    PLAN_BLOBS,
    PLAN_MANIFESTS,
    REASON,
)
from regnb.frames.schemas import MANIFEST_KIND, TAG_KIND
from regnb.frames.tag_names import kind_of
from regnb.walk.columns import NONE

_SELECTED, _SAME_DIGEST, _ATTACHMENT = range(3)
"""Words of the column ``reason``."""


def plan(levels: Levels, effect: Effect) -> pd.DataFrame:
    """One row a tag that goes, and one a manifest that is deleted and has no tag."""
    tag = np.flatnonzero(effect.tags)
    bare = effect.bare(levels)
    place = np.concatenate([levels.seen.tag_place[tag], bare])
    tag = np.concatenate([tag, np.full(len(bare), NONE)])
    order = _order(levels, place, tag)
    place, tag = place[order], tag[order]
    reason = np.where(effect.asked, _SELECTED, _SAME_DIGEST)
    reason[effect.attached] = _ATTACHMENT
    columns = {
        **_places(levels, place),
        "tag": strings(levels.inventory.texts.values, _tag_texts(levels, tag)),
        "kind": _kinds(levels, _tag_texts(levels, tag)),
        "action": numbered(ACTION, effect.deleted[place].astype(np.int8)),
        "reason": numbered(REASON, np.append(reason, _SELECTED)[tag]),
    }
    return build(PLAN, levels.inventory, columns, len(place))


def manifests(levels: Levels, effect: Effect) -> pd.DataFrame:
    """One row a manifest that is deleted or falls out of use, sorted by repository and digest."""
    inventory, documents = levels.inventory, levels.inventory.documents
    place = effect.gone[_order(levels, effect.gone)]
    digest = levels.graph.digest[place]
    row = levels.content.document[digest]
    columns = {
        **_places(levels, place),
        "media_type": strings(
            inventory.texts.values, np.append(documents.column("media_type"), NONE)[row]
        ),
        "kind": closed(
            MANIFEST_KIND, inventory.texts.values, np.append(documents.column("kind"), NONE)[row]
        ),
        "size": nullable(levels.content.size[digest], known=row >= 0),
        "is_deleted": effect.deleted[place],
        "was_live": effect.before[place],
    }
    return build(PLAN_MANIFESTS, inventory, columns, len(place))


def blobs(levels: Levels, effect: Effect) -> pd.DataFrame:
    """One row a blob or manifest whose bytes are freed, sorted by digest."""
    digests = levels.inventory.digests.values
    freed = np.flatnonzero(effect.blobs)
    freed = freed[np.argsort(levels.seen.digest_rank[freed])]
    columns = {
        "digest": strings(digests, freed),
        "size": levels.content.size[freed],
        "is_manifest": levels.content.document[freed] >= 0,
    }
    return build(PLAN_BLOBS, levels.inventory, columns, len(freed))


def collateral(levels: Levels, effect: Effect) -> pd.DataFrame:
    """One row for each thing that happens beside what was asked for."""
    found = incidents(levels, effect)
    kind = np.repeat(np.arange(len(found)), [len(one) for one in found])
    place = np.concatenate([one.place for one in found])
    tag = np.concatenate([one.tag for one in found])
    cause = np.concatenate([one.cause for one in found])
    order = _order(levels, place, tag, kind, cause)
    inventory = levels.inventory
    columns = {
        **_places(levels, place[order]),
        "kind": closed(COLLATERAL_KIND, [one.kind for one in found], kind[order]),
        "tag": strings(inventory.texts.values, _tag_texts(levels, tag[order])),
        "cause": strings(inventory.digests.values, cause[order]),
    }
    return build(COLLATERAL, inventory, columns, len(place))


def _places(levels: Levels, place: Ints) -> dict[str, Any]:
    inventory, graph = levels.inventory, levels.graph
    return {
        "repository": strings(inventory.repositories.values, graph.repository[place]),
        "digest": strings(inventory.digests.values, graph.digest[place]),
    }


def _tag_texts(levels: Levels, tag: Ints) -> Codes:
    """The number of the name of each tag of `Seen.read`; NONE for NONE."""
    column = levels.inventory.tags.column("tag")
    names: Codes = np.append(column[levels.seen.read], NONE)[tag]
    return names


def _kinds(levels: Levels, names: Codes) -> pd.Categorical:
    used = np.unique(names[names >= 0])
    kinds = [kind_of(levels.inventory.texts.values[code]) for code in used.tolist()]
    return closed(TAG_KIND, kinds, np.where(names >= 0, np.searchsorted(used, names), NONE))


def _order(
    levels: Levels,
    place: Ints,
    tag: Ints | None = None,
    kind: Ints | None = None,
    cause: Codes | None = None,
) -> Ints:
    """By repository, kind, tag, digest and cause, as far as there are any."""
    seen, graph = levels.seen, levels.graph
    nothing = np.zeros(len(place), dtype=np.int64)
    keys = (
        nothing if cause is None else np.append(seen.digest_rank, NONE)[cause],
        seen.digest_rank[graph.digest[place]],
        nothing if tag is None else _name_ranks(levels, tag),
        nothing if kind is None else kind,
        seen.repository_rank[graph.repository[place]],
    )
    return np.lexsort(keys)


def _name_ranks(levels: Levels, tag: Ints) -> Ints:
    last = len(levels.inventory.texts)
    ranks: Ints = np.append(levels.seen.text_rank, last)[_tag_texts(levels, tag)]
    return ranks
