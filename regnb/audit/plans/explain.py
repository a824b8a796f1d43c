"""Explain: why taking one tag away frees what it frees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints
from regnb.audit.kernel.bundles import Bundles
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.usage import Pairs
from regnb.audit.plans.effect import Effect
from regnb.audit.tables.cells import filled
from regnb.audit.tables.tables import build
from regnb.frames.deletion_schemas import EXPLANATION

SHOWN = 20
"""Tags that a cell names; the column beside it counts all of them."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Blobs that the same tags need."""

    size: int
    blob_count: int
    is_freed: bool
    together: list[str]
    kept: list[str]


def explain(levels: Levels, effect: Effect, tag: int) -> pd.DataFrame:
    """The blobs that a tag needs, by who else needs them; the largest group first.

    Args:
        levels: what was seen, and what counts as alive.
        effect: of the plan.
        tag: its number in `Seen.read`.
    """
    levels.content.check_sums()
    # A signature that is taken away for itself is no longer tied by its name to what is signed.
    seen = levels.seen.without_attachments(effect.tags & ~effect.attached)
    if seen is not levels.seen:
        levels = Levels(seen, levels.policy)
    needed = levels.blobs_of(np.flatnonzero(levels.closure(levels.seen.tag_place[[tag]]) >= 0))
    pairs = _only(levels.tag.pairs, needed)
    bundles = Bundles.of(pairs, levels.content.size, np.arange(len(levels.tag.weight)))
    bundle, blobs = bundles.of_blob[needed], np.flatnonzero(needed)
    groups = [
        _group(levels, effect, blobs[bundle == one], _consumers(bundles, one), tag)
        for one in np.unique(bundle).tolist()
    ]
    groups.sort(key=lambda group: (-group.size, group.together, group.kept))
    inventory, row = levels.inventory, levels.seen.read[tag]
    home = inventory.repositories.values[inventory.tags.columns["repository"][row]]
    name = inventory.texts.values[inventory.tags.columns["tag"][row]]
    columns = {
        "repository": filled(home, len(groups)),
        "tag": filled(name, len(groups)),
        "size": [group.size for group in groups],
        "blob_count": [group.blob_count for group in groups],
        "is_freed": [group.is_freed for group in groups],
        "together_count": [len(group.together) for group in groups],
        "together": [_cell(group.together) for group in groups],
        "kept_count": [len(group.kept) for group in groups],
        "kept": [_cell(group.kept) for group in groups],
    }
    return build(EXPLANATION, inventory, columns, len(groups))


def _only(pairs: Pairs, blobs: Flags) -> Pairs:
    wanted = blobs[pairs.blob]
    return Pairs(pairs.consumer[wanted], pairs.blob[wanted])


def _consumers(bundles: Bundles, bundle: int) -> Codes:
    """Who needs the blobs of a bundle; nobody those of NONE."""
    return bundles.consumers.follow(np.array([bundle] if bundle >= 0 else [], dtype=np.int64))[1]


def _group(levels: Levels, effect: Effect, blobs: Ints, consumers: Codes, tag: int) -> _Group:
    tags = np.flatnonzero(np.isin(levels.consumer_of_tag, consumers) & levels.is_root)
    tags = tags[tags != tag]
    going = effect.tags[tags]
    bare = consumers[consumers >= len(levels.tag_places)] - len(levels.tag_places)
    homes = [f"{levels.inventory.repositories.values[code]} (no tag)" for code in bare.tolist()]
    return _Group(
        size=int(levels.content.size[blobs].sum()),
        blob_count=len(blobs),
        is_freed=bool(effect.blobs[blobs].all()),
        together=_names(levels, tags[going]),
        kept=sorted(homes + _names(levels, tags[~going])),
    )


def _names(levels: Levels, tags: Ints) -> list[str]:
    inventory, rows = levels.inventory, levels.seen.read[tags]
    home = inventory.tags.column("repository")[rows].tolist()
    name = inventory.tags.column("tag")[rows].tolist()
    return sorted(
        f"{inventory.repositories.values[one]}:{inventory.texts.values[other]}"
        for one, other in zip(home, name, strict=True)
    )


def _cell(names: list[str]) -> str:
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
