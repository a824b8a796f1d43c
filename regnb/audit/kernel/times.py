"""Times: when what a place holds was made, as far as builders can be believed.

Registries tell no time of push or pull. What an image config says is a claim: builders that want
to build the same twice write 1970 or 1980.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.kernel.seen import Seen
from regnb.errors import printable
from regnb.walk.columns import NONE
from regnb.walk.inventory import NO_TIME

DOCKER = datetime(2013, 3, 20, tzinfo=UTC)
"""The first day of Docker: no image is older."""

AHEAD = timedelta(days=1)
"""How far the clock of a builder may be ahead of ours."""

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
    elif match := _AGE.fullmatch(value.strip()):
        return int(match[1]) * _UNITS[match[2]]
    raise ValueError(
        f"{printable(value, 40)!r} is no age. Write a number of hours, days or weeks, such as "
        "'90d', '12h' or '2w', or give a timedelta."
    )


@dataclass(frozen=True, slots=True)
class Created:
    """When each place was made, by the image configs.

    Attributes:
        moment: microseconds since 1970, UTC; of an index the latest of its entries; NO_TIME where
            no config states a time that can be.
        own: whether it stands in the config of the place itself.
        implausible: whether that config states a time that cannot be: before there was Docker, or
            more than a day after the audit.
    """

    moment: Ints
    own: Flags
    implausible: Flags


def created(seen: Seen) -> Created:
    """The times of all places of `Seen.graph`."""
    stated = stated_times(seen)[seen.graph.digest]
    known, plausible = stated != NO_TIME, is_plausible(seen, stated)
    moment = np.where(plausible, stated, NO_TIME)
    rows, entries = seen.graph.children.follow(np.arange(len(moment)))
    while True:
        latest = moment.copy()
        np.maximum.at(latest, rows, moment[entries])
        if np.array_equal(latest, moment):
            return Created(moment, plausible, known & ~plausible)
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
    first = int(DOCKER.timestamp()) * 1_000_000
    last = int((seen.inventory.finished_at + AHEAD).timestamp()) * 1_000_000
    found: Flags = (moment >= first) & (moment <= last)
    return found
