"""Moments: times as a walk keeps them, in whole microseconds since 1970, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

NO_TIME = -(2**63)
"""The time of a config that states none; numpy reads it as NaT."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds() -> int:
    """The time now."""
    return time.time_ns() // 1000


def microseconds_at(time: datetime | None) -> int:
    """A time, exactly; NO_TIME for None."""
    return NO_TIME if time is None else (time - _EPOCH) // timedelta(microseconds=1)


def time_of(moment: int) -> datetime:
    """The time that a number stands for."""
    return _EPOCH + timedelta(microseconds=moment)
