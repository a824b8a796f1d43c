"""Retries: how often and how patiently one client asks again (F1 to F4)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

from regnb.core.clock import Clock
from regnb.core.failures import Interrupted
from regnb.core.limits import Limits

RETRIED = frozenset({408, 429, 499, 500, 502, 503, 504, *range(520, 525)})
TOO_MANY_REQUESTS = 429


class Outcome(Protocol):
    """What an attempt brings: anything with a status and headers."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks to wait."""


T = TypeVar("T", bound=Outcome)


class Retries:
    """Runs attempts of one client; its threads share the wait after a 429."""

    __slots__ = ("_clock", "_limits", "_lock", "_quiet_until", "_reached")

    def __init__(self, limits: Limits, clock: Clock) -> None:
        """Start with a registry that has not answered yet."""
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._quiet_until = -math.inf
        self._reached = False

    def run(self, attempt: Callable[[], T]) -> T:
        """Attempt until there is an answer that another attempt would not better.

        Returns:
            The last answer, which may still be a 429 or 5xx.

        Raises:
            RegistryError: what broke the last attempt off.
        """
        started = self._clock.monotonic()
        number = 0
        while True:
            number += 1
            self._keep_quiet()
            try:
                outcome = attempt()
            except Interrupted as interrupted:
                self._reached = self._reached or interrupted.connected
                delay = self._delay(number, started, None)
                if delay is None:
                    raise interrupted.error from None
            else:
                self._reached = True
                if outcome.status not in RETRIED:
                    return outcome
                delay = self._delay(number, started, outcome.retry_after)
                if delay is None:
                    return outcome
                if outcome.status == TOO_MANY_REQUESTS:
                    self._ask_for_quiet(delay)
            self._clock.sleep(delay)

    def _delay(self, number: int, started: float, asked: float | None) -> float | None:
        """Seconds until the next attempt, or None when there is none."""
        limits = self._limits
        if number >= (limits.attempts if self._reached else limits.first_attempts):
            return None
        if asked is not None and asked > limits.retry_after_cap:
            return None
        ceiling = min(limits.backoff_cap, limits.backoff_base * 2 ** (number - 1))
        delay = self._clock.random() * ceiling if asked is None else asked
        spent = self._clock.monotonic() - started
        return delay if spent + delay <= limits.retry_budget else None

    def _ask_for_quiet(self, seconds: float) -> None:
        with self._lock:
            self._quiet_until = max(self._quiet_until, self._clock.monotonic() + seconds)

    def _keep_quiet(self) -> None:
        while self._quiet_until > (now := self._clock.monotonic()):
            self._clock.sleep(self._quiet_until - now)


def retry_after(value: str | None, *, now: Callable[[], float]) -> float | None:
    """Seconds that a ``Retry-After`` asks for: a number or an HTTP date (RFC 9110, 10.2.3).

    None for what cannot be read; a date in the past asks for no wait.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now()
        except (ValueError, OverflowError, OSError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
