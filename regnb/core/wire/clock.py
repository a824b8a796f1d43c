"""Clock: the only way to time, sleep and chance, so that tests can replace all three."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """What the client knows of time.

    Attributes:
        monotonic: seconds that never go back; measures how long something took.
        now: seconds since 1970; read only to understand dates that others write.
        wait: waits for an event, some seconds at most; says whether it came.
        random: a float from 0 up to, but not including, 1.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait
    random: Callable[[], float] = random.random
