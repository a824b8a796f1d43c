"""Top: the largest consumers, what they come to together, and all the others in one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regnb.audit.answers.consumers import Consumers
from regnb.audit.answers.usage import Figures, percent, stored_in_all
from regnb.audit.kernel.arrays import Flags, Ints, sums
from regnb.audit.kernel.content import Content
from regnb.audit.kernel.levels import Level, Levels
from regnb.audit.tables.tables import build
from regnb.frames.size_schemas import TOP
from regnb.walk.columns import NONE

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reached:
    """The first and the last row that needs each thing; NONE for what none needs."""

    first: Ints
    last: Ints

    @classmethod
    def of(cls, things: tuple[Any, Any], rows: Reached, count: int) -> Reached:
        """From those of consumers to those of what they need: pairs of consumer and thing."""
        consumer, thing = things
        first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, NONE, dtype=np.int64)
        np.minimum.at(first, thing, rows.first[consumer])
        np.maximum.at(last, thing, rows.last[consumer])
        return cls(np.where(last >= 0, first, NONE), last)


def top(levels: Levels, by: str, rows: Consumers, *, n: int, metric: str) -> pd.DataFrame:
    """The `n` largest by one of the numbers, equal ones by name, and what is left.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    figures, level = Figures.of(levels, rows), rows.level(levels)
    order = figures.order(metric)
    of_row = _of_consumers(rows, order, level)
    total, shown = stored_in_all(levels), order[:n]
    together = _together(figures, order, metric, _blobs(level, of_row, levels.content), levels)
    columns: dict[str, Any] = figures.columns(levels, by, shown)
    columns |= {
        "rank": np.arange(1, len(shown) + 1),
        "consumer_count": np.ones(len(shown), dtype=np.int64),
        "percent": percent(getattr(figures, metric)[shown], total),
        "cum_percent": percent(together[:n], total),
    }
    if len(order) > n:
        other = _other(levels, rows, of_row, n)
        other |= {"fair": float(figures.fair[order[n:]].sum()), "consumer_count": len(order) - n}
        other |= {"level": by, "rank": None, "key": OTHER, "repository": None, "tag": None}
        other["percent"] = other[metric] * 100 / total if total else 0.0
        other["cum_percent"] = float(percent(together[-1:], total)[0])
        columns = {name: [*values, other[name]] for name, values in columns.items()}
    return build(TOP, levels.inventory, columns, len(columns["rank"]))


def _of_consumers(rows: Consumers, order: Ints, level: Level) -> Reached:
    """The rows of each consumer: tags of one manifest are one consumer, and many rows."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    themselves = Reached(place, place)
    return Reached.of((np.arange(len(order)), rows.number), themselves, len(level.weight))


def _blobs(level: Level, of_row: Reached, content: Content) -> Reached:
    return Reached.of((level.pairs.consumer, level.pairs.blob), of_row, content.count)


def _together(
    figures: Figures, order: Ints, metric: str, blobs: Reached, levels: Levels
) -> npt.NDArray[Any]:
    """What each row and all before it come to: sizes of sets, but for shares, which add up.

    Stored bytes count where the first that needs them comes, exclusive ones where the last does.
    """
    if metric == "fair":
        return np.cumsum(figures.fair[order])
    row = blobs.first if metric == "stored" else blobs.last
    needed = row >= 0
    return np.cumsum(sums(row[needed], levels.content.size[needed], len(order)))


def _other(levels: Levels, rows: Consumers, of_row: Reached, n: int) -> dict[str, Any]:
    """The numbers of all rows from `n` on, as those of one consumer."""
    content, level, plain = levels.content, rows.level(levels), levels.without_referrers
    blobs = _blobs(level, of_row, content)
    reached = (level.reached.consumer, level.reached.digest)
    documents = Reached.of(reached, of_row, content.count).last >= n
    needed = blobs.last >= n
    stored, exclusive = _bytes(content, needed), _bytes(content, blobs.first >= n)
    without = needed if plain is levels else _blobs(rows.level(plain), of_row, content).last >= n
    return {
        "declared": int(content.declared[documents].sum()),
        "stored": stored,
        "exclusive": exclusive,
        "shared": stored - exclusive,
        "referrer_bytes": stored - _bytes(content, without),
        "blob_count": int(needed.sum()),
    }


def _bytes(content: Content, chosen: Flags) -> int:
    return int(content.size[chosen].sum())
