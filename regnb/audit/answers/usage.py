"""Usage: the bytes of each consumer at one level, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regnb.audit.answers import consumers
from regnb.audit.answers.consumers import Consumers
from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import closed, strings
from regnb.audit.tables.tables import build
from regnb.frames.schemas import LEVEL, USAGE

PLAIN: Mapping[str, Callable[[Levels], Consumers]] = {
    "registry": consumers.registry,
    "namespace": consumers.namespace,
    "repository": consumers.repository,
    "tag": consumers.tag,
    "manifest": consumers.manifest,
    "platform": consumers.platform,
}
"""What `usage` can be asked by, and nothing else said."""

NUMBERS = ("declared", "stored", "exclusive", "shared", "fair", "referrer_bytes", "blob_count")


@dataclass(frozen=True, slots=True)
class Figures:
    """The bytes of each row of a level, as the columns of `usage` have them."""

    consumers: Consumers
    declared: Ints
    stored: Ints
    exclusive: Ints
    shared: Ints
    fair: npt.NDArray[np.float64]
    referrer_bytes: Ints
    blob_count: Ints

    @classmethod
    def of(cls, levels: Levels, rows: Consumers) -> Figures:
        """Work them out; raises OverflowError as `Level.amounts` does."""
        found, number = rows.level(levels).amounts(levels.content), rows.number
        return cls(
            consumers=rows,
            declared=found.declared[number],
            stored=found.stored[number],
            exclusive=found.exclusive[number],
            shared=found.shared[number],
            fair=found.fair[number],
            referrer_bytes=_of_referrers(levels, rows, found.stored)[number],
            blob_count=found.blob_count[number],
        )

    def order(self, metric: str) -> Ints:
        """The rows by one of the numbers, the largest first, equal ones by name."""
        order: Ints = np.lexsort((self.consumers.rank, -getattr(self, metric)))
        return order

    def columns(self, levels: Levels, by: str, order: Ints) -> dict[str, Any]:
        """The columns of `USAGE` but ``percent``, for some of the rows."""
        rows, inventory = self.consumers, levels.inventory
        return {
            "level": closed(LEVEL, [by], np.zeros(len(order), dtype=np.int64)),
            "key": rows.key(order),
            "repository": strings(inventory.repositories.values, rows.repository[order]),
            "tag": strings(inventory.texts.values, rows.tag[order]),
            **{name: getattr(self, name)[order] for name in NUMBERS},
        }


def usage(levels: Levels, by: str, rows: Consumers) -> pd.DataFrame:
    """The bytes of each consumer, the largest first.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    total, figures = stored_in_all(levels), Figures.of(levels, rows)
    order = figures.order("stored")
    columns = figures.columns(levels, by, order)
    del figures, rows  # of a million rows 90 MB, while their text is made
    columns["percent"] = percent(columns["fair"], total)
    return build(USAGE, levels.inventory, columns, len(order))


def percent(part: npt.NDArray[Any], whole: int) -> npt.NDArray[np.float64]:
    """Parts of a whole in percent; none of nothing."""
    shares: npt.NDArray[np.float64] = part * 100 / whole if whole else np.zeros(len(part))
    return shares


def stored_in_all(levels: Levels) -> int:
    """The distinct bytes of whatever is alive; raises OverflowError as `Level.amounts` does."""
    levels.content.check_sums()
    return int(levels.content.size[levels.live_blobs].sum())


def _of_referrers(levels: Levels, rows: Consumers, stored: Ints) -> Ints:
    """The bytes that each consumer needs for what is about its images alone."""
    plain = levels.without_referrers
    if plain is levels:
        return np.zeros_like(stored)
    without: Ints = rows.level(plain).stored(plain.content)
    return stored - without
