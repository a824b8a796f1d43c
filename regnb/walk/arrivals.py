"""Arrivals: what has come in a walk and waits to be read, many one right after the other.

Between two requests each would take about twice the time: until the next answer comes, others have
driven the code that reads it from the processor.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

TOGETHER = 32
"""How many wait at most, but for those that come while others are read."""

LONGEST = 0.1
"""Seconds that they wait, where more come."""


class Arrivals:
    """What waits. Threads share it, and whichever brings enough reads all."""

    __slots__ = ("_read", "_waiting")

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: deque[Callable[[], None]] = deque()
        self._read = time.monotonic()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def add(self, read: Callable[[], None]) -> None:
        """Let something wait: what reads and notes it, and asks for nothing."""
        self._waiting.append(read)
        late = time.monotonic() - self._read >= LONGEST
        if late or len(self._waiting) >= TOGETHER:
            self.read()

    def read(self) -> None:
        """Read all that waits."""
        self._read = time.monotonic()
        while True:
            try:
                read = self._waiting.popleft()
            except IndexError:
                return
            read()
