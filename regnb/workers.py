"""Threads that work through one list of jobs and are gone afterwards."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TypeVar

Job = TypeVar("Job")

TICK = 0.1
"""Seconds between two looks of the main thread at a running list."""

GRACE = 1.0
"""Seconds that an interrupted list gives its threads to end, their requests being cancelled."""


class Crew:
    """How many threads work at once: more, as long as a job takes no longer than with fewer.

    Where a link has latency that finds out how much it carries, and where a registry or this
    machine is the bottleneck it goes back: there each job waits for the others, and further threads
    cost time and bring none. What makes jobs slow makes the crew small again, be it load or waits
    after a 429.

    Attributes:
        size: threads, now.
    """

    GROWS, SHRINKS = 1.25, 2.0  # times the best mean of this list of jobs
    HELPS = 0.1  # the part that further threads have to do of what as many did at first
    RESTS = 10  # looks, after further threads were of no help

    def __init__(self, size: int = 8, *, most: int = 32) -> None:
        """Begin with `size` threads, and never have fewer, or more than `most`."""
        self.size = self._least = size
        self._most = most
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Expect another kind of jobs."""
        self._best = float("inf")
        self._rest = 0
        self._count, self._spent = 0, 0.0

    def note(self, seconds: float) -> None:
        """Take note of how long a job took."""
        with self._lock:
            self._count += 1
            self._spent += seconds

    def adjust(self) -> None:
        """Grow or shrink by what was noted since the last time."""
        with self._lock:
            count, spent = self._count, self._spent
            if count < self.size or not spent:
                return  # too few to tell, or too short for the clock
            self._count, self._spent = 0, 0.0
        mean = spent / count
        self._best = min(self._best, mean)
        if mean > self._best * self.SHRINKS:
            self.size = max(self._least, self.size * 3 // 4)
        elif self.size > self._least and self._gain(mean) < self.HELPS:
            self.size = max(self._least, self.size - 2)
            self._rest = self.RESTS
        elif self._rest:
            self._rest -= 1
        elif mean <= self._best * self.GROWS:
            self.size = min(self._most, self.size + 2)

    def _gain(self, mean: float) -> float:
        """What the further threads do, of what they would if they held no other up."""
        done = (self.size / mean) / (self._least / self._best)
        return (done - 1) / (self.size / self._least - 1)


def run(
    jobs: Collection[Job],
    work: Callable[[Job], None],
    *,
    workers: int | Crew,
    tick: Callable[[], None],
    cancel: Callable[[], None],
) -> None:
    """Do `work` for every job, in threads that take the next one as they become free.

    Args:
        jobs: what to do, begun in this order.
        work: called in the threads. What it raises ends the list and is raised here.
        workers: how many threads at most, or who settles that meanwhile.
        tick: called in this thread, every `TICK` seconds while it waits.
        cancel: ends what the threads are waiting for; called when this thread is interrupted.

    Raises:
        KeyboardInterrupt: after the threads were told to end, and given `GRACE` seconds for it.
    """
    crew = Crew(workers, most=workers) if isinstance(workers, int) else workers
    crew.begin()
    waiting, stop = deque(jobs), threading.Event()
    raised: list[BaseException] = []

    def loop(number: int) -> None:
        _give_way()
        while not stop.is_set() and number < crew.size:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            began = time.monotonic()
            try:
                work(job)
            except BaseException as error:
                raised.append(error)
                stop.set()
            crew.note(time.monotonic() - began)

    threads: dict[int, threading.Thread] = {}
    try:
        while _man(threads, loop, 0 if stop.is_set() else min(crew.size, len(waiting))):
            next(iter(threads.values())).join(TICK)
            tick()
            crew.adjust()
    except BaseException:
        stop.set()
        cancel()
        _join(list(threads.values()))
        raise
    if raised:
        raise raised[0]


def _give_way() -> None:
    """Let this thread be woken without interrupting whoever has the processor.

    It waits for answers most of the time. Each that came would else stop the program around it, or
    a registry on the same machine, in the middle of something, and cost more than it takes.
    """
    if sys.platform == "linux" and hasattr(os, "SCHED_BATCH"):  # not every Python has it
        with suppress(OSError):  # where that is not allowed, it goes without
            if os.sched_getscheduler(0) == os.SCHED_OTHER:
                # Not the programs that it starts, such as credential helpers.
                policy = os.SCHED_BATCH | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(0, policy, os.sched_param(0))


def _man(threads: dict[int, threading.Thread], loop: Callable[[int], None], size: int) -> bool:
    """Let go of the threads that ended and start those that are missing; whether any work."""
    for number, thread in list(threads.items()):
        if not thread.is_alive():
            del threads[number]
    for number in range(size):
        if number not in threads:
            # A daemon: a request that hangs must not keep an interrupted program from ending.
            threads[number] = threading.Thread(target=loop, args=(number,), daemon=True)
            threads[number].start()
    return bool(threads)


def _join(threads: list[threading.Thread]) -> None:
    end = time.monotonic() + GRACE
    for thread in threads:
        if thread.ident is not None:  # it was started
            thread.join(max(0.0, end - time.monotonic()))
