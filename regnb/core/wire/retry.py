"""Retries: how often and how patiently one client asks again (F1 to F4)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

from regnb.core.wire.clock import Clock
from regnb.core.wire.failures import Interrupted, cancelled
from regnb.core.wire.limits import Limits

RETRIED = frozenset({408, 429, 499, 500, 502, 503, 504, *range(520, 525)})
TOO_MANY_REQUESTS = 429

RATION = 32
"""Retries that may be in vain where many things are asked for: five each for six things."""

REGAIN = 0.02
"""The part of a retry that each success adds to a ration again."""


class Outcome(Protocol):
    """What an attempt brings: anything with a status and headers."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks to wait."""


T = TypeVar("T", bound=Outcome)


class Ration:
    """How many retries all requests together may still make in vain. Threads share it.

    Trials that are under way are not hurried: however many there are, a short outage costs nothing.
    """

    __slots__ = ("_left", "_lock", "_most")

    def __init__(self, most: float = math.inf) -> None:
        """Begin with all of it."""
        self._left = self._most = most
        self._lock = threading.Lock()

    @property
    def is_spent(self) -> bool:
        """Whether there are none left."""
        return self._left < 1

    def add(self, count: float) -> None:
        """Take away those that were in vain, or put some back after a success."""
        if count > 0 and self._left == self._most:
            return
        with self._lock:
            self._left = min(self._most, self._left + count)


class Retries:
    """The patience of one client; its threads share the wait after a 429, and a cancellation.

    Attributes:
        limits: say how often and how long.
        clock: measures and waits.
        reached: whether the registry has ever answered.
        ration: what is left of the retries of all requests; no end of them as a rule.
        quiet_until: when the registry may be asked again, on the monotonic clock.
    """

    __slots__ = ("_cancelled", "_lock", "clock", "limits", "quiet_until", "ration", "reached")

    def __init__(self, limits: Limits, clock: Clock) -> None:
        """Start with a registry that has not answered yet."""
        self.limits = limits
        self.clock = clock
        self.reached = False
        self.ration = Ration()
        self._lock = threading.Lock()
        self.quiet_until = -math.inf
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> threading.Event:
        """Set once what is under way now is cancelled."""
        return self._cancelled

    def begin(self, *, attempts: int | None = None) -> Trial:
        """Start to try something, `attempts` times at most; by default as `Limits` say."""
        return Trial(self, attempts, self._cancelled)

    def run(self, attempt: Callable[[], T], *, attempts: int | None = None) -> T:
        """Attempt until there is an answer that another attempt would not better.

        Returns:
            The last answer, which may still be a 429 or 5xx.

        Raises:
            RegistryError: what broke the last attempt off.
            OperationCancelledError: `cancel` was called meanwhile.
        """
        return Trial(self, attempts, self._cancelled).run(attempt)

    @contextmanager
    def rationed(self, most: float = RATION) -> Iterator[None]:
        """In the block, let `most` retries be in vain; then what fails is not asked again.

        Retries that lead to an answer cost nothing, and those after a 429 are not counted.
        """
        before, self.ration = self.ration, Ration(most)
        try:
            yield
        finally:
            self.ration = before

    def cancel(self) -> None:
        """End the waits of all trials that have begun; later ones are not touched."""
        with self._lock:
            cancelled, self._cancelled = self._cancelled, threading.Event()
        cancelled.set()

    def ask_for_quiet(self, seconds: float) -> None:
        """Hold all requests of the client back (F3)."""
        with self._lock:
            self.quiet_until = max(self.quiet_until, self.clock.monotonic() + seconds)

    def quiet_left(self) -> float:
        """Seconds until the registry may be asked again; not above 0 where it may be now."""
        return self.quiet_until - self.clock.monotonic()


class Trial:
    """Something that is tried, and tried again."""

    __slots__ = ("_attempts", "_cancelled", "_number", "_retries", "_started", "_taken")

    def __init__(self, retries: Retries, attempts: int | None, cancelled: threading.Event) -> None:
        """Begin; `Retries.begin` is the way to get one."""
        self._retries = retries
        self._attempts = attempts
        self._cancelled = cancelled
        self._number = self._taken = 0
        self._started = retries.clock.monotonic()

    def progressed(self) -> None:
        """Count attempts and time anew, because the last attempt brought something (F6)."""
        self._number = self._taken = 0
        self.restart_clock()

    def restart_clock(self) -> None:
        """Count the time anew, though not the attempts: it went into bytes that moved."""
        self._started = self._retries.clock.monotonic()

    def run(self, attempt: Callable[[], T]) -> T:
        """Attempt as `Retries.run` does, which says what is raised."""
        while True:
            self.keep_quiet()
            try:
                outcome = attempt()
            except Interrupted as interrupted:
                if not self.again(interrupted):
                    raise interrupted.error from None
            else:
                self._retries.reached = True
                if outcome.status not in RETRIED:
                    self._retries.ration.add(REGAIN)
                    return outcome
                if not self.again(outcome):
                    return outcome

    def keep_quiet(self) -> None:
        """Wait until the registry may be asked again, if it asked anyone to wait (F3).

        Raises:
            OperationCancelledError: the trial was cancelled.
        """
        if self._cancelled.is_set():
            raise cancelled()
        if self._retries.quiet_until < self._started:
            return  # nobody has asked for it since
        while (left := self._retries.quiet_left()) > 0:
            self._wait(left)

    def again(self, outcome: Outcome | Interrupted) -> bool:
        """Wait for the next attempt after one that failed; False where there is none.

        Raises:
            OperationCancelledError: the trial was cancelled.
        """
        self._check()
        self._number += 1
        asked = None
        if isinstance(outcome, Interrupted):
            self._retries.reached = self._retries.reached or outcome.connected
        else:
            asked = outcome.retry_after
        delay = self._delay(asked)
        limited = not isinstance(outcome, Interrupted) and outcome.status == TOO_MANY_REQUESTS
        if limited:
            # It is asked of all requests, also where this one is not made again.
            self._retries.ask_for_quiet(self._waited_for(asked) if delay is None else delay)
        if delay is None or (self._retries.ration.is_spent and not limited):
            self._retries.ration.add(-self._taken)
            return False
        self._taken += not limited
        self._wait(delay)
        return True

    def _waited_for(self, asked: float | None) -> float:
        return asked if asked and asked <= self._retries.limits.retry_after_cap else 0.0

    def _delay(self, asked: float | None) -> float | None:
        """Seconds until the next attempt, or None when there is none."""
        limits, clock = self._retries.limits, self._retries.clock
        attempts = self._attempts or limits.attempts
        if self._number >= (attempts if self._retries.reached else limits.first_attempts):
            return None
        if asked is not None and asked > limits.retry_after_cap:
            return None
        ceiling = min(limits.backoff_cap, limits.backoff_base * 2 ** (self._number - 1))
        delay = clock.random() * ceiling if asked is None else asked
        spent = clock.monotonic() - self._started
        return delay if spent + delay <= limits.retry_budget else None

    def _wait(self, seconds: float) -> None:
        self._retries.clock.wait(self._cancelled, seconds)
        self._check()

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise cancelled()


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
