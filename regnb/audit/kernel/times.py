"""Times: when what a place holds was made, as far as builders can be believed.

Registries tell no time of push or pull. What an image config says is a claim: builders that want
to build the same twice write 1970 or 1980.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from regnb.audit.kernel.arrays import Codes, Flags, Ints
from regnb.audit.kernel.seen import Seen
from regnb.errors import printable
from regnb.walk.columns import NONE
from regnb.walk.moments import NO_TIME, microseconds_at

DOCKER = datetime(2013, 3, 20, tzinfo=UTC)
"""The first day of Docker: no image is older."""

AHEAD = timedelta(days=1)
"""How far the clock of a builder may be ahead of ours."""

CONFIG, CHILDREN, IMPLAUSIBLE = range(3)
"""Where a time comes from: the words of ``time_source``."""

MICROSECOND = timedelta(microseconds=1)

DAY = timedelta(days=1) // MICROSECOND
"""In microseconds."""

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGE = re.compile(r"(\d{1,6})\s*([hdw])", re.ASCII)


def age(value: str | timedelta) -> timedelta:
    """A span of time: a `timedelta`, or a text such as ``90d``, ``12h`` or ``2w``.

    Raises:
        ValueError: it is none, or negative.
    """
    if isinstance(value, timedelta):
        if value >= timedelta():
            return value
    elif isinstance(value, str) and (match := _AGE.fullmatch(value.strip())):
        return int(match[1]) * _UNITS[match[2]]
    raise ValueError(
        f"{printable(value, 40)!r} is no age. Write a number of hours, days or weeks, such as "
        "'90d', '12h' or '2w', or give a timedelta."
    )


@dataclass(frozen=True, slots=True)
class Created:
    """When each of some places was made, by the image configs.

    Attributes:
        moment: microseconds since 1970, UTC; of an index the latest of its entries; NO_TIME where
            no config states a time that can be.
        claimed: the same, of all times that configs state, be they possible or not.
        source: CONFIG, CHILDREN, IMPLAUSIBLE where only times that cannot be are stated, or NONE
            where none is.
    """

    moment: Ints
    claimed: Ints
    source: Codes

    def at(self, place: Ints) -> Created:
        """Those of some of the places."""
        return Created(self.moment[place], self.claimed[place], self.source[place])


def created(seen: Seen) -> Created:
    """The times of all places of `Seen.graph`."""
    stated = stated_times(seen)[seen.graph.digest]
    plausible = is_plausible(seen, stated)
    moment, claimed = _latest(seen, np.where(plausible, stated, NO_TIME)), _latest(seen, stated)
    source = np.where(plausible, CONFIG, CHILDREN)
    source[moment == NO_TIME] = IMPLAUSIBLE
    source[claimed == NO_TIME] = NONE
    return Created(moment, claimed, source)


def _latest(seen: Seen, moment: Ints) -> Ints:
    """The latest time of each place and all its entries, and theirs."""
    rows, entries = seen.graph.children.follow(np.arange(len(moment)))
    while True:
        latest = moment.copy()
        np.maximum.at(latest, rows, moment[entries])
        if np.array_equal(latest, moment):
            return latest
        moment = latest


def stated_times(seen: Seen) -> Ints:
    """What the config of each digest's document states; NO_TIME where none does."""
    configs, documents = seen.inventory.configs, seen.inventory.documents
    row = np.full(seen.content.count + 1, NONE, dtype=np.int64)
    row[configs.column("digest")] = np.arange(len(configs))
    stated = np.append(configs.column("created"), NO_TIME).astype(np.int64)
    found = np.full(seen.content.count, NO_TIME, dtype=np.int64)
    found[documents.column("digest")] = stated[row[documents.column("config")]]
    return found


def is_plausible(seen: Seen, moment: Ints) -> Flags:
    """Whether each time can be that of a build; NO_TIME cannot."""
    last = now(seen) + AHEAD // MICROSECOND
    found: Flags = (moment >= microseconds_at(DOCKER)) & (moment <= last)
    return found


def now(seen: Seen) -> int:
    """When the walk ended, in microseconds since 1970, UTC: ages are told from here."""
    return microseconds_at(seen.inventory.finished_at)


def until_now(moment: Ints, seen: Seen) -> Ints:
    """Microseconds from each time to the end of the walk; 0 for what is to come.

    What has no time lies as far back as numbers go.
    """
    past = np.maximum(now(seen) - moment, 0)
    found: Ints = np.where(moment == NO_TIME, np.iinfo(np.int64).max, past)
    return found


def days_until(moment: Ints, seen: Seen) -> Ints:
    """Whole days from each time to the end of the walk."""
    days: Ints = until_now(moment, seen) // DAY
    return days
