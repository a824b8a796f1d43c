"""Cohorts: tags that are deleted together or not at all, where space is to be freed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import created
from regnb.audit.plans.names import texts_of
from regnb.audit.plans.selection import masked
from regnb.display.text import clip
from regnb.walk.columns import NONE
from regnb.walk.moments import NO_TIME

Candidates = Literal["month", "repository"] | pd.Series
Keep = str | Iterable[str] | pd.Series

_KEEP = "keep= is a glob of tags or of repository:tag, several, or a Series of True and False"


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Groups of tags, numbered in the order in which they are taken where nothing else tells.

    Attributes:
        of_tag: the number of the cohort of each tag of `Seen.read`; NONE for those that stay.
        count: how many there are.
    """

    of_tag: Ints
    count: int

    @classmethod
    def of(cls, levels: Levels, candidates: Candidates, kept: Flags) -> Cohorts:
        """Group the tags that may go.

        Args:
            levels: what was seen, and what counts as alive.
            candidates: ``month``: tags of one repository that were made in the same month, the
                oldest first; ``repository``: all tags of one; or a label for each row of the table
                of tags, null for those that stay.
            kept: tags of `Seen.read` that stay. What belongs to another manifest is in no cohort:
                it goes with that.

        Raises:
            ValueError: `candidates` is none of these.
        """
        key = _labels(levels, candidates)
        free = ~kept & levels.is_root & (key[0] != NONE)
        of_tag = np.full(len(free), NONE, dtype=np.int64)
        distinct, number = np.unique(key[:, free], axis=1, return_inverse=True)
        of_tag[free] = number.reshape(-1)
        return cls(of_tag, distinct.shape[1])


def kept_tags(levels: Levels, keep: Keep | None) -> tuple[Flags, list[str]]:
    """The tags of `Seen.read` that are protected, and the globs that match none.

    Args:
        levels: what was seen.
        keep: a Series of True and False with a row for each of the table of tags; or globs of
            tags, or of ``repository:tag``.

    Raises:
        ValueError: the mask is not aligned with the table of tags.
        TypeError: `keep` is of another type.
    """
    seen, inventory = levels.seen, levels.inventory
    kept = np.zeros(len(inventory.tags), dtype=bool)
    if isinstance(keep, pd.Series):
        kept[seen.tag_order[masked(keep, len(kept))]] = True
        return kept[seen.read], []
    unmatched = []
    for glob in () if keep is None else texts_of(keep, _KEEP):
        home, colon, name = glob.rpartition(":")
        found = _match(inventory.texts.values, name)[inventory.tags.column("tag")]
        if colon:
            homes = _match(inventory.repositories.values, home)
            found &= homes[inventory.tags.column("repository")]
        kept |= found
        unmatched += [] if found.any() else [glob]
    return kept[seen.read], unmatched


def _match(names: list[str], glob: str) -> Flags:
    return np.array([fnmatchcase(name, glob) for name in names], dtype=bool)


def _labels(levels: Levels, candidates: Candidates) -> Ints:
    """What tells cohorts apart, for each tag of `Seen.read`: two numbers, in order of the first."""
    seen = levels.seen
    home = seen.repository_rank[levels.graph.repository[seen.tag_place]]
    if isinstance(candidates, pd.Series):
        rows = len(levels.inventory.tags)
        if not candidates.index.equals(pd.RangeIndex(rows)):
            raise ValueError("The labels are not aligned with audit.tags: give one for each row.")
        label = np.empty(rows, dtype=np.int64)
        label[seen.tag_order] = pd.factorize(candidates, sort=True)[0]
        return np.stack((label[seen.read], np.zeros(len(home), dtype=np.int64)))
    if isinstance(candidates, str) and candidates == "repository":
        return np.stack((home, np.zeros(len(home), dtype=np.int64)))
    if isinstance(candidates, str) and candidates == "month":
        moment = created(seen).moment[seen.tag_place]
        month = moment.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        # What nobody knows the age of is the last to go.
        return np.stack((np.where(moment == NO_TIME, np.iinfo(np.int64).max, month), home))
    raise ValueError(
        f"candidates={clip(repr(candidates))} is none. Choose month or repository, or give a "
        "Series with a label for each tag."
    )
