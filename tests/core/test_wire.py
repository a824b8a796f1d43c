"""What a mock cannot show: bodies and connections that break, on real sockets."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from regnb.core.registry import Registry
from regnb.core.wire.incoming import Answer
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BodyTooLargeError,
    HostUnknownError,
    NotARegistryError,
    ProtocolError,
    RegistryTimeoutError,
    TLSError,
    UnreachableError,
)
from regnb.sample.server import serve
from tests.core.fakes import FakeTime, Script, raw_server, registry, reply
from tests.servers import free_port

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNKNOWN_LENGTH = b"HTTP/1.1 200 OK\r\n\r\n"


def ask(url: str, *, time: FakeTime | None = None, limits: Limits | None = None) -> Answer:
    client = registry(url, time=time, limits=limits)
    return client.transport.exchange("GET", client.address.api, limit=1000)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def flood(head: bytes, piece: bytes) -> Script:
    """Send without end, until the client hangs up."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return script


def test_w_b5_a_body_of_unknown_length_is_taken() -> None:
    with raw_server(UNKNOWN_LENGTH + b"all of it") as server:
        assert ask(server.url).body == b"all of it"


@pytest.mark.parametrize(
    "broken",
    [
        reply(b"half", length=8),
        CHUNKED + b"4\r\nhalf\r\n",
        CHUNKED + b"8\r\nhalf",
        CHUNKED + b"4\r\nhalf\r\n4",
        b"",
        reset,
    ],
)
def test_f2_a_body_that_breaks_off_is_asked_for_again(broken: bytes | Script) -> None:
    with raw_server(broken, reply(b"whole")) as server:
        assert ask(server.url).body == b"whole"
        assert len(server.requests) == 2


def test_f2_a_body_that_always_breaks_off_is_told() -> None:
    with raw_server(reply(b"half", length=8)) as server:
        with pytest.raises(UnreachableError, match="broke"):
            ask(server.url)
        assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("head", "piece"),
    [(UNKNOWN_LENGTH, b"x" * 4096), (CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n")],
)
def test_s9_a_body_without_end_is_cut_off(head: bytes, piece: bytes) -> None:
    with raw_server(flood(head, piece)) as server, pytest.raises(BodyTooLargeError, match="1,000"):
        ask(server.url)


def test_s9_an_announced_size_above_the_cap_is_not_read() -> None:
    with raw_server(reply(b"", length=1001)) as server, pytest.raises(BodyTooLargeError):
        ask(server.url)


def test_w_e1_an_error_body_without_end_is_cut_short() -> None:
    head = b"HTTP/1.1 404 Not Found\r\n\r\n"
    with raw_server(flood(head, b"x" * 4096)) as server:
        answer = ask(server.url)
    assert (answer.status, len(answer.body)) == (404, Limits().error_body)


def test_s24_an_answer_that_drips_ends_in_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(UNKNOWN_LENGTH)
        while True:
            connection.sendall(b"x")

    time = FakeTime(step=10.0)
    limits = Limits(attempts=2)
    with raw_server(drip) as server:
        transport = registry(server.url, time=time, limits=limits).transport
        with pytest.raises(RegistryTimeoutError, match="not answered in time"):
            transport.exchange("GET", transport.address.api, limit=10**9)
        assert len(server.requests) == 2


def test_f5_silence_ends_in_a_timeout() -> None:
    hold = threading.Event()

    def silent(connection: socket.socket) -> None:
        hold.wait(5)

    with raw_server(silent) as server:
        with pytest.raises(RegistryTimeoutError, match="no byte"):
            ask(server.url, limits=Limits(read_timeout=0.02, attempts=2))
        hold.set()


def test_s12_an_unasked_gzip_is_decoded() -> None:
    body = gzip.compress(b"two ") + gzip.compress(b"members")
    with raw_server(reply(body, "Content-Encoding: X-GZip")) as server:
        assert ask(server.url).body == b"two members"


def test_s11_a_gzip_bomb_is_cut_off() -> None:
    bomb = gzip.compress(bytes(10**7))
    with (
        raw_server(reply(bomb[:1000], "Content-Encoding: gzip")) as server,
        pytest.raises(BodyTooLargeError),
    ):
        ask(server.url)


def test_s11_empty_gzip_members_without_end_are_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    with raw_server(flood(head, gzip.compress(b"") * 100)) as server, pytest.raises(ProtocolError):
        ask(server.url)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"not gzip", "gzip"),
        (gzip.compress(b"cut", mtime=0)[:-4], "gzip"),
        (zlib.compress(b"x"), "deflate"),
        (b"x", "br"),
        (b"x", "gzip, gzip"),
    ],
)
def test_s12_any_other_coding_is_refused(body: bytes, coding: str) -> None:
    with raw_server(reply(body, f"Content-Encoding: {coding}")) as server:
        with pytest.raises(ProtocolError, match=r"[Ee]ncoding"):
            ask(server.url)
        assert len(server.requests) == 1


def test_s12_identity_is_no_coding() -> None:
    with raw_server(reply(b"plain", "Content-Encoding: Identity")) as server:
        assert ask(server.url).body == b"plain"


