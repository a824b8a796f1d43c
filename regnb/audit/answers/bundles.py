"""Bundles as a table: what is freed only if all of these go."""

from __future__ import annotations

import numpy as np
import pandas as pd

from regnb.audit.answers.consumers import Consumers
from regnb.audit.answers.texts import joined
from regnb.audit.answers.usage import percent, stored_in_all
from regnb.audit.kernel.arrays import Ints, Links, pack, unpack
from regnb.audit.kernel.bundles import Bundles
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import closed
from regnb.audit.tables.tables import build
from regnb.frames.schemas import LEVEL
from regnb.frames.size_schemas import BUNDLES

SHOWN = 10
"""Consumers of a bundle that are named; of the others their number is."""


def bundles(levels: Levels, by: str, rows: Consumers) -> pd.DataFrame:
    """One row a set of consumers, the most bytes first.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    total, level = stored_in_all(levels), rows.level(levels)
    name = np.full(len(level.weight), len(rows.rank), dtype=np.int64)
    np.minimum.at(name, rows.number, rows.rank)
    found = Bundles.of(level.pairs, levels.content.size, name)
    consumer_count, names = _named(found, rows, len(level.weight))
    by_name, _ = pd.factorize(names, sort=True)
    order = np.lexsort((by_name, consumer_count, -found.size))
    columns = {
        "level": closed(LEVEL, [by], np.zeros(len(order), dtype=np.int64)),
        "bytes": found.size[order],
        "blob_count": found.blob_count[order],
        "consumer_count": consumer_count[order],
        "consumers": names[order],
        "percent": percent(found.size[order], total),
    }
    return build(BUNDLES, levels.inventory, columns, len(order))


def _named(found: Bundles, rows: Consumers, count: int) -> tuple[Ints, np.ndarray]:
    """How many rows stand behind each bundle, and the names of the first of them."""
    of_consumer = Links.of(rows.number, rows.rank, count)
    bundle = np.repeat(np.arange(len(found.size)), np.diff(found.consumers.starts))
    number = of_consumer.counts(found.consumers.targets)
    keys = pack(
        np.repeat(bundle, number), of_consumer.beyond(found.consumers.targets), len(rows.rank)
    )
    keys.sort()
    bundle, rank = unpack(keys, len(rows.rank))
    consumer_count = np.bincount(bundle, minlength=len(found.size)).astype(np.int64)
    place = np.arange(len(bundle)) - np.repeat(
        np.cumsum(consumer_count) - consumer_count, consumer_count
    )
    few = place < SHOWN
    by_rank = np.empty(len(rows.rank), dtype=object)
    by_rank[rows.rank] = np.array(rows.key(np.arange(len(rows.rank))).tolist(), dtype=object)
    names = joined(by_rank[rank[few]], bundle[few])
    for long in np.flatnonzero(consumer_count > SHOWN).tolist():
        names[long] += f" … {consumer_count[long] - SHOWN:,} more"
    return consumer_count, np.array(names, dtype=object)
