"""Ages: how old what each tag names is, as far as builders can be believed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import IMPLAUSIBLE, created, days_until
from regnb.audit.tables.cells import nullable, numbered
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import AGE, AGES
from regnb.walk.moments import NO_TIME

DAYS = (7, 30, 90, 180, 365, 730, 1825)
"""Where the bins of ages meet."""

_IMPLAUSIBLE_BIN, _UNKNOWN_BIN, _BINS = (len(DAYS) + more for more in (1, 2, 3))


def ages(levels: Levels) -> pd.DataFrame:
    """One row a bin of ages, the youngest first."""
    trees = TagTrees.of(levels)
    times = created(levels.seen).at(levels.tag_places[trees.consumer])
    fair = levels.tag.amounts(levels.content).fair
    known = times.moment != NO_TIME
    number = np.digitize(days_until(times.moment, levels.seen), DAYS)
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
