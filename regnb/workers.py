"""Threads that work through one list of jobs and are gone afterwards."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import TypeVar

Job = TypeVar("Job")

TICK = 0.1
"""Seconds between two looks of the main thread at a running list."""

GRACE = 1.0
"""Seconds that an interrupted list gives its threads to end, their requests being cancelled."""


def run(
    jobs: Collection[Job],
    work: Callable[[Job], None],
    *,
    workers: int,
    tick: Callable[[], None],
    cancel: Callable[[], None],
) -> None:
    """Do `work` for every job, in threads that take the next one as they become free.

    Args:
        jobs: what to do, begun in this order.
        work: called in the threads. What it raises ends the list and is raised here.
        workers: how many threads at most.
        tick: called in this thread, every `TICK` seconds while it waits.
        cancel: ends what the threads are waiting for; called when this thread is interrupted.

    Raises:
        KeyboardInterrupt: after the threads were told to end, and given `GRACE` seconds for it.
    """
    waiting, stop = deque(jobs), threading.Event()
    raised: list[BaseException] = []

    def loop() -> None:
        while not stop.is_set():
            try:
                job = waiting.popleft()
            except IndexError:
                return
            try:
                work(job)
            except BaseException as error:
                raised.append(error)
                stop.set()

    # Daemons: a request that hangs must not keep an interrupted program from ending.
    threads = [threading.Thread(target=loop, daemon=True) for _ in range(min(workers, len(jobs)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(TICK)
                tick()
    except BaseException:
        stop.set()
        cancel()
        _join(threads)
        raise
    if raised:
        raise raised[0]


def _join(threads: list[threading.Thread]) -> None:
    end = time.monotonic() + GRACE
    for thread in threads:
        if thread.ident is not None:  # it was started
            thread.join(max(0.0, end - time.monotonic()))
