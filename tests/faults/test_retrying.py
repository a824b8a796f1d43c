"""How often, and after how long, the client asks again (F1 to F4)."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from regnb.errors import (
    HostUnknownError,
    RateLimitedError,
    RegistryUnavailableError,
    RegnbError,
    UnreachableError,
)
from regnb.sample import Served
from tests.core.fakes import registry
from tests.faults import operations as ops
from tests.faults.answers import Status, http_date
from tests.faults.cell import Cell, Time
from tests.faults.endings import Drop
from tests.faults.matrix import OPERATIONS
from tests.faults.operations import Operation
from tests.faults.proxy import Proxy
from tests.faults.scenario import ALWAYS, Rule, Scenario
from tests.faults.stock import TARGET

PLAIN = [operation for operation in OPERATIONS if not (operation.before or operation.bearer)]
BACKOFF = [0.25, 0.5, 1.0, 2.0, 4.0]  # half of what is possible, as the chance of tests is a half
ATTEMPTS = 6
SOON = Time().seconds + 7
# What a server may write, and how long it makes the client wait; None: it is not waited for.
RETRY_AFTERS: dict[str, float | None] = {
    "0": 0.0,
    "1": 1.0,
    "1.5": 1.5,
    "300": 300.0,
    "301": None,  # too long
    http_date(SOON): 7.0,
    "Wed, 21 Oct 1964 07:28:00 GMT": 0.0,
    "soon": BACKOFF[0],
    "-1": 0.0,
    str(10**9): None,
}


def befalls(operation: Operation, status: Status, times: int = 1) -> Scenario:
    rule = Rule(status, operation.method, operation.path, operation.nth, times)
    return Scenario(*operation.before, rule)


@pytest.mark.parametrize("times", range(1, 8))
@pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504, 520, 524])
def test_f1_f2_f3_bursts_of_refusals(served: Served, status: int, times: int) -> None:
    ending = Cell(served.url, TARGET).run(ops.BY_TAG, befalls(ops.BY_TAG, Status(status), times))
    assert ending.waits == BACKOFF[:times]
    assert len(ending.asked(ops.BY_TAG)) == min(times + 1, ATTEMPTS)
    assert (ending.error is None) == (times < ATTEMPTS)
    assert ending.error is None or getattr(ending.error, "status", None) == status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 416, 501])
def test_f2_what_is_refused_is_not_asked_for_again(served: Served, status: int) -> None:
    ending = Cell(served.url, TARGET).run(ops.BY_TAG, befalls(ops.BY_TAG, Status(status)))
    assert isinstance(ending.error, RegnbError)
    assert ending.waits == []
    assert len(ending.asked(ops.BY_TAG)) == 1


@pytest.mark.parametrize("after", RETRY_AFTERS)
@pytest.mark.parametrize("operation", PLAIN, ids=str)
def test_f4_retry_after_is_obeyed(served: Served, operation: Operation, after: str) -> None:
    ending = Cell(served.url, TARGET).run(operation, befalls(operation, Status(429, after)))
    wait = RETRY_AFTERS[after]
    assert ending.waits == ([] if wait is None else [wait])
    if wait is None:
        assert isinstance(ending.error, RateLimitedError)
        assert ending.error.retry_after == float(after)
    else:
        assert ending.error is None
        times = [entry.at for entry in ending.log]
        assert times == sorted(times)
        assert {times[0], times[0] + wait} == set(times)


@pytest.mark.parametrize("operation", [ops.BY_TAG, ops.READ, ops.PATCH, ops.PUT], ids=str)
@pytest.mark.parametrize("after", ["1.5", "soon", "301"])
def test_f4_retry_after_of_a_503_counts_as_well(
    served: Served, operation: Operation, after: str
) -> None:
    ending = Cell(served.url, TARGET).run(operation, befalls(operation, Status(503, after)))
    too_long = RETRY_AFTERS[after] is None
    assert isinstance(ending.error, RegistryUnavailableError) if too_long else not ending.error
    assert len(ending.waits) == (not too_long)


def test_f3_the_patience_of_a_call_ends(served: Served) -> None:
    scenario = befalls(ops.BY_TAG, Status(503, "200"), ALWAYS)
    ending = Cell(served.url, TARGET).run(ops.BY_TAG, scenario)
    assert isinstance(ending.error, RegistryUnavailableError)
    assert ending.waits == [200.0]  # another would be beyond 5 minutes


def test_f2_a_name_that_resolves_on_the_second_try(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, []

    def hiccup(host: str, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        if len(asked) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hiccup)
    with registry(served.url) as client:
        client.ping()
    assert len(asked) == 2


def test_f1_where_nothing_ever_answered_it_is_told_soon(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    time = Time()
    with registry(served.url, time=time) as client, pytest.raises(HostUnknownError):
        client.ping()
    assert len(time.slept) == 1


def test_f1_a_registry_that_goes_away_is_asked_six_times(served: Served) -> None:
    time = Time()
    with Proxy(served.url) as proxy, registry(proxy.url, time=time) as client:
        client.ping()
        proxy.scenario = Scenario(Rule(Drop(), times=ALWAYS))
        with pytest.raises(UnreachableError):
            client.ping()
    assert time.slept == BACKOFF
