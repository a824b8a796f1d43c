from __future__ import annotations

import threading

import pytest

from regnb.errors import OperationCancelledError
from regnb.workers import run


def nothing() -> None:
    """No tick, no cancelling."""


def test_every_job_is_done_once() -> None:
    done: list[int] = []
    run(range(100), done.append, workers=8, tick=nothing, cancel=nothing)
    assert sorted(done) == list(range(100))


def test_one_worker_keeps_the_order() -> None:
    done: list[int] = []
    run(range(50), done.append, workers=1, tick=nothing, cancel=nothing)
    assert done == list(range(50))


def test_s27_no_more_threads_than_workers_are_at_work() -> None:
    together = threading.Barrier(4)  # breaks the test if fewer than four ever meet
    working: set[int] = set()

    def work(job: int) -> None:
        working.add(threading.get_ident())
        together.wait(5)

    run(range(40), work, workers=4, tick=nothing, cancel=nothing)
    assert len(working) == 4


def test_no_jobs_start_no_threads() -> None:
    before = threading.active_count()
    run([], lambda job: pytest.fail("there is no job"), workers=8, tick=nothing, cancel=nothing)
    assert threading.active_count() == before


def test_an_exception_ends_the_list_for_all_threads() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(job: int) -> None:
        begun.append(job)
        if job == 0:
            failed.set()
            raise ZeroDivisionError
        failed.wait(5)

    with pytest.raises(ZeroDivisionError):
        run(range(10_000), work, workers=2, tick=nothing, cancel=nothing)
    assert len(begun) < 10_000


def test_what_the_tick_raises_ends_the_list() -> None:
    release, waited = threading.Event(), list[bool]()

    def tick() -> None:
        release.set()
        raise RuntimeError("the bar broke")

    others = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="the bar broke"):
        run(
            range(2),
            lambda job: waited.append(release.wait(5)),
            workers=1,
            tick=tick,
            cancel=nothing,
        )
    assert set(threading.enumerate()) <= others


def test_f10_whoever_is_interrupted_cancels_what_the_threads_wait_for() -> None:
    cancelled = threading.Event()

    def work(job: int) -> None:
        if cancelled.wait(5):
            raise OperationCancelledError

    def tick() -> None:
        raise KeyboardInterrupt

    others = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        run(range(100), work, workers=4, tick=tick, cancel=cancelled.set)
    assert cancelled.is_set()
    assert set(threading.enumerate()) <= others


def test_f10_a_list_that_ends_well_cancels_nothing() -> None:
    run(range(3), lambda job: None, workers=2, tick=nothing, cancel=lambda: pytest.fail("why?"))
