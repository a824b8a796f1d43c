"""The lean way: which requests take it, and that it brings what the ordinary one brings."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from typing import Any

import pytest
import responses

from regnb.core.registry import Registry
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.lean import Lean
from regnb.errors import RegistryError
from regnb.sample import serve
from tests.core.fakes import RawServer, raw_server, registry, reply
from tests.servers import Answer, HttpServer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that were asked for in the lean way."""
    urls: list[str] = []
    send = Lean.send

    def noted(self: Lean, request: Any, *more: Any) -> Any:
        urls.append(request.url)
        return send(self, request, *more)

    monkeypatch.setattr(Lean, "send", noted)
    return urls


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lean, "takes", lambda *_: False)


def ask(client: Registry, path: str = "", method: Any = "GET", body: bytes | None = None) -> bytes:
    url = client.address.api + path
    return client.transport.exchange(method, url, limit=1000, body=body).body


def outcome(client: Registry) -> object:
    """Everything that the answer to a GET says, or the error."""
    try:
        found = client.transport.exchange("GET", client.address.api, limit=1000, attempts=1)
    except RegistryError as error:
        return type(error), str(error)
    return found.status, list(found.headers.items()), found.body, found.retry_after


def test_reading_from_the_registry_is_lean(lean: list[str]) -> None:
    with raw_server(reply(b"{}")) as server:
        client = registry(server.url)
        for method in ("GET", "HEAD"):
            ask(client, method=method)
    assert lean == [client.address.api] * 2


@pytest.mark.parametrize("path", ["a?last=%zz", "a?last=|", "a?last=[", 'a?last="', "a?last=%2"])
def test_u7_what_would_have_to_be_escaped_is_not(lean: list[str], path: str) -> None:
    with raw_server(reply(b"{}")) as server:
        ask(registry(server.url), path)
        line = server.requests[0].split(b"\r\n")[0].decode()
    assert not lean
    assert line not in {f"GET /v2/{path} HTTP/1.1", "GET /v2/ HTTP/1.1"}


def test_what_has_a_body_or_goes_elsewhere_is_not(lean: list[str]) -> None:
    with raw_server(reply(b"there")) as other:
        away = reply(b"", f"Location: {other.url}/blob", status="307 Away")
        with raw_server(reply(b"{}"), reply(b"{}"), away) as server:
            client = registry(server.url)
            ask(client, method="PUT", body=b"")
            ask(client, method="DELETE")
            assert not lean
            assert ask(client) == b"there"
            assert lean == [client.address.api]


