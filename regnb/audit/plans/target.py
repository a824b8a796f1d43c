"""Target: which cohorts of tags to delete so that some bytes are freed.

A heuristic: cohort after cohort, the one that frees the most bytes a tag with those before it. What
each frees is exact, and grows as others go: two that share everything free nothing alone. So it is
worked out anew for those that a choice touches, and at the end what turned out not to be needed
stays.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints, Links, distinct, pack, sums, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.cohorts import Cohorts
from regnb.audit.plans.effect import Effect
from regnb.display.text import size
from regnb.errors import printable

_AMOUNT = re.compile(r"(\d{1,20}(?:\.\d{1,15})?)\s*(?:([kmgtpe]?)(i?)b)?", re.ASCII | re.IGNORECASE)
_POWERS = ("", "k", "m", "g", "t", "p", "e")


def amount_of(target: float | str) -> int:
    """The bytes of ``500 GB``, ``500 GiB`` or a whole number, also one such as ``500e9``.

    Raises:
        ValueError: it is none of these, or nothing.
    """
    found = _bytes(target)
    if found <= 0:
        raise ValueError(
            f"{printable(target, 40)!r} is no amount of bytes to free. Write 500 GB, 500 GiB, or a "
            "number above zero."
        )
    return found


def _bytes(target: object) -> int:
    """The bytes that are meant; 0 for what is no amount."""
    if isinstance(target, str) and (match := _AMOUNT.fullmatch(target.strip())):
        number, unit, binary = match.groups(default="")
        step = Decimal(1024 if binary else 1000) ** _POWERS.index(unit.lower())
        return int((Decimal(number) * step).to_integral_value())
    if isinstance(target, int | np.integer) and not isinstance(target, bool):
        return int(target)
    return int(target) if isinstance(target, float) and target.is_integer() else 0


def choose(levels: Levels, cohorts: Cohorts, target: int) -> Flags:
    """The tags of `Seen.read` to delete; all that free anything where the target is out of reach.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    levels.content.check_sums()
    choice = _Choice(levels, cohorts)
    choice.reach(target)
    choice.give_back(target)
    chosen = choice.chosen[cohorts.of_tag] & (cohorts.of_tag >= 0)
    # A tag whose manifest stays for the sake of another frees nothing.
    trimmed: Flags = chosen & ~_without(levels, chosen).after[levels.seen.tag_place]
    return trimmed


def remarks(freed: int, target: int, unmatched: Sequence[str]) -> list[str]:
    """What to know of a choice."""
    said = [f"No tag matches keep={printable(glob, 80)!r}." for glob in unmatched]
    if freed < target:
        said.append(
            f"This frees {size(freed)} ({freed:,} bytes) of the {size(target)} asked for: of what "
            "may go, nothing frees more."
        )
    return said


class _Choice:
    """Cohorts that were chosen, and what that frees."""

    def __init__(self, levels: Levels, cohorts: Cohorts) -> None:
        cohort, blob = _needs(levels, cohorts)
        count = cohorts.count
        self.chosen: Flags = np.zeros(count + 1, dtype=bool)
        self.freed = 0
        self._size = levels.content.size
        self._blobs = Links.of(cohort, blob, count)
        # Who else needs a blob, and, once that is one cohort alone, which: numbers and their sum.
        self._users = np.bincount(blob, minlength=levels.content.count).astype(np.int64)
        self._sum = sums(blob, cohort, levels.content.count)
        self._tags = np.bincount(cohorts.of_tag[cohorts.of_tag >= 0], minlength=count)
        alone = self._users[blob] == 1
        self._gain = sums(cohort[alone], self._size[blob[alone]], count)
        self._needed = sums(cohort, self._size[blob], count)
        self._order: list[int] = []

    def reach(self, target: int) -> None:
        """Choose until the target is reached, or nothing is left that frees anything."""
        waiting = [self._rank(cohort) for cohort in np.flatnonzero(self._needed).tolist()]
        heapq.heapify(waiting)
        while waiting and self.freed < target:
            rank = heapq.heappop(waiting)
            cohort = rank[2]
            # What a cohort frees may have grown: then it is in there once more, further up.
            if self.chosen[cohort] or rank != self._rank(cohort):
                continue
            for changed in self._take(cohort):
                heapq.heappush(waiting, self._rank(changed))

    def give_back(self, target: int) -> None:
        """Let those stay that the target can be reached without, the least useful first."""
        for cohort in sorted(self._order, key=self._rank, reverse=True):
            blobs = self._of(cohort)
            loss = int(self._size[blobs[self._users[blobs] == 0]].sum())
            if self.freed - loss >= target:
                self.freed -= loss
                self.chosen[cohort] = False
                self._users[blobs] += 1

    def _take(self, cohort: int) -> list[int]:
        """Choose one; the cohorts that free more from then on."""
        blobs = self._of(cohort)
        self.chosen[cohort] = True
        self._order.append(cohort)
        self.freed += int(self._gain[cohort])
        self._users[blobs] -= 1
        self._sum[blobs] -= cohort
        last = blobs[self._users[blobs] == 1]
        holder = self._sum[last]
        np.add.at(self._gain, holder, self._size[last])
        return [int(one) for one in np.unique(holder)]

    def _rank(self, cohort: int) -> tuple[float, float, int]:
        """What comes first: most bytes freed a tag, then most needed a tag, then the oldest."""
        tags = int(self._tags[cohort])
        return -int(self._gain[cohort]) / tags, -int(self._needed[cohort]) / tags, cohort

    def _of(self, cohort: int) -> Ints:
        return self._blobs.follow(np.array([cohort]))[1].astype(np.int64)


def _needs(levels: Levels, cohorts: Cohorts) -> tuple[Ints, Ints]:
    """Pairs of a cohort and a blob that it needs, and that nothing needs that stays anyway."""
    candidate = cohorts.of_tag >= 0
    going = _without(levels, candidate).blobs
    pairs, tags = levels.tag.pairs, np.flatnonzero(candidate)
    wanted = going[pairs.blob] & (pairs.consumer < len(levels.tag_places))
    members = Links.of(levels.consumer_of_tag[tags], cohorts.of_tag[tags], len(levels.tag_places))
    rows, cohort = members.follow(pairs.consumer[wanted])
    keys = distinct(pack(cohort, pairs.blob[wanted][rows], levels.content.count))
    return unpack(keys, levels.content.count)


def _without(levels: Levels, tags: Flags) -> Effect:
    nothing = np.zeros(len(levels.graph.keys), dtype=bool)
    return Effect.of(levels, asked=tags, deleted=nothing, semantics="untag")
