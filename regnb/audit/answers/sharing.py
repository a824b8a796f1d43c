"""Sharing: which repositories need the same bytes, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from regnb.audit.answers.consumers import known_repositories
from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.overlap import overlap
from regnb.audit.tables.cells import strings
from regnb.audit.tables.tables import build
from regnb.errors import TooManyRepositoriesError, printable
from regnb.frames.build import square
from regnb.frames.size_schemas import SHARING

MOST = 2_000
"""Repositories that are compared at once: two million pairs, and 32 MB of numbers."""


def pairs(levels: Levels, chosen: Ints) -> pd.DataFrame:
    """One row for each two repositories that share anything, the largest first."""
    stored, shared = _numbers(levels, chosen)
    # Of each two the one that comes first by name is a.
    chosen_by_name = np.argsort(levels.seen.repository_rank[chosen])
    shared = np.triu(shared[np.ix_(chosen_by_name, chosen_by_name)], 1)
    chosen, stored = chosen[chosen_by_name], stored[chosen_by_name]
    first, second = np.nonzero(shared)
    order = np.lexsort((second, first, -shared[first, second]))
    first, second = first[order], second[order]
    both, names = shared[first, second], levels.inventory.repositories.values
    columns = {
        "repository_a": strings(names, chosen[first]),
        "repository_b": strings(names, chosen[second]),
        "shared": both,
        "containment_a": both / stored[first],
        "containment_b": both / stored[second],
        "jaccard": both / (stored[first] + stored[second] - both),
    }
    return build(SHARING, levels.inventory, columns, len(both))


def matrix(levels: Levels, chosen: Ints) -> pd.DataFrame:
    """A row and a column for each repository, in their order."""
    stored, shared = _numbers(levels, chosen)
    np.fill_diagonal(shared, stored)
    inventory = levels.inventory
    names = strings(inventory.repositories.values, chosen)
    return square(
        "sharing", names, shared, registry=inventory.registry, retrieved=inventory.finished_at
    )


def choose(levels: Levels, most: int | None, patterns: Sequence[str] | None) -> Ints:
    """The repositories that share most bytes with any other, equal ones by name.

    Raises:
        TooManyRepositoriesError: they are too many to be compared.
    """
    codes = known_repositories(levels)
    if patterns is not None:
        names = levels.inventory.repositories.values
        wanted = [
            any(fnmatchcase(names[code], pattern) for pattern in patterns)
            for code in codes.tolist()
        ]
        codes = codes[np.array(wanted, dtype=bool)]
    count = len(codes) if most is None else min(most, len(codes))
    if count > MOST:
        raise TooManyRepositoriesError(
            f"{count:,} repositories are too many to compare each with each: {MOST:,} are. Narrow "
            "them by top=, those that share most, or by repositories=, patterns such as "
            f"{printable(_example(levels, codes))!r}."
        )
    shared = levels.repository.amounts(levels.content).shared[codes]
    return codes[np.argsort(-shared, kind="stable")][:count]


def _example(levels: Levels, codes: Ints) -> str:
    first: str = levels.inventory.repositories.values[codes[0]]
    return f"{first.partition('/')[0]}/*"


def _numbers(levels: Levels, chosen: Ints) -> tuple[Ints, Ints]:
    level, content = levels.repository, levels.content
    return level.stored(content)[chosen], overlap(level.pairs, chosen, content.size)