def test_f2_a_closed_port_is_told_after_two_attempts() -> None:
    time = FakeTime(chance=1.0)
    with pytest.raises(UnreachableError, match="Nothing listens at"):
        ask(f"http://127.0.0.1:{free_port()}", time=time)
    assert time.slept == [0.5]


def test_f2_an_unknown_host_is_told_after_two_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    time = FakeTime(chance=1.0)
    with pytest.raises(HostUnknownError, match="spelling"):
        ask("https://nowhere.example", time=time)
    assert time.slept == [0.5]


def test_s4_no_plain_http_after_tls_has_failed() -> None:
    with raw_server(reply(b"{}")) as server:
        with pytest.raises(TLSError, match="insecure=True"):
            ask(server.url.replace("http:", "https:"))
        assert len(server.requests) == 1
        assert not server.requests[0].startswith(b"GET")


@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x16"])
def test_f2_what_is_not_http_is_told_at_once(banner: bytes) -> None:
    with raw_server(banner) as server:
        with pytest.raises(ProtocolError, match="not HTTP"):
            ask(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kept", [1, 4, 5, 9, 11, 15, 17, 40])
def test_f14_a_head_that_was_cut_is_asked_for_again(kept: int) -> None:
    with raw_server(reply(b"whole")[:kept], reply(b"whole")) as server:
        assert ask(server.url).body == b"whole"
        assert len(server.requests) == 2


def test_w_e1_a_web_page_is_no_registry() -> None:
    page = reply(b"<!DOCTYPE html><title>Hello</title>", "Content-Type: text/html")
    with raw_server(page) as server, pytest.raises(NotARegistryError, match="web page"):
        registry(server.url).ping()


def test_u7_a_link_reaches_the_wire_byte_for_byte() -> None:
    query = "last=a%2Fb%7Ec+d==&x=%e4;y"
    first = reply(b'{"tags": ["a"]}', f'Link: </v2/a/tags/list?{query}>; rel="next"')
    with raw_server(first, reply(b'{"tags": ["b"]}')) as server:
        assert registry(server.url).repository("a").tags.all() == ("a", "b")
        line = server.requests[1].split(b"\r\n")[0]
    assert line == f"GET /v2/a/tags/list?{query} HTTP/1.1".encode()


def test_s3_another_port_learns_nothing_on_the_wire() -> None:
    with raw_server(reply(b"there")) as trap:
        challenge = reply(b"", 'WWW-Authenticate: Basic realm="x"', status="401 No")
        away = reply(b"", f"Location: {trap.url}/blob", status="307 Away")
        with raw_server(challenge, away) as server:
            client = registry(server.url, password="hunter2")
            client.transport.exchange("GET", client.address.api, limit=99, headers={"X-Key": "k"})
            assert b"Authorization: Basic" in server.requests[1]
        names = {line.split(b":")[0] for line in trap.requests[0].split(b"\r\n")[1:] if line}
    assert names == {b"Host", b"Accept", b"Accept-Encoding", b"User-Agent"}


def pool_manager(client: Registry, url: str) -> Any:
    return client.transport._connections._adapter.poolmanager


def test_f12_a_connection_is_used_again() -> None:
    with serve() as sample:
        client = Registry(sample.url)
        pools = pool_manager(client, sample.url)
        repository = client.repository("team/web")
        for _ in range(5):
            repository.tags.get("latest")
            repository.manifests.get("latest")
            with suppress(LookupError):
                repository.manifests.get("missing")
        (pool,) = (pools.pools[key] for key in pools.pools.keys())  # noqa: SIM118 - it is no mapping
    assert (pool.num_connections, pool.num_requests) == (1, 15)


def test_f12_a_redirect_and_a_challenge_keep_the_connection() -> None:
    head = "HTTP/1.1 {}\r\nContent-Length: 2\r\n{}\r\n\r\n{{}}"
    answers = [
        head.format("401 No", "WWW-Authenticate: Basic"),
        head.format("307 Away", "Location: /v2/there"),
        head.format("200 OK", "X: y"),
    ]

    def script(connection: socket.socket) -> None:
        for number, answer in enumerate(answers):
            if number:
                connection.recv(65536)
            connection.sendall(answer.encode())

    with raw_server(script) as server:
        registry(server.url, password="hunter2").ping()
        assert len(server.requests) == 1


def test_f12_threads_share_a_client() -> None:
    with serve() as sample, Registry(sample.url) as client:
        manifests = client.repository("team/web").manifests
        with ThreadPoolExecutor(8) as pool:
            digests = set(pool.map(lambda _: manifests.get("latest").digest, range(64)))
    assert len(digests) == 1


def test_f12_a_forked_child_opens_its_own_connections() -> None:
    with serve() as sample, Registry(sample.url) as client:
        repository = client.repository("team/web")
        before = repository.manifests.get("latest").digest
        ours = pool_manager(client, sample.url)
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            with suppress(BaseException):
                digest = repository.manifests.get("latest").digest
                own = pool_manager(client, sample.url) is not ours
                os.write(sending, f"{own} {digest}".encode())
            os._exit(0)
        os.close(sending)
        with open(receiving, "rb") as told:
            assert told.read().decode() == f"True {before}"
        os.waitpid(child, 0)
        assert repository.manifests.get("latest").digest == before
