"""F10: another thread, or Ctrl-C, ends what hangs. On real sockets, without a fake clock."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from regnb.core.registry import Registry
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.neighbourhood import SocketAddress, resolve
from regnb.errors import OperationCancelledError, UnreachableError
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from tests.core.fakes import PATIENCE, RawServer, Script, raw_server, registry, reply
from tests.servers import HttpServer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
UNKNOWN_LENGTH = b"HTTP/1.1 200 OK\r\n\r\n"


class Hanging:
    """A script that sends some bytes and then nothing, until the client has hung up."""

    def __init__(self, sent: bytes = b"") -> None:
        self.reached = threading.Event()
        self.left = threading.Event()
        self._sent = sent

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self._sent)
        self.reached.set()
        assert connection.recv(1) == b""
        self.left.set()


def in_thread(call: Callable[[], object]) -> Future[object]:
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future


def exchange(client: Registry) -> Callable[[], object]:
    return lambda: client.transport.exchange("GET", client.address.api, limit=1000)


def assert_cancels(client: Registry, hanging: Hanging, call: Callable[[], object]) -> None:
    future = in_thread(call)
    assert hanging.reached.wait(PATIENCE)
    client.cancel()
    assert isinstance(future.exception(PATIENCE), OperationCancelledError)
    assert hanging.left.wait(PATIENCE)


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTT", b"HTTP/1.1 200 OK\r\nContent-Le", HEAD, HEAD + b"half", UNKNOWN_LENGTH + b"{}"],
)
def test_f10_a_hung_answer_is_cancelled_and_not_asked_for_again(sent: bytes) -> None:
    hanging = Hanging(sent)
    with raw_server(hanging, reply(b"again")) as server:
        client = registry(server.url)
        assert_cancels(client, hanging, exchange(client))
        assert len(server.requests) == 1
        assert client.transport.exchange("GET", client.address.api, limit=9).body == b"again"
        client.close()


def test_f10_a_hung_stream_is_cancelled() -> None:
    hanging = Hanging(UNKNOWN_LENGTH + b"some bytes")
    with raw_server(hanging) as server:
        client = registry(server.url)

        def read() -> object:
            incoming = client.transport.stream(client.address.api)
            assert isinstance(incoming, Incoming)
            while incoming.read():
                pass
            return "the end of the body"

        assert_cancels(client, hanging, read)


def test_f10_a_request_that_cannot_be_sent_on_is_cancelled() -> None:
    reached = threading.Event()

    def take_nothing(connection: socket.socket) -> None:
        reached.set()
        cancelled.wait(PATIENCE)

    cancelled = threading.Event()
    with raw_server(take_nothing) as server:
        client = registry(server.url)
        size = 64 * 1024 * 1024
        request = client.transport.request(
            "PUT", client.address.api, headers={"Content-Length": str(size)}, body=bytes(size)
        )
        future = in_thread(lambda: client.transport.attempt(request, limit=9, scopes=()))
        assert reached.wait(PATIENCE)
        client.cancel()
        assert isinstance(future.exception(PATIENCE), OperationCancelledError)
        cancelled.set()


def test_f10_a_hung_handshake_is_cancelled() -> None:
    hanging = Hanging()
    with raw_server(hanging) as server:
        client = registry(server.url.replace("http:", "https:"))
        assert_cancels(client, hanging, exchange(client))


def test_f10_a_hung_connect_is_cancelled() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:  # until the queue is full, and the next one waits
            filler.setblocking(False)
            filler.connect_ex(address)
        client = registry(f"http://127.0.0.1:{address[1]}")
        connecting = threading.Event()
        plain = socket.socket.connect

        def connect(self: socket.socket, to: tuple[str, int]) -> None:
            connecting.set()
            plain(self, to)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket.socket, "connect", connect)
            future = in_thread(exchange(client))
            assert connecting.wait(PATIENCE)
            for _ in range(100):  # the call above may not have reached the system yet
                client.cancel()
                if wait([future], timeout=PATIENCE / 100).done:
                    break
        assert isinstance(future.exception(0), OperationCancelledError)
        for filler in fillers:
            filler.close()


def test_f10_idle_connections_are_replaced_after_a_cancel() -> None:
    def twice(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
        assert connection.recv(1) == b""

    with raw_server(twice) as server:
        client = registry(server.url)
        for count in (1, 2):
            assert client.transport.exchange("GET", client.address.api, limit=9).body == b"1"
            client.cancel()
            assert len(server.requests) == count


def test_f10_a_cancel_ends_one_client_only() -> None:
    hanging = Hanging()
    with raw_server(hanging) as server:
        client, other = registry(server.url), registry(server.url)
        future = in_thread(exchange(client))
        assert hanging.reached.wait(PATIENCE)
        other.cancel()
        assert not hanging.left.wait(0.05)
        client.cancel()
        assert isinstance(future.exception(PATIENCE), OperationCancelledError)


def press_ctrl_c() -> None:
    """As a terminal does: the main thread is woken from whatever it waits for."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def interrupting(sent: bytes) -> Script:
    """Hang after some bytes, and press Ctrl-C then."""

    def script(connection: socket.socket) -> None:
        connection.sendall(sent)
        press_ctrl_c()
        assert connection.recv(1) == b""

    return script


