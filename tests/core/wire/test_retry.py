from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.wire.failures import Interrupted
from regnb.core.wire.limits import Limits
from regnb.core.wire.retry import REGAIN, RETRIED, Retries, retry_after
from regnb.errors import UnreachableError
from tests.core.fakes import FakeTime


@dataclass
class Outcome:
    status: int = 200
    retry_after: float | None = None


class Server:
    """Attempts that are answered by the book, the last answer ever after."""

    def __init__(self, *outcomes: Outcome | Interrupted) -> None:
        self.outcomes = outcomes
        self.asked = 0

    def __call__(self) -> Outcome:
        outcome = self.outcomes[min(self.asked, len(self.outcomes) - 1)]
        self.asked += 1
        if isinstance(outcome, Interrupted):
            raise outcome
        return outcome


def broken(*, connected: bool = True) -> Interrupted:
    return Interrupted(UnreachableError("broken"), connected=connected)


@pytest.mark.parametrize("status", sorted(RETRIED))
def test_f1_a_passing_trouble_is_asked_again_six_times(status: int) -> None:
    time, server = FakeTime(), Server(Outcome(status))
    assert Retries(Limits(), time.clock()).run(server).status == status
    assert server.asked == 6


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 405, 409, 413, 416, 501])
def test_f2_what_would_be_answered_alike_is_asked_once(status: int) -> None:
    server = Server(Outcome(status))
    assert Retries(Limits(), FakeTime().clock()).run(server).status == status
    assert server.asked == 1


def test_f3_waits_double_with_full_jitter_up_to_a_cap() -> None:
    time, limits = FakeTime(chance=1.0), Limits(attempts=10)
    Retries(limits, time.clock()).run(Server(Outcome(503)))
    assert time.slept == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    time = FakeTime(chance=0.0)
    Retries(limits, time.clock()).run(Server(Outcome(503)))
    assert time.slept == [0.0] * 9


def test_f3_a_call_has_a_budget() -> None:
    time, server = FakeTime(chance=1.0), Server(Outcome(500))
    Retries(Limits(attempts=100, retry_budget=10), time.clock()).run(server)
    assert sum(time.slept) <= 10
    assert server.asked == 5


def test_f2_a_broken_connection_is_tried_again() -> None:
    server = Server(broken(), broken(), Outcome(200))
    assert Retries(Limits(), FakeTime().clock()).run(server).status == 200


def test_f2_in_the_end_the_reason_is_raised() -> None:
    server = Server(broken())
    with pytest.raises(UnreachableError, match="broken"):
        Retries(Limits(), FakeTime().clock()).run(server)
    assert server.asked == 6


def test_f2_an_address_that_never_answered_is_given_up_after_two_attempts() -> None:
    time, server = FakeTime(chance=1.0), Server(broken(connected=False))
    with pytest.raises(UnreachableError):
        Retries(Limits(), time.clock()).run(server)
    assert (server.asked, time.slept) == (2, [0.5])


def test_f2_a_registry_that_restarts_is_waited_for() -> None:
    retries = Retries(Limits(), FakeTime().clock())
    retries.run(Server(Outcome(200)))
    down = broken(connected=False)
    assert retries.run(Server(down, down, down, down, Outcome(200))).status == 200


def test_f4_retry_after_is_obeyed() -> None:
    time = FakeTime()
    Retries(Limits(), time.clock()).run(Server(Outcome(503, retry_after=17.0), Outcome(200)))
    assert time.slept == [17.0]


def test_f4_a_wait_that_is_too_long_is_not_waited_for() -> None:
    time, server = FakeTime(), Server(Outcome(429, retry_after=301.0))
    assert Retries(Limits(), time.clock()).run(server).status == 429
    assert (server.asked, time.slept) == (1, [])


def test_f4_the_cap_of_a_wait_can_be_lowered() -> None:
    time, server = FakeTime(), Server(Outcome(503, retry_after=11.0))
    Retries(Limits(retry_after_cap=10), time.clock()).run(server)
    assert (server.asked, time.slept) == (1, [])


def test_f3_after_a_429_all_threads_keep_quiet() -> None:
    time = FakeTime()
    retries = Retries(Limits(), time.clock())
    retries.run(Server(Outcome(429, retry_after=20.0), Outcome(200)))
    assert time.slept == [20.0]
    time.seconds -= 12  # another thread comes while the first still waits
    other = threading.Thread(target=retries.run, args=(Server(Outcome(200)),))
    other.start()
    other.join()
    assert time.slept == [20.0, 12.0]


def test_f3_what_is_not_asked_again_asks_the_others_to_keep_quiet_too() -> None:
    time = FakeTime()
    retries = Retries(Limits(), time.clock())
    retries.run(Server(Outcome(429, retry_after=7.0)), attempts=1)
    assert time.slept == []
    retries.run(Server(Outcome(429, retry_after=1000.0)), attempts=1)  # longer than anyone waits
    assert time.slept == [7.0]
    retries.run(Server(Outcome(200)))
    assert time.slept == [7.0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("1000000000", 1e9),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 1970 00:20:00 GMT", 200.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:01 GMT", None),
    ],
)
def test_f4_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=lambda: 1_000.0) == seconds


@given(st.text(max_size=60) | st.text("0123456789:, GMTJanThu+-", max_size=60))
def test_f4_no_retry_after_breaks_the_reader(value: str) -> None:
    seconds = retry_after(value, now=lambda: 0.0)
    assert seconds is None or seconds >= 0


def test_where_many_are_asked_retries_in_vain_end_and_those_that_help_cost_nothing() -> None:
    retries = Retries(Limits(), FakeTime().clock())
    with retries.rationed(12):
        for _ in range(100):
            assert retries.run(Server(broken(), Outcome(503), Outcome())).status == 200
        asked = []
        for _ in range(4):
            bad = Server(Outcome(503))
            retries.run(bad)
            asked.append(bad.asked)
        assert asked == [6, 6, 6, 1]
        assert retries.run(Server(Outcome(429), Outcome())).status == 200, (
            "a wait is no try in vain"
        )
        for asked_again in (1, 6):
            bad = Server(Outcome(503))
            retries.run(bad)
            assert bad.asked == asked_again
            for _ in range(round(5 / REGAIN)):
                retries.run(Server(Outcome()))
    bad = Server(Outcome(503))
    retries.run(bad)
    assert bad.asked == 6


def test_what_is_under_way_in_a_short_outage_is_not_hurried() -> None:
    retries = Retries(Limits(), FakeTime().clock())
    retries.reached = True
    with retries.rationed(2):
        trials = [retries.begin() for _ in range(32)]
        for _ in range(5):
            assert all(trial.again(broken()) for trial in trials)
        assert retries.run(Server(broken(), Outcome())).status == 200


def test_a_trial_that_made_progress_has_retried_nothing_in_vain() -> None:
    retries = Retries(Limits(), FakeTime().clock())
    retries.reached = True
    with retries.rationed(6):
        trial = retries.begin()
        for _ in range(10):
            assert trial.again(broken())
            trial.progressed()
        for _ in range(5):
            assert trial.again(broken())
        assert not trial.again(broken())
        assert retries.begin().again(broken()), "one is left"
