from __future__ import annotations

import os
import sys
import threading

import pytest

from regnb.errors import OperationCancelledError
from regnb.workers import Crew, run


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_threads_do_not_interrupt_whoever_has_the_processor() -> None:
    policies: list[int] = []

    def work(job: int) -> None:
        policies.append(os.sched_getscheduler(0))

    before = os.sched_getscheduler(0)
    if before != os.SCHED_OTHER:
        pytest.skip("whoever runs the tests has chosen how they are scheduled")
    run(range(3), work, workers=2, tick=nothing, cancel=nothing)
    assert policies == [os.SCHED_BATCH | os.SCHED_RESET_ON_FORK] * 3
    assert os.sched_getscheduler(0) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_threads_that_may_not_change_how_they_are_scheduled_work_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    done: list[int] = []
    run(range(3), done.append, workers=2, tick=nothing, cancel=nothing)
    assert sorted(done) == [0, 1, 2]


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


def test_s27_a_crew_grows_while_jobs_take_no_longer_and_no_further_than_it_may() -> None:
    crew = Crew(8, most=13)
    sizes = []
    for _ in range(4):
        for _ in range(crew.size):
            crew.note(0.080)
        crew.adjust()
        sizes.append(crew.size)
    assert sizes == [10, 12, 13, 13]


def test_s27_a_crew_stops_growing_where_jobs_wait_and_shrinks_where_they_wait_long() -> None:
    crew, sizes = Crew(8), []
    # Each of a crew of n waits for n others; then there are waits after a 429.
    for seconds in (0.8, 0.9, 1.2, 1.2, 3.0, 3.0, 3.0, 0.8):
        for _ in range(crew.size):
            crew.note(seconds)
        crew.adjust()
        sizes.append(crew.size)
    assert sizes == [10, 12, 10, 8, 8, 8, 8, 8]


def test_s27_a_crew_goes_back_where_more_do_no_more_and_tries_again_later() -> None:
    crew, sizes = Crew(8), []
    for _ in range(14):
        for _ in range(crew.size):
            crew.note(0.1 * crew.size)  # whatever their number, they do ten a second
        crew.adjust()
        sizes.append(crew.size)
    assert sizes == [10, *[8] * 11, 10, 8]


def test_s27_a_crew_grows_on_where_jobs_take_now_longer_and_now_not() -> None:
    crew, sizes = Crew(8), []
    for seconds in (0.080, 0.092, 0.085, 0.098, 0.081):
        for _ in range(crew.size):
            crew.note(seconds)
        crew.adjust()
        sizes.append(crew.size)
    assert sizes == [10, 12, 14, 16, 18]


def test_too_few_jobs_tell_nothing_and_other_jobs_are_another_matter() -> None:
    crew = Crew(8)
    for _ in range(7):
        crew.note(0.001)
    crew.adjust()
    assert crew.size == 8
    crew.begin()
    for _ in range(8):
        crew.note(5.0)
    crew.adjust()
    assert crew.size == 10


@pytest.mark.parametrize("size", [1, 3])
def test_s27_threads_come_and_go_with_the_size_of_the_crew(size: int) -> None:
    """It needs four threads at once, and then one at a time, to end."""
    together, alone = threading.Barrier(4), threading.Lock()
    crew, done = Crew(size, most=4), list[int]()

    def work(job: int) -> None:
        if job < 4:
            together.wait(5)
        elif job >= 200:
            assert alone.acquire(blocking=False), "another thread is at work"
            done.append(job)
            alone.release()

    def tick() -> None:
        crew.size = 4

    run(range(200), work, workers=crew, tick=tick, cancel=nothing)
    crew.size = 1
    run(range(200, 260), work, workers=crew, tick=nothing, cancel=nothing)
    assert sorted(done) == list(range(200, 260))
