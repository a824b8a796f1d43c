"""Stale tags: those that are old, have not moved for long, or that nothing uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.answers.in_use import InUse
from regnb.audit.answers.moves import Moves
from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import MICROSECOND, Created, age, created, days_until, until_now
from regnb.audit.tables.cells import maybe, nullable, numbered, strings, times
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import STALE
from regnb.frames.schemas import TIME_SOURCE
from regnb.walk.moments import NO_TIME


def stale(
    levels: Levels,
    images: Images,
    *,
    older_than: str | timedelta | None,
    earlier: Sequence[Levels],
    running: list[str] | None,
) -> pd.DataFrame:
    """One row a tag that is stale, the oldest first.

    Raises:
        ValueError: `older_than` is no age, or an audit is not an earlier one of this registry.
    """
    inventory, tags = levels.inventory, levels.inventory.tags
    trees = TagTrees.of(levels)
    made = created(levels.seen).at(levels.tag_places[trees.consumer])
    moves = Moves.of(levels, trees.row, earlier)
    used = None if running is None else InUse.of(levels, images, trees, running)
    chosen = np.flatnonzero(_is_old(levels, made, moves, older_than))
    # Without a time comes last; trees are sorted by name.
    key = np.where(made.moment == NO_TIME, np.iinfo(np.int64).max, made.moment)[chosen]
    chosen = chosen[np.argsort(key, kind="stable")]
    row, consumer = trees.row[chosen], trees.consumer[chosen]
    amounts = levels.tag.amounts(levels.content)
    made, since = made.at(chosen), moves.unmoved_since[chosen]
    flags = np.zeros(len(chosen), dtype=bool) if used is None else ~used.tag[chosen]
    columns: dict[str, Any] = {
        "repository": strings(inventory.repositories.values, tags.column("repository")[row]),
        "tag": strings(inventory.texts.values, tags.column("tag")[row]),
        "digest": strings(inventory.digests.values, tags.column("digest")[row]),
        "created": times(made.moment),
        "claimed": times(made.claimed),
        "time_source": numbered(TIME_SOURCE, made.source),
        "age_days": nullable(days_until(made.moment, levels.seen), known=made.moment != NO_TIME),
        "unmoved_since": times(since),
        "unmoved_days": nullable(days_until(since, levels.seen), known=since != NO_TIME),
        "moved_after": times(moves.moved_after[chosen]),
        "unused": maybe(flags, known=np.full(len(chosen), used is not None)),
        "stored": amounts.stored[consumer],
        "exclusive": amounts.exclusive[consumer],
        "fair": amounts.fair[consumer],
    }
    frame = build(STALE, inventory, columns, len(chosen))
    frame.attrs["regnb"]["unmatched"] = [] if used is None else used.unmatched
    return frame


def _is_old(
    levels: Levels, made: Created, moves: Moves, older_than: str | timedelta | None
) -> Flags:
    """Whether each tag is old: where audits saw it move or stay, that decides; else the claim."""
    if older_than is None:
        return np.ones(len(made.moment), dtype=bool)
    span = age(older_than) // MICROSECOND

    def before(moment: np.ndarray[Any, np.dtype[np.int64]]) -> Flags:
        long_ago: Flags = (moment != NO_TIME) & (until_now(moment, levels.seen) >= span)
        return long_ago

    moved_lately = (moves.moved_after != NO_TIME) & ~before(moves.moved_after)
    old: Flags = ~moved_lately & (before(moves.unmoved_since) | before(made.moment))
    return old
