"""Ages: how old what each tag names is, as far as builders can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import created, stated_times
from regnb.audit.tables.cells import nullable, numbered
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import AGE, AGES
from regnb.walk.columns import NONE
from regnb.walk.inventory import NO_TIME

DAY = 86_400_000_000
"""In microseconds."""

DAYS = (7, 30, 90, 180, 365, 730, 1825)
"""Where the bins of ages meet."""

CONFIG, CHILDREN, IMPLAUSIBLE = range(3)
"""The words of the column ``time_source``."""

_IMPLAUSIBLE_BIN, _UNKNOWN_BIN, _BINS = (len(DAYS) + more for more in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class TagTimes:
    """When what each tag of `TagTrees.row` names was made.

    Attributes:
        created: microseconds since 1970, UTC; NO_TIME where that is not known.
        claimed: the latest time that a config below it states, be it true or not.
        source: CONFIG, CHILDREN, IMPLAUSIBLE, or NONE where no config states a time.
    """

    created: Ints
    claimed: Ints
    source: Ints

    @classmethod
    def of(cls, levels: Levels, trees: TagTrees) -> TagTimes:
        """The times of all tags; of an index the latest of its entries counts."""
        times, count = created(levels.seen), len(levels.tag_places)
        stated = stated_times(levels.seen)[levels.graph.digest[trees.place]]
        claimed = np.full(count, NO_TIME, dtype=np.int64)
        np.maximum.at(claimed, trees.tree, stated)
        top = levels.tag_places[trees.consumer]
        moment = times.moment[top]
        source = np.where(times.own[top], CONFIG, CHILDREN)
        source[moment == NO_TIME] = IMPLAUSIBLE
        claimed = claimed[trees.consumer]
        source[claimed == NO_TIME] = NONE
        return cls(moment, claimed, source)


def until_now(moment: Ints, levels: Levels) -> Ints:
    """Microseconds from each time to the end of the audit; 0 for what is to come.

    What has no time lies as far back as numbers go.
    """
    now = np.datetime64(levels.inventory.finished_at.replace(tzinfo=None), "us").astype(np.int64)
    past: Ints = np.where(moment == NO_TIME, np.iinfo(np.int64).max, np.maximum(now - moment, 0))
    return past


def days_until(moment: Ints, levels: Levels) -> Ints:
    """Whole days from each time to the end of the audit."""
    days: Ints = until_now(moment, levels) // DAY
    return days


def ages(levels: Levels) -> pd.DataFrame:
    """One row a bin of ages, the youngest first."""
    trees = TagTrees.of(levels)
    times = TagTimes.of(levels, trees)
    fair = levels.tag.amounts(levels.content).fair
    known = times.created != NO_TIME
    number = np.digitize(days_until(times.created, levels), DAYS)
    number[~known] = np.where(times.source == IMPLAUSIBLE, _IMPLAUSIBLE_BIN, _UNKNOWN_BIN)[~known]
    count = _BINS
    bytes_of = np.zeros(count)
    np.add.at(bytes_of, number, fair[trees.consumer])
    # What some policies keep without a tag has no time that can be looked up.
    bytes_of[_UNKNOWN_BIN] += fair[len(levels.tag_places) :].sum()
    tag_count, total = np.bincount(number, minlength=count), bytes_of.sum()
    dated = np.arange(count) <= len(DAYS)
    columns = {
        "age": numbered(AGE, np.arange(count)),
        "from_days": nullable(np.array([0, *DAYS, 0, 0]), known=dated),
        "to_days": nullable(np.array([*DAYS, 0, 0, 0]), known=np.arange(count) < len(DAYS)),
        "tag_count": tag_count,
        "tag_percent": _percent(tag_count, len(number)),
        "fair": bytes_of,
        "fair_percent": _percent(bytes_of, total),
    }
    return build(AGES, levels.inventory, columns, count)


def _percent(values: np.ndarray, total: float) -> np.ndarray:
    return values * 100 / total if total else np.zeros(len(values))
