"""S24, F5: what drips, stalls or takes long."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from regnb.core.registry import Registry
from regnb.core.wire.clock import Clock
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.limits import Limits
from regnb.errors import RegistryTimeoutError
from tests.core.fakes import FakeTime, Script, raw_server, registry, reply

TICK = 0.001  # real seconds between two bytes, so that each of them is read alone
SIZE = 16 * 1024 * 1024
PIECE = 1024 * 1024


def dripping(start: bytes) -> Script:
    """Send a beginning, and then one byte after the other without end."""

    def script(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            time.sleep(TICK)
            connection.sendall(b"x")

    return script


def silent(start: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(start)
        while connection.recv(PIECE):  # a body may come after the head
            pass

    return script


def reading(*pauses: float) -> Script:
    """Take the body of a request, resting before each piece of it as long as there are rests."""

    def script(connection: socket.socket) -> None:
        left = SIZE - 65536  # what may have come along with the head
        rests = iter(pauses)
        while left > 0:
            time.sleep(next(rests, 0.0))
            left -= len(connection.recv(PIECE)) or SIZE
        connection.sendall(reply(b"stored"))
        while connection.recv(PIECE):
            pass

    return script


def get(client: Registry) -> bytes:
    return client.transport.exchange("GET", client.address.api, limit=10**9).body


def put(client: Registry, body: bytes | Iterator[bytes], size: int) -> bytes:
    length = {"Content-Length": str(size)}
    request = client.transport.request("PUT", client.address.api, headers=length, body=body)
    return client.transport.attempt(request, limit=100, scopes=()).body


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 100 Continue\r\nX: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_s24_an_answer_that_drips_is_given_up_in_time(start: bytes) -> None:
    passing = FakeTime(step=10.0)  # seconds at each look at the clock, and so at each read
    with raw_server(dripping(start)) as server:
        with pytest.raises(RegistryTimeoutError, match="not answered in time"):
            get(registry(server.url, time=passing, limits=Limits(attempts=2)))
        assert len(server.requests) == 2


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\nx"])
def test_s24_no_read_waits_longer_than_is_left(start: bytes) -> None:
    limits = Limits(metadata_total=0.1, attempts=1)
    with raw_server(silent(start)) as server, pytest.raises(RegistryTimeoutError):
        get(Registry(server.url, limits=limits, clock=Clock()))


def test_s24_each_answer_of_a_connection_has_its_own_time() -> None:
    def three(connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
            connection.recv(1000)

    passing = FakeTime()
    with raw_server(three) as server:
        client = registry(server.url, time=passing)
        for _ in range(3):
            assert get(client) == b"1"
            passing.seconds += Limits().metadata_total - 1
        assert len(server.requests) == 1
        client.close()


def test_f5_a_stream_may_take_as_long_as_it_takes() -> None:
    passing = FakeTime(step=10.0)
    body = b"x" * 100

    def script(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in body:
            time.sleep(TICK)
            connection.sendall(b"x")

    with raw_server(script) as server:
        client = registry(server.url, time=passing)
        incoming = client.transport.stream(client.address.api)
        assert isinstance(incoming, Incoming)
        began = passing.seconds
        assert b"".join(iter(incoming.read, b"")) == body
        assert passing.seconds - began > Limits().metadata_total


def test_f5_the_time_of_sending_a_body_does_not_count() -> None:
    passing = FakeTime()

    def pieces() -> Iterator[bytes]:
        passing.seconds += 3600
        yield b"body"

    def answer(connection: socket.socket) -> None:
        connection.sendall(reply(b"stored"))
        connection.recv(100)

    with raw_server(answer) as server:
        assert put(registry(server.url, time=passing), pieces(), 4) == b"stored"


def test_s24_the_answer_to_a_body_has_no_more_time_than_others() -> None:
    limits = Limits(metadata_total=0.1)
    with raw_server(silent(b"HTTP/1.1 201 ")) as server:
        client = Registry(server.url, limits=limits, clock=Clock())
        with pytest.raises(Interrupted, match="brought no byte"):
            put(client, b"body", 4)


def test_f5_a_server_that_rests_has_longer_than_one_that_is_not_there() -> None:
    limits = Limits(connect_timeout=0.05)
    with raw_server(reading(0.2)) as server:
        assert put(registry(server.url, limits=limits), bytes(SIZE), SIZE) == b"stored"


def test_f5_the_timeout_holds_for_a_piece_of_a_body_and_not_for_all_of_it() -> None:
    limits = Limits(read_timeout=0.5)
    with raw_server(reading(*[0.05] * 15)) as server:
        assert put(registry(server.url, limits=limits), bytes(SIZE), SIZE) == b"stored"


def test_f12_a_client_that_was_closed_connects_again() -> None:
    with raw_server(reply(b"1")) as server:
        client = registry(server.url)
        for _ in range(3):
            assert get(client) == b"1"
            client.close()
        assert len(server.requests) == 3