def served_then_whole(server: RawServer, client: Registry) -> pytest.ExceptionInfo[BaseException]:
    with pytest.raises(KeyboardInterrupt) as caught:
        exchange(client)()
    assert client.transport.exchange("GET", client.address.api, limit=99).body == b"another"
    assert len(server.requests) == 2
    return caught  # as a notebook keeps it, with all that its frames hold


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEAD + b"half"])
def test_h6_and_f10_ctrl_c_closes_the_connection_that_it_meets(sent: bytes) -> None:
    with raw_server(interrupting(sent), reply(b"another")) as server:
        served_then_whole(server, registry(server.url))


def test_f10_ctrl_c_between_two_reads_leaves_no_half_read_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(self: Incoming, limit: int, *, cut: bool = False) -> bytes:
        assert self.read(4) == b"half"
        monkeypatch.undo()
        raise KeyboardInterrupt

    hanging = Hanging(HEAD + b"half")
    with raw_server(hanging, reply(b"another")) as server:
        client = registry(server.url)
        monkeypatch.setattr(Incoming, "whole", interrupt)
        caught = served_then_whole(server, client)
        assert hanging.left.wait(PATIENCE)
        del caught


def test_f10_ctrl_c_ends_a_walk_whose_requests_hang() -> None:
    reached = threading.Barrier(5)

    def script(connection: socket.socket) -> None:
        threading.Thread(target=hold, args=(connection.dup(),)).start()

    def hold(connection: socket.socket) -> None:
        with connection:
            reached.wait(PATIENCE)
            assert connection.recv(1) == b""

    def interrupt() -> None:
        reached.wait(PATIENCE)
        press_ctrl_c()

    others = set(threading.enumerate())
    inventory = Inventory("registry.example")
    with raw_server(script) as server, Registry(server.url) as client:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            crawl(
                client,
                references=[("a", str(number)) for number in range(100)],
                workers=4,
                inventory=inventory,
            )
        assert len(server.requests) == 4
    assert set(threading.enumerate()) <= others
    assert not inventory.complete
    assert list(inventory.failures) == []


def test_f14_headers_that_break_off_are_no_headers() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le"
    with raw_server(cut, reply(b"whole")) as server:
        client = registry(server.url)
        assert client.transport.exchange("GET", client.address.api, limit=9).body == b"whole"
        assert len(server.requests) == 2
    with raw_server(cut) as server, pytest.raises(UnreachableError, match="broke"):
        registry(server.url).ping()


def test_f10_what_is_cancelled_while_a_name_is_looked_up_is_not_connected_to() -> None:
    def look_up(host: str, port: int) -> list[tuple[int, SocketAddress]]:
        client.cancel()
        return resolve(host, port)

    with HttpServer() as server:
        client = registry(server.url, resolve=look_up)
        with pytest.raises(OperationCancelledError):
            client.ping()
        assert server.asked == []
