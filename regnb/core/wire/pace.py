"""Pace: notices a body that drips, which no timeout of a single read would (F5)."""

from __future__ import annotations

from regnb.core.wire.clock import Clock
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.limits import Limits
from regnb.core.wire.redaction import redact
from regnb.errors import RegistryTimeoutError

MOMENT = 0.1
"""Seconds after which what has come is shown."""


class Pace:
    """How fast the bytes of large bodies come; only waiting for them counts, not using them."""

    __slots__ = ("_broken", "_brought", "_clock", "_limits", "_waited")

    def __init__(self, limits: Limits, clock: Clock) -> None:
        """Start with nothing waited for."""
        self._limits = limits
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        """Begin anew, with another body."""
        self._waited, self._brought = 0.0, 0
        self._broken: Interrupted | None = None

    def read(self, incoming: Incoming, size: int) -> bytes:
        """The next bytes of a body, at most `size`, empty at its end.

        Raises:
            Interrupted: the connection broke, or brought less than `Limits.stall_bytes` while
                `Limits.stall_window` was waited.
            ProtocolError: the body cannot be decoded.
        """
        started = self._clock.monotonic()
        piece = incoming.read(size)
        self._note(incoming, len(piece), started)
        return piece

    def fill(self, incoming: Incoming, buffer: memoryview) -> memoryview:
        """The same, in the front of `buffer`; it is filled as far as a moment allows.

        Pieces as large as may be cost least, but who looks on wants to see something move. What
        came before a break is given first, and then the break is raised.
        """
        if self._broken is not None:
            raise self._broken
        filled, shown = 0, self._clock.monotonic() + MOMENT
        while filled < len(buffer):
            started = self._clock.monotonic()
            if filled and started > shown:
                break
            try:
                count = incoming.readinto(buffer[filled:])
                self._note(incoming, count, started)
            except Interrupted as interrupted:
                if not filled:
                    raise
                self._broken = interrupted
                break
            filled += count
            if not count:
                break
        return buffer[:filled]

    def _note(self, incoming: Incoming, count: int, started: float) -> None:
        """Judge what has come since `started`."""
        self._waited += self._clock.monotonic() - started
        self._brought += count
        if self._waited >= self._limits.stall_window:
            if self._brought < self._limits.stall_bytes and count:
                incoming.close()
                raise Interrupted(self._stalled(incoming), connected=True)
            self._waited, self._brought = 0.0, 0

    def _stalled(self, incoming: Incoming) -> RegistryTimeoutError:
        shown = redact(incoming.url)
        return RegistryTimeoutError(
            f"{incoming.method} {shown} brought {self._brought:,} bytes in {self._waited:.0f} "
            "seconds. Try again later.",
            method=incoming.method,
            url=shown,
        )
