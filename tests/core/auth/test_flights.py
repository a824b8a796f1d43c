from __future__ import annotations

import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from regnb.core.auth.flights import Flights
from regnb.errors import OperationCancelledError, TokenError
from tests.core.auth.building import PATIENCE, until, waiting

WAITING = 4


class Work:
    """Work that lasts until it is let go, and then brings or raises something."""

    def __init__(self, outcome: str | BaseException) -> None:
        self.outcome = outcome
        self.times = 0
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> str:
        self.times += 1
        self.begun.set()
        assert self.let_go.wait(PATIENCE)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def shared(flights: Flights, work: Work) -> list[Future[str | None]]:
    """One thread that works and others that wait for it, all started before the work is done."""
    with ThreadPoolExecutor(WAITING + 1) as pool:
        futures = [pool.submit(flights.share, "key", work)]
        assert work.begun.wait(PATIENCE)
        arrived = threading.Barrier(WAITING + 1)

        def share() -> str | None:
            arrived.wait(PATIENCE)
            return flights.share("key", work)

        futures += [pool.submit(share) for _ in range(WAITING)]
        arrived.wait(PATIENCE)
        until(lambda: waiting(flights) == WAITING)
        work.let_go.set()
    return futures


def test_f9_one_thread_works_and_the_others_are_told_that_it_is_done() -> None:
    work = Work("token")
    results = [future.result() for future in shared(Flights(), work)]
    assert results == ["token"] + [None] * WAITING
    assert work.times == 1


def test_f9_an_error_is_told_to_all_and_is_nobodys_twice() -> None:
    failure = TokenError("no", status=404, url="x", code="c")
    work = Work(failure)
    errors = [future.exception() for future in shared(Flights(), work)]
    assert work.times == 1
    assert len({id(error) for error in errors}) == len(errors)
    for error in errors:
        assert isinstance(error, TokenError)
        assert (str(error), error.status, error.url, error.code) == ("no", 404, "x", "c")


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt(), OperationCancelledError("off"), OSError()]
)
def test_f10_whoever_waited_for_broken_work_is_not_told_so(failure: BaseException) -> None:
    first, *others = shared(Flights(), Work(failure))
    assert type(first.exception()) is type(failure)
    assert [future.result() for future in others] == [None] * WAITING


def test_w_a7_different_work_waits_for_nothing() -> None:
    flights = Flights()
    assert flights.share("a", lambda: flights.share("b", lambda: "both")) == "both"
    assert flights.share("a", lambda: "again") == "again"


@pytest.mark.parametrize("failure", [TokenError("no"), KeyboardInterrupt(), ValueError("bug")])
def test_s16_no_frame_and_no_cause_of_the_work_is_kept(failure: BaseException) -> None:
    def work() -> None:
        try:
            raise ValueError("hunter2")
        except ValueError:
            raise failure from None

    with pytest.raises(type(failure)) as caught:
        Flights().share("key", work)
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert names[-1] == "_lead"
    assert caught.value.__context__ is None
