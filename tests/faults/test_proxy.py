"""The proxy without faults: it passes on every byte, logs every request, and leaves nothing."""

from __future__ import annotations

import hashlib
import http.client
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.faults import wire
from tests.faults.conftest import BLOB
from tests.faults.endings import Break, Stall
from tests.faults.fault import Exchange, Fault
from tests.faults.messages import Response
from tests.faults.proxy import Proxy
from tests.faults.scenario import ALWAYS, ELSEWHERE, REGISTRY, Rule, Scenario
from tests.faults.upstream import Upstream

MIB = 1 << 20
SIZE = 64 * MIB


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy(upstream.url) as proxy:
        yield proxy


def test_a_response_passes_byte_for_byte(upstream: Upstream, proxy: Proxy) -> None:
    direct = wire.ask(upstream.url, "GET", BLOB)
    passed = wire.ask(proxy.url, "GET", BLOB)
    assert passed.body == upstream.files[BLOB]
    dated = [line for line in direct.head.split("\r\n") if not line.startswith("Date:")]
    assert [line for line in passed.head.split("\r\n") if not line.startswith("Date:")] == dated
    assert not passed.reset


def test_a_request_passes_with_its_headers_in_order(upstream: Upstream, proxy: Proxy) -> None:
    wire.ask(proxy.url, "GET", f"{BLOB}?a=%2F&b", "X-oDD: 1", "Accept: a", "Range: bytes=3-5")
    ((method, target, headers),) = upstream.heads
    assert (method, target) == ("GET", f"{BLOB}?a=%2F&b")
    assert list(headers) == ["Host", "Connection", "X-oDD", "Accept", "Range"]
    assert headers["Host"] == proxy.url.removeprefix("http://").rstrip("/")


@pytest.mark.parametrize("framing", ["chunked", "closed"])
def test_bodies_without_a_length_pass(upstream: Upstream, proxy: Proxy, framing: str) -> None:
    with _connection(proxy.url) as connection:
        connection.request("GET", f"{BLOB}?as={framing}")
        response = connection.getresponse()
        assert response.getheader("Transfer-Encoding") == (
            "chunked" if framing == "chunked" else None
        )
        assert response.read() == upstream.files[BLOB]


def test_chunked_uploads_pass(upstream: Upstream, proxy: Proxy) -> None:
    pieces = [bytes([n]) * size for n, size in enumerate((1, 70_000, 8192))]
    with _connection(proxy.url) as connection:
        connection.request("PATCH", "/up", body=iter(pieces), encode_chunked=True)
        assert connection.getresponse().status == 201
    assert upstream.received["/up"] == b"".join(pieces)
    (entry,) = proxy.seen("PATCH")
    assert entry.received == 78_193
    assert entry.headers.get("transfer-encoding") == "chunked"


def test_trailers_of_a_chunked_upload_end_with_it(upstream: Upstream, proxy: Proxy) -> None:
    upload = wire.head(proxy.url, "PUT", "/up", "Transfer-Encoding: chunked", keep=True)
    body = b"4;note=1\r\nbody\r\n0\r\nOne: 1\r\nTwo: 2\r\n\r\n"
    heard = wire.exchange(proxy.url, upload + body + wire.head(proxy.url, "HEAD", BLOB))
    assert heard.status == 201
    assert upstream.received["/up"] == b"body"
    assert [(e.method, e.status) for e in proxy.seen()] == [("PUT", 201), ("HEAD", 200)]


def test_heads_and_empty_responses_keep_the_connection(upstream: Upstream, proxy: Proxy) -> None:
    with _connection(proxy.url) as connection:
        for method, target in (
            ("HEAD", BLOB),
            ("DELETE", "/x"),
            ("GET", "/nothing"),
            ("GET", BLOB),
        ):
            connection.request(method, target)
            response = connection.getresponse()
            body = response.read()
    assert body == upstream.files[BLOB]
    entries = proxy.seen()
    assert [entry.status for entry in entries] == [200, 204, 404, 200]
    assert [entry.sent for entry in entries] == [0, 0, 12, 262_144]
    assert {entry.connection for entry in entries} == {1}


def test_100_continue_is_relayed(upstream: Upstream, proxy: Proxy) -> None:
    with wire.connect(proxy.url) as connection:
        headers = ("Content-Length: 4", "Expect: 100-continue")
        connection.sendall(wire.head(proxy.url, "PUT", "/up", *headers))
        assert wire.hear_body(connection, 0).status == 100
        connection.sendall(b"body")
        assert wire.hear(connection).status == 201
    assert upstream.received["/up"] == b"body"


def test_a_response_before_the_body_reaches_the_client(proxy: Proxy) -> None:
    with wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "PUT", "/early", "Content-Length: 9"))
        heard = wire.hear_body(connection, 2)
        assert (heard.status, heard.body) == (403, b"no")
        connection.sendall(b"after all")
        assert not wire.hear(connection).reset
    (entry,) = proxy.seen()
    assert (entry.status, entry.received) == (403, 9)


