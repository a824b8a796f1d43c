"""Usage: the bytes of each consumer at one level, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import filled, ranks, texts
from regnb.audit.tables.tables import build, listed, repository_codes, status_of
from regnb.frames.schemas import USAGE
from regnb.walk.columns import NONE

LEVELS = ("registry", "repository", "tag")
"""What `usage` can be asked by."""


def usage(levels: Levels, by: str) -> pd.DataFrame:
    """The bytes of each consumer, the largest first.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    inventory = levels.inventory
    consumer, repository, tag = _consumers(levels, by)
    level = {"registry": levels.registry, "repository": levels.repository, "tag": levels.tag}[by]
    found = level.amounts(levels.content)
    stored = found.stored[consumer]
    names = np.append(ranks(inventory.repositories.values), NONE)[repository]
    tags_rank = np.append(ranks(inventory.texts.values), NONE)[tag]
    order = np.lexsort((tags_rank, names, -stored))
    consumer = consumer[order]
    total = int(levels.content.size[levels.registry.pairs.blob].sum())
    columns = {
        "level": filled(by, len(order)),
        "repository": texts(inventory.repositories.values, repository[order]),
        "tag": texts(inventory.texts.values, tag[order]),
        "declared": found.declared[consumer],
        "stored": found.stored[consumer],
        "exclusive": found.exclusive[consumer],
        "shared": found.shared[consumer],
        "fair": found.fair[consumer],
        "blob_count": found.blob_count[consumer],
        "percent": found.fair[consumer] * 100 / total if total else np.zeros(len(order)),
    }
    return build(USAGE, inventory, columns, len(order))


def _consumers(levels: Levels, by: str) -> tuple[Ints, Ints, Ints]:
    """For each row of `usage`: the consumer, its repository, and its tag; NONE where there is none.

    What could not be listed or read has no row: its bytes are not known.
    """
    inventory = levels.inventory
    if by == "registry":
        return np.zeros(1, dtype=np.int64), np.full(1, NONE), np.full(1, NONE)
    if by == "repository":
        codes = repository_codes(inventory)
        codes = codes[listed(status_of(inventory)[codes])]
        return codes, codes, np.full(len(codes), NONE)
    rows = levels.seen.read[levels.is_root]
    tags = inventory.tags
    consumer = levels.consumer_of_tag[levels.is_root]
    repository, tag = tags.column("repository")[rows], tags.column("tag")[rows]
    # Some policies keep what no tag leads to: one row a repository that holds such.
    bare = np.unique(levels.graph.repository[levels.untagged])
    return (
        np.concatenate([consumer, len(levels.tag_places) + bare]),
        np.concatenate([repository, bare]),
        np.concatenate([tag, np.full(len(bare), NONE)]),
    )
