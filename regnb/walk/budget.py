"""Budget: how much a walk may cost, and when it stops so that the next can go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

from regnb import interfaces
from regnb.display.text import count, duration
from regnb.errors import (
    RateLimitedError,
    RegistryTimeoutError,
    RegistryUnavailableError,
    RegnbError,
    UnreachableError,
    printable,
)

REFUSALS = 3
"""Questions in a row that may end in a 429, retries and waits included, before a walk stops."""

LOSSES = 3
"""Questions in a row that may be lost, retries included, before the registry is looked for."""

UNREACHABLE = "unreachable: the registry no longer answers"
"""Why a walk stopped whose registry went away."""

GRACE = 1.0
"""Seconds that answers may still take when the time is up; then they are cancelled."""


_LOST = (UnreachableError, RegistryTimeoutError, RegistryUnavailableError)


class Stopped(Exception):  # noqa: N818 - never seen outside: it ends a walk as was asked for
    """The walk ends here, and can be gone on with; the text says why."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a walk may cost.

    Attributes:
        max_requests: that it sends; None for any number.
        max_seconds: that it takes; None for any time.
        keep_rate_limit: requests that it leaves, of those that the registry says are left. None
            for none, except that a walk always stops where a registry refuses one question after
            the other with a 429.
    """

    max_requests: int | None = None
    max_seconds: float | None = None
    keep_rate_limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        for name in ("max_requests", "max_seconds", "keep_rate_limit"):
            value = getattr(self, name)
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            if value is not None and not is_number:
                raise TypeError(
                    f"{name}= is a number or None, and not {printable(repr(value), 80)}."
                )
            if value is not None and not value >= 0:
                raise ValueError(f"{name}= is a number, 0 or more, or None; it is {value}.")


class Purse:
    """What is left of a budget. Threads share it.

    Attributes:
        asked: questions begun; a listing of many pages is one.
        answered: questions that the registry answered, or refused.
        outage: that the registry no longer answers anything; empty where it does.
    """

    def __init__(
        self,
        budget: Budget,
        registry: interfaces.Registry,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count."""
        self.asked = 0
        self.answered = 0
        self.outage = ""
        self._budget = budget
        self._registry = registry
        self._monotonic = monotonic
        self._began = monotonic()
        self._sent_before = registry.requests
        self._under_way = 0
        self._refusals = 0
        self._losses, self._borne = 0, LOSSES
        self._lock = threading.Lock()

    def take(self) -> None:
        """Have leave for one more question.

        Raises:
            Stopped: there is none left.
        """
        with self._lock:
            if why := self._spent():
                raise Stopped(why)
            self.asked += 1
            self._under_way += 1

    def note(self, error: RegnbError | None = None) -> None:
        """Take note of how a question ended."""
        with self._lock:
            self._under_way -= 1
            refused = isinstance(error, RateLimitedError)
            self._refusals = self._refusals + 1 if refused else 0
            self.answered += not isinstance(error, UnreachableError)
            self._losses = self._losses + 1 if isinstance(error, _LOST) else 0
            in_doubt = self._losses >= self._borne and not self.outage
            if in_doubt:
                # Some things are broken while others are not: then the next doubt comes later.
                self._losses, self._borne = 0, self._borne * 2
        if in_doubt and not self._registry.answers():
            self.outage = UNREACHABLE

    def check(self) -> None:
        """Look at the time, and whether there is a registry, while answers are waited for.

        Raises:
            Stopped: it was over a while ago, or there is none.
        """
        self.check_outage()
        longest = self._budget.max_seconds
        if longest is not None and self._monotonic() - self._began > longest + GRACE:
            raise Stopped(_over(longest))

    def check_outage(self) -> None:
        """Go on only with a registry that answers.

        Raises:
            Stopped: it does not.
        """
        if self.outage:
            raise Stopped(self.outage)

    def _spent(self) -> str:
        """Why there is nothing left; empty where there is."""
        budget = self._budget
        if budget.max_requests is not None and self._sent >= budget.max_requests:
            return f"budget: {count(budget.max_requests, 'request')}"
        longest = budget.max_seconds
        if longest is not None and self._monotonic() - self._began >= longest:
            return _over(longest)
        if self.outage:
            return self.outage
        if self._refusals >= REFUSALS:
            return "rate limit: the registry takes no more requests for now (429)"
        return "" if budget.keep_rate_limit is None else self._limited(budget.keep_rate_limit)

    @property
    def _sent(self) -> int:
        """Requests: those begun count at once, those sent include further pages and retries."""
        return max(self.asked, self._registry.requests - self._sent_before)

    def _limited(self, keep: int) -> str:
        limit = self._registry.rate_limit
        if limit is None or limit.remaining is None:
            return ""
        left = max(limit.remaining - self._under_way, 0)  # which may not have been counted yet
        if left > keep:
            return ""
        return f"rate limit: {count(left, 'request')} left, and {keep:,} are to be kept"


def _over(seconds: float) -> str:
    return f"budget: {duration(seconds)}"
