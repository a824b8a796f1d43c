"""Turn: one request while it is sent and answered."""

from __future__ import annotations

import math
import threading

from regnb.core.wire.clock import Clock
from regnb.core.wire.failures import TooSlow, cancelled


class Turn:
    """How long one request may take, and whether it is still wanted.

    Attributes:
        url: that is asked, byte for byte as it was given.
        deadline: when the answer must be there, on the monotonic clock.
        idle: seconds without a byte, sent or received, before a connection counts as lost.
    """

    __slots__ = ("_cancelled", "_clock", "_stopped", "deadline", "idle", "url")

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        deadline: float,
        idle: float,
        cancelled: threading.Event,
        body: bool = False,
    ) -> None:
        """Begin.

        Args:
            url: that is asked.
            clock: measures.
            deadline: when the answer must be there.
            idle: seconds without a byte that are waited.
            cancelled: set when nobody waits for the answer any more.
            body: whether the request has one: sending it may take as long as it takes, and does
                not count (F5).
        """
        self.url = url
        self.deadline = deadline
        self._clock = clock
        self.idle = idle
        self._cancelled = cancelled
        self._stopped = clock.monotonic() if body else None

    def sent(self) -> None:
        """Let the time run, which the body of the request had stopped."""
        if self._stopped is not None:
            self.deadline += self._clock.monotonic() - self._stopped
            self._stopped = None

    def lift(self) -> None:
        """Let the rest of the answer take as long as it takes, which a stream may."""
        self.deadline = math.inf

    def left(self) -> float:
        """Seconds that the answer may still take (S24).

        Raises:
            TooSlow: none.
        """
        left = self.deadline - self._clock.monotonic()
        if left <= 0:
            raise TooSlow
        return left

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more (F10)."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Go on only while the answer is wanted.

        Raises:
            OperationCancelledError: it is not.
        """
        if self._cancelled.is_set():
            raise cancelled()
