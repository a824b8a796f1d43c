"""Usage: the bytes of each consumer at one level, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from regnb.audit.answers import consumers
from regnb.audit.answers.consumers import Consumers
from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import filled, texts
from regnb.audit.tables.tables import build
from regnb.frames.schemas import USAGE

PLAIN: Mapping[str, Callable[[Levels], Consumers]] = {
    "registry": consumers.registry,
    "namespace": consumers.namespace,
    "repository": consumers.repository,
    "tag": consumers.tag,
    "manifest": consumers.manifest,
    "platform": consumers.platform,
}
"""What `usage` can be asked by, and nothing else said."""


def usage(levels: Levels, by: str, rows: Consumers) -> pd.DataFrame:
    """The bytes of each consumer, the largest first.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    inventory, found = levels.inventory, rows.level(levels).amounts(levels.content)
    order = np.lexsort((rows.rank, -found.stored[rows.number]))
    number, fair = rows.number[order], found.fair[rows.number[order]]
    total = stored_in_all(levels)
    columns = {
        "level": filled(by, len(order)),
        "key": rows.key[order],
        "repository": texts(inventory.repositories.values, rows.repository[order]),
        "tag": texts(inventory.texts.values, rows.tag[order]),
        "declared": found.declared[number],
        "stored": found.stored[number],
        "exclusive": found.exclusive[number],
        "shared": found.shared[number],
        "fair": fair,
        "referrer_bytes": _of_referrers(levels, rows, found.stored)[number],
        "blob_count": found.blob_count[number],
        "percent": fair * 100 / total if total else np.zeros(len(order)),
    }
    return build(USAGE, inventory, columns, len(order))


def stored_in_all(levels: Levels) -> int:
    """The distinct bytes of whatever is alive."""
    return int(levels.registry.stored(levels.content)[0])


def _of_referrers(levels: Levels, rows: Consumers, stored: Ints) -> Ints:
    """The bytes that each consumer needs for what is about its images alone."""
    plain = levels.without_referrers
    if plain is levels:
        return np.zeros_like(stored)
    without: Ints = rows.level(plain).stored(plain.content)
    return stored - without
