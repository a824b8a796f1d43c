"""Two audits of one registry side by side, under numbers that both understand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Flags, Ints, pack
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.usage import Pairs
from regnb.audit.tables.tables import listed, status_of
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

NOT_FOUND = 404
LOST = NONE - 1
"""The digest of a tag that is listed and could not be read."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that either of two audits has.

    Attributes:
        values: first those of the one, in its order, then what only the other has.
        of_other: the number of each name of the other.
    """

    values: list[str]
    of_other: Ints

    @classmethod
    def of(cls, one: Sequence[str], other: Sequence[str]) -> Names:
        """Put them together."""
        found = pd.Index([*one], dtype=object).get_indexer(pd.Index([*other], dtype=object))
        more = np.flatnonzero(found < 0)
        found[more] = len(one) + np.arange(len(more))
        return cls([*one, *(other[code] for code in more.tolist())], found.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two audits says, in the numbers of both.

    Attributes:
        levels: the audit.
        live: whether each digest is needed.
        size: of each digest; 0 for what is not.
        pairs: which repository needs which digest.
        listed: whether each repository is there.
        doubtful: whether some of what a repository holds may not have been seen.
        tags: keys of the tags, in the order of the walk.
        digests: that they name; LOST where they could not be read.
    """

    levels: Levels
    live: Flags
    size: Ints
    pairs: Pairs
    listed: Flags
    doubtful: Flags
    tags: Ints
    digests: Ints

    @property
    def stored(self) -> int:
        """The distinct bytes of whatever is alive."""
        return int(self.size.sum())


@dataclass(frozen=True, slots=True)
class Sides:
    """The two, and what their numbers stand for."""

    digests: list[str]
    repositories: list[str]
    texts: list[str]
    old: Side
    new: Side

    @classmethod
    def of(cls, old: Levels, new: Levels) -> Sides:
        """Bring them together."""
        one, other = new.inventory, old.inventory
        digests = Names.of(one.digests.values, other.digests.values)
        repositories = Names.of(one.repositories.values, other.repositories.values)
        texts = Names.of(one.texts.values, other.texts.values)
        both = (digests, repositories, texts)
        same = [np.arange(len(names.values)) for names in both]
        return cls(
            digests.values,
            repositories.values,
            texts.values,
            old=_side(old, both, [names.of_other for names in both]),
            new=_side(new, both, same),
        )


def _side(levels: Levels, both: tuple[Names, Names, Names], numbers: list[Ints]) -> Side:
    """One side; `numbers` are those of its own digests, repositories and texts in `both`."""
    digest, repository, text = numbers
    digests, repositories, texts = (len(names.values) for names in both)
    levels.content.check_sums()
    live, size = np.zeros(digests, dtype=bool), np.zeros(digests, dtype=np.int64)
    needed = levels.registry.pairs.blob
    live[digest[needed]] = True
    size[digest[needed]] = levels.content.size[needed]
    inventory, pairs = levels.inventory, levels.repository.pairs
    there = np.zeros(repositories, dtype=bool)
    there[repository[: len(inventory.repositories)]] = True
    # Of what a walk did not come to, or could not ask for, nothing is known.
    doubtful = np.full(repositories, not _whole(inventory))
    doubtful[repository[: len(inventory.repositories)]] = _doubtful(inventory)
    rows = inventory.tags
    names = np.append(digest, LOST)[rows.column("digest")]
    return Side(
        levels=levels,
        live=live,
        size=size,
        pairs=Pairs(repository[pairs.consumer], digest[pairs.blob]),
        listed=there,
        doubtful=doubtful,
        tags=pack(repository[rows.column("repository")], text[rows.column("tag")], texts),
        digests=np.where(rows.column("digest") >= 0, names, LOST),
    )


def _whole(inventory: Inventory) -> bool:
    """Whether what is in no list is not there."""
    return inventory.finished and all(one.stage != "catalog" for one in inventory.failures)


def _doubtful(inventory: Inventory) -> Flags:
    """Repositories of which something could not be read, other than that it is not there."""
    doubtful = ~listed(status_of(inventory)) | (not inventory.finished)
    codes = {name: code for code, name in enumerate(inventory.repositories.values)}
    for one in inventory.failures:
        hides = one.stage != "config" and (one.stage == "tags" or one.status != NOT_FOUND)
        if hides and one.repository in codes:
            doubtful[codes[one.repository]] = True
    return doubtful
