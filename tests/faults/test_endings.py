"""What ends, stalls or slows a connection does so on the wire, at the byte that it names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults import wire
from tests.faults.conftest import BLOB
from tests.faults.endings import (
    Break,
    BreakInSizeLine,
    CloseIdle,
    CloseOnAccept,
    Drip,
    Drop,
    Framing,
    Refuse,
    Stall,
)
from tests.faults.fault import Fault
from tests.faults.menu import CUTS
from tests.faults.proxy import Proxy
from tests.faults.scenario import CONNECT, Rule, Scenario
from tests.faults.upstream import Upstream

SIZE = 2 << 20
BIG = "/v2/team/app/blobs/sha256:2"

by_rst_or_fin = pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])


@pytest.fixture
def big(upstream: Upstream) -> bytes:
    upstream.files[BIG] = bytes(range(1, 252)) * (SIZE // 251)
    return upstream.files[BIG]


@contextmanager
def _faulty(upstream: Upstream, fault: Fault) -> Iterator[Proxy]:
    with Proxy(upstream.url, Scenario(Rule(fault))) as proxy:
        yield proxy


@pytest.mark.parametrize("after", CUTS)
@by_rst_or_fin
def test_break_ends_after_exactly_that_many_bytes(
    upstream: Upstream, big: bytes, after: int, reset: bool
) -> None:
    with _faulty(upstream, Break(after, reset)) as proxy:
        heard = wire.ask(proxy.url, "GET", BIG)
        assert wire.ask(proxy.url, "GET", BIG).body == big
        cut, whole = proxy.seen()
    assert heard.header("Content-Length") == str(len(big))
    assert heard.body == big[:after]
    assert heard.reset == reset
    assert (cut.fault, cut.sent) == (Break(after, reset), after % len(big))
    assert (whole.fault, whole.sent) == (None, len(big))


def test_break_without_a_length_looks_like_a_whole_body(upstream: Upstream, big: bytes) -> None:
    with _faulty(upstream, Break(512, reset=False, framing=Framing.NONE)) as proxy:
        heard = wire.exchange(proxy.url, wire.head(proxy.url, "GET", BIG, keep=True))
    assert heard.header("Connection") == "close"
    assert heard.every("Content-Length") == heard.every("Transfer-Encoding") == []
    assert (heard.body, heard.reset) == (big[:512], False)


def test_break_in_chunks_lacks_the_last_one(upstream: Upstream, big: bytes) -> None:
    with _faulty(upstream, Break(512, reset=False, framing=Framing.CHUNKED)) as proxy:
        heard = wire.ask(proxy.url, "GET", BIG)
    assert heard.header("Transfer-Encoding") == "chunked"
    assert heard.every("Content-Length") == []
    assert heard.body == b"200\r\n" + big[:512] + b"\r\n"


def test_break_in_the_size_line(upstream: Upstream, big: bytes) -> None:
    with _faulty(upstream, BreakInSizeLine(3)) as proxy:
        heard = wire.ask(proxy.url, "GET", BIG)
    assert heard.header("Transfer-Encoding") == "chunked"
    assert heard.body == b"3\r\n" + big[:3] + b"\r\n1f"
    assert not heard.reset


def test_break_measures_a_body_that_tells_no_length(upstream: Upstream, big: bytes) -> None:
    with _faulty(upstream, Break(-1)) as proxy:
        heard = wire.ask(proxy.url, "GET", f"{BIG}?as=chunked")
    assert heard.header("Content-Length") == str(len(big))
    assert heard.body == big[:-1]


@by_rst_or_fin
def test_close_on_accept_reads_nothing(upstream: Upstream, reset: bool) -> None:
    rule = Rule(CloseOnAccept(reset), CONNECT, nth=2)
    with Proxy(upstream.url, Scenario(rule)) as proxy:
        assert wire.ask(proxy.url, "GET", BLOB).status == 200
        assert wire.exchange(proxy.url, b"") == wire.Heard(b"", reset)
        assert wire.ask(proxy.url, "GET", BLOB).status == 200
        assert len(proxy.seen()) == 2


@by_rst_or_fin
@pytest.mark.parametrize("forwarded", [True, False])
def test_drop_ends_without_a_response(upstream: Upstream, reset: bool, forwarded: bool) -> None:
    with _faulty(upstream, Drop(reset=reset, forwarded=forwarded)) as proxy:
        heard = wire.ask(proxy.url, "PUT", "/up", body=b"committed")
        (entry,) = proxy.seen()
    assert heard == wire.Heard(b"", reset)
    assert upstream.received == ({"/up": b"committed"} if forwarded else {})
    assert (entry.received, entry.status) == (9, None)


def test_refuse_keeps_the_port_closed_until_listen(upstream: Upstream) -> None:
    with _faulty(upstream, Refuse()) as proxy:
        assert wire.ask(proxy.url, "GET", BLOB) == wire.Heard(b"", reset=True)
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                wire.connect(proxy.url)
        assert wire.ask(proxy.elsewhere, "GET", BLOB).status == 200
        proxy.listen()
        assert wire.ask(proxy.url, "GET", BLOB).status == 200


@pytest.mark.parametrize("after", [0, 512])
def test_stall_holds_until_release(upstream: Upstream, big: bytes, after: int) -> None:
    with _faulty(upstream, Stall(after)) as proxy, wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", BIG))
        begun = wire.hear_body(connection, after)
        assert begun.body == big[:after]
        _nothing_comes(connection)
        assert [entry.sent for entry in proxy.seen()] == [after]
        proxy.release()
        assert begun.body + wire.hear(connection).data == big


def test_stall_before_the_head(upstream: Upstream) -> None:
    with _faulty(upstream, Stall(after=None)) as proxy, wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", BLOB))
        _nothing_comes(connection)
        proxy.release()
        assert wire.hear(connection).body == upstream.files[BLOB]


@pytest.mark.parametrize("fault", [Stall(after=0), Drip(size=5000, after=0)], ids=repr)
def test_a_pause_in_chunks_is_not_the_last_chunk(upstream: Upstream, fault: Fault) -> None:
    with _faulty(upstream, fault) as proxy, wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", f"{BLOB}?as=chunked"))
        begun = wire.hear_body(connection, 0)
        proxy.seen()
        proxy.release()
        whole = begun.body + wire.hear(connection).data
    assert not whole.startswith(b"0\r\n")
    assert whole.count(b"\r\n0\r\n") == 1


def test_drip_comes_in_small_pieces(upstream: Upstream) -> None:
    upstream.files["/v2/small"] = b"0123456789" * 20
    drip = Drip(size=7, after=100, pause=0.005)
    with _faulty(upstream, drip) as proxy, wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", "/v2/small"))
        pieces = []
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
        (entry,) = proxy.seen()
    assert b"".join(pieces).endswith(upstream.files["/v2/small"])
    assert len(pieces) > 3
    assert entry.sent == 200


@by_rst_or_fin
def test_close_idle_ends_a_connection_that_was_to_be_kept(upstream: Upstream, reset: bool) -> None:
    with _faulty(upstream, CloseIdle(reset)) as proxy, wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", BLOB, keep=True))
        heard = wire.hear(connection)
    assert heard.body == upstream.files[BLOB]
    assert heard.every("Connection") == []
    assert heard.reset == reset


def _nothing_comes(connection: socket.socket) -> None:
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(wire.PATIENCE)
