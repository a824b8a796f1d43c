from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import responses
from requests import PreparedRequest

from regnb.core.auth.flights import Flights
from regnb.core.auth.scopes import pull, push
from regnb.core.transport import Transport
from regnb.core.wire.clock import Clock
from regnb.core.wire.incoming import Answer
from regnb.core.wire.limits import Limits
from regnb.errors import OperationCancelledError, TokenError
from tests.core.auth.building import (
    PATIENCE,
    PULL,
    Peer,
    Reply,
    ask,
    client,
    connections,
    until,
    waiting,
)
from tests.core.fakes import FakeTime

THREADS = 16


class SlowPeer(Peer):
    """Its token service answers when it is let go."""

    def __init__(self, web: responses.RequestsMock) -> None:
        self.let_go = threading.Event()
        self.status = 200
        super().__init__(web)

    def _service(self, request: PreparedRequest) -> Reply:
        status, headers, body = super()._service(request)
        assert self.let_go.wait(PATIENCE)
        return (status, headers, body) if self.status == 200 else (self.status, {}, "")


@pytest.fixture
def slow(web: responses.RequestsMock) -> Iterator[SlowPeer]:
    peer = SlowPeer(web)
    yield peer
    peer.let_go.set()


def all_at_once(
    pool: ThreadPoolExecutor, work: Callable[[], Answer], number: int = THREADS
) -> list[Future[Answer]]:
    barrier = threading.Barrier(number)

    def begin() -> Answer:
        barrier.wait(PATIENCE)
        return work()

    return [pool.submit(begin) for _ in range(number)]


def test_f9_threads_share_one_exchange_for_each_expiry(slow: SlowPeer) -> None:
    transport = client(time=slow.time)
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(1, 5):
            slow.let_go.clear()
            futures = all_at_once(pool, lambda: ask(transport))
            until(lambda: waiting_for_tokens(transport) == THREADS - 1)
            slow.let_go.set()
            assert {future.result().status for future in futures} == {200}
            assert len(slow.asked) == number
            slow.expire()


def test_f9_threads_share_the_exchange_for_a_token_that_is_about_to_end(slow: SlowPeer) -> None:
    slow.let_go.set()
    transport = client(time=slow.time)
    ask(transport)
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(2, 5):
            slow.let_go.clear()
            slow.time.seconds += 300
            futures = all_at_once(pool, lambda: ask(transport))
            until(lambda: waiting_for_tokens(transport) == THREADS - 1)
            slow.let_go.set()
            assert {future.result().status for future in futures} == {200}
            assert len(slow.asked) == number
    assert slow.seen.count(None) == 1


def test_f9_whoever_comes_right_after_the_exchange_asks_no_more(
    web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer(web)
    transport = client()
    share = Flights.share
    late = [True]

    def share_late(flights: Flights, key: Hashable, work: Callable[[], object]) -> object:
        if late:
            late.clear()
            ask(transport)  # as another thread does, between two looks of this one
        return share(flights, key, work)

    monkeypatch.setattr(Flights, "share", share_late)
    assert ask(transport).status == 200
    assert len(peer.asked) == 1


def test_f9_threads_share_a_failure_too(slow: SlowPeer) -> None:
    slow.status = 404
    transport = client()
    with ThreadPoolExecutor(THREADS) as pool:
        futures = all_at_once(pool, lambda: ask(transport))
        until(lambda: waiting_for_tokens(transport) == THREADS - 1)
        slow.let_go.set()
        errors = [future.exception() for future in futures]
    assert {type(error) for error in errors} == {TokenError}
    assert len(slow.asked) == 1


def test_w_a7_nobody_waits_for_a_token_of_another_kind(slow: SlowPeer) -> None:
    transport = client()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(ask, transport, scopes=pull("a"))
        until(lambda: len(slow.asked) == 1)
        other = pool.submit(ask, transport, scopes=pull("b"))
        until(lambda: len(slow.asked) == 2)
        assert not one.done()
        slow.let_go.set()
        assert (one.result().status, other.result().status) == (200, 200)


def test_f10_cancelling_ends_whoever_waits_for_a_token(web: responses.RequestsMock) -> None:
    peer = SlowPeer(web)
    peer.status = 503
    peer.let_go.set()
    waits = threading.Event()

    def wait(event: threading.Event, seconds: float) -> bool:
        waits.set()
        return event.wait(PATIENCE)

    over = connections()
    over.clock = Clock(monotonic=FakeTime().look, wait=wait)
    over._start()
    transport = client(over=over)
    with ThreadPoolExecutor(THREADS) as pool:
        futures = all_at_once(pool, lambda: ask(transport))
        assert waits.wait(PATIENCE)
        until(lambda: waiting_for_tokens(transport) == THREADS - 1)
        transport.cancel()
        errors = [future.exception(PATIENCE) for future in futures]
    assert {type(error) for error in errors} == {OperationCancelledError}


def waiting_for_tokens(transport: Transport) -> int:
    return waiting(transport._authenticator._tokens._flights)


def held(transport: Transport) -> list[tuple[str, ...]]:
    shelves = transport._authenticator._tokens._shelves.values()
    return [token.scopes for shelf in shelves for token in shelf]


def test_b_a10_a_wider_token_takes_the_place_of_a_narrower_one(
    web: responses.RequestsMock,
) -> None:
    transport = client(over=connections(limits=Limits(tokens=2)))
    Peer(web)
    for scopes in (pull("a"), push("a"), pull("b")):
        ask(transport, scopes=scopes)
    assert held(transport) == [push("a"), pull("b")]
    ask(transport, scopes=PULL)
    ask(transport, scopes=pull("c"))
    assert held(transport) == [pull("b"), pull("c")]