def test_an_upstream_that_is_gone_is_a_502() -> None:
    with Proxy("http://127.0.0.1:1/") as proxy:
        assert wire.ask(proxy.url, "GET", "/v2/").status == 502


def test_an_upstream_that_breaks_off_is_passed_on_as_such(upstream: Upstream) -> None:
    with (
        Proxy(upstream.url, Scenario(Rule(Break(512, reset=False)))) as broken,
        Proxy(broken.url) as proxy,
    ):
        heard = wire.ask(proxy.url, "GET", BLOB)
    assert heard.body == upstream.files[BLOB][:512]
    assert heard.reset


def test_elsewhere_is_the_same_registry_on_another_port(upstream: Upstream, proxy: Proxy) -> None:
    assert proxy.elsewhere != proxy.url
    assert wire.ask(proxy.elsewhere, "GET", BLOB).body == upstream.files[BLOB]
    assert wire.ask(proxy.url, "HEAD", BLOB).status == 200
    assert [entry.origin for entry in proxy.seen()] == [ELSEWHERE, REGISTRY]
    assert [entry.method for entry in proxy.seen(origin=ELSEWHERE)] == ["GET"]


def test_the_log_tells_what_came_and_when(upstream: Upstream) -> None:
    times = iter((10.0, 12.5))
    with Proxy(upstream.url, now=lambda: next(times)) as proxy:
        wire.ask(proxy.url, "GET", f"{BLOB}?n=1", "Authorization: Bearer x", "Range: bytes=0-9")
        wire.ask(proxy.url, "PUT", "/up", body=b"12345")
        got, put = proxy.seen()
    assert (got.method, got.path, got.target) == ("GET", BLOB, f"{BLOB}?n=1")
    assert (got.at, put.at) == (10.0, 12.5)
    assert got.headers.get("authorization") == "Bearer x"
    assert got.headers.get("Range") == "bytes=0-9"
    assert (got.received, got.status, got.sent, got.fault) == (0, 206, 10, None)
    assert (put.received, put.status, put.sent, put.connection) == (5, 201, 0, 2)
    assert proxy.seen("PUT") == [put]
    assert proxy.seen(path="/blobs/") == [got]


def test_64_mib_pass_each_way_in_little_memory(upstream: Upstream, proxy: Proxy) -> None:
    tracemalloc.start()
    try:
        with _connection(proxy.url) as connection:
            connection.request("GET", f"/zeros?size={SIZE}")
            response = connection.getresponse()
            seen = hashlib.sha256()
            while piece := response.read(1 << 16):
                seen.update(piece)
            connection.request("PUT", "/sink", body=iter([bytes(MIB)] * 64), encode_chunked=True)
            assert connection.getresponse().status == 201
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen.digest() == hashlib.sha256(bytes(SIZE)).digest()
    assert upstream.sunk == SIZE
    assert peak < 8 * MIB
    got, put = proxy.seen()
    assert (got.sent, put.received) == (SIZE, SIZE)


def test_closing_leaves_no_descriptor_and_no_thread(upstream: Upstream) -> None:
    descriptors, threads = _descriptors(), threading.active_count()
    rule = Rule(Stall(after=512), times=ALWAYS)
    with Proxy(upstream.url, Scenario(rule)) as proxy:
        stalled, idle, sending = (wire.connect(proxy.url) for _ in range(3))
        stalled.sendall(wire.head(proxy.url, "GET", BLOB))
        wire.hear_body(stalled, 512)
        sending.sendall(wire.head(proxy.url, "PUT", "/up", "Content-Length: 9") + b"half")
        assert wire.ask(proxy.elsewhere, "HEAD", BLOB).status == 200
        assert _descriptors() > descriptors
    for connection in (stalled, idle, sending):
        wire.hear(connection)
        connection.close()
    _until(lambda: _descriptors() == descriptors and threading.active_count() == threads)


def test_a_stalled_client_that_goes_is_let_go(upstream: Upstream) -> None:
    with Proxy(upstream.url, Scenario(Rule(Stall(after=512), times=ALWAYS))) as proxy:
        descriptors = _descriptors()
        with wire.connect(proxy.url) as connection:
            connection.sendall(wire.head(proxy.url, "GET", BLOB))
            wire.hear_body(connection, 512)
            assert _descriptors() > descriptors + 1
        _until(lambda: _descriptors() == descriptors)


class _Defect(Fault):
    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        raise ZeroDivisionError


def test_a_defect_of_a_fault_fails_the_test(upstream: Upstream) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        Proxy(upstream.url, Scenario(Rule(_Defect()))) as proxy,
    ):
        assert wire.ask(proxy.url, "GET", BLOB).data == b""


@contextmanager
def _connection(url: str) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection(url.split("/")[2], timeout=wire.PATIENCE)) as found:
        yield found


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _until(true: Callable[[], bool]) -> None:
    """Wait for what other threads are about to do."""
    deadline = time.monotonic() + wire.PATIENCE
    while not true():
        assert time.monotonic() < deadline, (os.listdir("/proc/self/fd"), threading.enumerate())
        time.sleep(0.005)