def test_s23_what_goes_through_a_proxy_is_not(
    lean: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(reply(b"{}")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        ask(registry("http://registry.example", insecure=True))
        assert proxy.requests[0].startswith(b"GET http://registry.example/v2/ ")
    assert not lean


def test_tests_that_replace_answers_are_heard(lean: list[str]) -> None:
    client = registry()
    with responses.RequestsMock() as web:
        web.get(client.address.api, body="instead")
        assert ask(client) == b"instead"
    assert not lean
    with raw_server(reply(b"{}")) as server:
        assert ask(registry(server.url)) == b"{}"
    assert lean


def test_tests_that_replace_answers_before_they_import_are_heard() -> None:
    script = """
import responses
with responses.RequestsMock() as web:
    web.get("http://localhost:1/v2/", body="instead")
    from regnb.core.registry import Registry
    transport = Registry("localhost:1").transport
    assert transport.exchange("GET", transport.address.api, limit=9).body == b"instead"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_whoever_listens_to_urllib3_hears_of_every_request(
    lean: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with raw_server(reply(b"{}")) as server, caplog.at_level(logging.DEBUG, "urllib3"):
        ask(registry(server.url))
    assert '"GET /v2/ HTTP/1.1" 200' in caplog.text
    assert not lean


def test_both_ways_send_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(server: RawServer) -> tuple[bytes, set[bytes]]:
        client = registry(server.url, password="hunter2")
        url = f"{client.address.api}a/manifests/1?x=%2f"
        client.transport.exchange("GET", url, limit=9, headers={"If-None-Match": '"x"'})
        line, *fields = server.requests[-1].rstrip().split(b"\r\n")
        return line, set(fields)

    scripts = reply(b"", "WWW-Authenticate: Basic", status="401 No"), reply(b"{}")
    with raw_server(*scripts) as one, raw_server(*scripts) as two:
        leanly = sent(one)
        monkeypatch.setattr(Lean, "takes", lambda *_: False)
        ordinarily = sent(two)
        port, other = (server.url.rpartition(":")[2].encode() for server in (one, two))
    assert leanly[0] == ordinarily[0] == b"GET /v2/a/manifests/1?x=%2f HTTP/1.1"
    assert {field.replace(port, other) for field in leanly[1]} == ordinarily[1]
    assert any(field.startswith(b"Authorization: Basic ") for field in leanly[1])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://registry.example", b"registry.example"),
        ("https://registry.example:443/prefix", b"registry.example"),
        ("http://registry.example:443", b"registry.example:443"),
        ("http://[::1]:5000", b"[::1]:5000"),
    ],
)
def test_h5_the_host_is_named_as_urllib3_names_it(url: str, host: bytes) -> None:
    client = registry(url, insecure=True)
    way = client.transport._connections._lean
    head = way._head(client.transport.request("GET", client.address.api), {})
    assert head == b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (
        client.address.api.partition("//")[2].partition("/")[2].join(["/", ""]).encode(),
        host,
    )


ANSWERS: dict[str, bytes] = {
    "plain": HEAD + b"X: y\r\n\r\n{}",
    "closing": reply(b"{}", "X: y"),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "old": b"HTTP/1.0 200 OK\r\n\r\n{}",
    "folded": HEAD + b"X: a\r\n \t b\r\nX: c\r\n\r\n{}",
    "latin": HEAD + b"X: \xe9\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 3\r\n\r\n{}",
    "short": HEAD.replace(b": 2", b": 9") + b"\r\n{}",
    "gzip": HEAD + b"Content-Encoding: gzip\r\n\r\n{}",
    "br": HEAD + b"Content-Encoding: br\r\n\r\n{}",
    "continued": b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n{}",
    "missing": HEAD.replace(b"200 OK", b"404 No") + b"\r\n{}",
    "slow down": HEAD.replace(b"200 OK", b"429 No") + b"Retry-After: 7\r\n\r\n{}",
    "many": HEAD + b"X: y\r\n" * 101 + b"\r\n{}",
    "long": HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n{}",
    "wide": HEAD + b"X: " + b"y" * 10_000 + b"\r\n\r\n{}",
    "no http": b"SSH-2.0-OpenSSH\r\n",
    "cut": HEAD + b"X: y",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_both_ways_bring_the_same(
    answer: bytes, lean: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(answer) as server:
        leanly = outcome(registry(server.url))
        assert len(lean) == 1
        monkeypatch.setattr(Lean, "takes", lambda *_: False)
        assert outcome(registry(server.url)) == leanly
        assert len(server.requests) == 2


def test_f4_an_answer_that_is_no_success_is_not_asked_for_again(lean: list[str]) -> None:
    answers = [Answer(401, {"WWW-Authenticate": "Basic"}), Answer.of({}, 503), Answer.of({})]
    with HttpServer(lambda _: answers.pop(0)) as server:
        assert ask(registry(server.url, password="hunter2")) == b"{}"
    assert not answers
    assert len(lean) == 3


def test_f12_both_ways_share_connections(lean: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as sample, Registry(sample.url) as client:
        manifests = client.repository("team/web").manifests
        first = manifests.get("latest")
        monkeypatch.setattr(Lean, "takes", lambda *_: False)
        assert manifests.get("latest") == first
        pool = client.transport._connections._adapter.home_pool()
        assert (pool.num_connections, pool.num_requests) == (1, 2)
    assert len(lean) == 1


@pytest.mark.parametrize("away", ["Content-Length: 0", "Content-Length: 2\r\n\r\n{}"])
def test_f12_a_redirect_keeps_the_connection(lean: list[str], away: str) -> None:
    def script(connection: socket.socket) -> None:
        head, _, body = away.partition("\r\n\r\n")
        line = f"HTTP/1.1 307 Away\r\nLocation: /v2/there\r\n{head}\r\n\r\n{body}"
        connection.sendall(line.encode())
        connection.recv(65536)
        connection.sendall(HEAD + b"\r\n{}")

    with raw_server(script) as server:
        assert ask(registry(server.url)) == b"{}"
        assert len(server.requests) == 1
    assert len(lean) == 2


@pytest.mark.parametrize(("method", "beyond"), [("GET", b"{}x"), ("HEAD", b"{}")])
def test_s20_a_connection_with_more_on_it_than_was_announced_is_not_used_again(
    method: str, beyond: bytes
) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n" + beyond)
        if connection.recv(65536):
            connection.sendall(HEAD + b"\r\nno")

    with raw_server(script, HEAD + b"\r\n[]") as server:
        client = registry(server.url)
        ask(client, method=method)
        assert ask(client) == b"[]"
        assert len(server.requests) == 2


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 3_000_000])
def test_a_body_of_any_size_is_read_whole(size: int, lean: list[str]) -> None:
    body = bytes(number % 251 for number in range(size))
    with HttpServer(lambda _: Answer(200, {}, body)) as server:
        client = registry(server.url)
        answer = client.transport.exchange("GET", client.address.api, limit=size)
        assert answer.body == body
        incoming = client.transport.stream(client.address.api)
        assert isinstance(incoming, Incoming)
        pieces = iter(lambda: incoming.read(100_000), b"")
        assert b"".join(pieces) == body
        pool = client.transport._connections._adapter.home_pool()
        assert (pool.num_connections, pool.num_requests) == (1, 2)
    assert len(lean) == 2


@pytest.mark.usefixtures("lean")
def test_f12_a_connection_that_the_server_has_closed_is_replaced() -> None:
    with raw_server(HEAD + b"\r\n{}") as server:
        client = registry(server.url)
        for _ in range(3):
            assert ask(client) == b"{}"
        assert len(server.requests) == 3


@pytest.mark.usefixtures("ordinary")
def test_the_ordinary_way_is_still_there() -> None:
    with raw_server(reply(b"{}")) as server:
        assert ask(registry(server.url)) == b"{}"


def test_f12_a_pool_that_was_closed_meanwhile_is_no_fault_of_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with raw_server(reply(b"{}")) as server:
        client = registry(server.url)
        adapter = client.transport._connections._adapter
        adapter.home_pool().close()
        waits: list[float] = []
        monkeypatch.setattr(client.transport.retries, "reached", True)

        def wait(event: object, seconds: float) -> bool:
            waits.append(seconds)
            client.close()  # whoever closed it has come to its end
            return False

        object.__setattr__(client.transport.clock, "wait", wait)
        assert ask(client) == b"{}"
        assert len(waits) == 1
