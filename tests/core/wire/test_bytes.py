"""What a request looks like once it has left, byte for byte."""

from __future__ import annotations

import socket

import pytest

from regnb.core.registry import Registry
from regnb.core.wire.outgoing import Purpose
from regnb.errors import ProtocolError, RegistryError, RegnbError
from tests.core.fakes import RawServer, raw_server, registry, reply

# Lower case and upper case escapes, what need not be escaped, what looks like more parameters.
SIGNED = "X-Sig=a%2fb%2Fc%7Ed~e%e4==&p=1+2%20&;x=&&digest=sha256:0%3A1"


def line(server: RawServer, number: int) -> bytes:
    return server.requests[number].split(b"\r\n")[0]


def ask(client: Registry, url: str) -> bytes:
    return client.transport.exchange("GET", url, limit=100).body


@pytest.mark.parametrize("query", [SIGNED, "%7E", "~", "a=%zz", "%e4%E4", "=", "a=?b/../c"])
def test_u7_a_signed_redirect_reaches_the_wire_as_it_was_given(query: str) -> None:
    path = "/v2/%7euser/a%2fb"
    with raw_server(reply(b"there")) as storage:
        away = reply(b"", f"Location: {storage.url}{path}?{query}", status="307 Away")
        with raw_server(away) as server:
            client = registry(server.url)
            assert ask(client, client.address.api) == b"there"
        sent = line(storage, 0).decode()
    if "%zz" in query:  # no escape at all: it is sent as one that means the same
        assert sent.endswith("?a=%25zz HTTP/1.1")
    else:
        assert sent == f"GET {path}?{query} HTTP/1.1"


def test_u7_bytes_beyond_ascii_are_escaped_once() -> None:
    raw = "Location: /v2/é/x?name=ß".encode()
    away = b"HTTP/1.1 307 Away\r\nContent-Length: 0\r\nConnection: close\r\n" + raw + b"\r\n\r\n"
    with raw_server(away, reply(b"there")) as server:
        client = registry(server.url)
        assert ask(client, client.address.api) == b"there"
        assert line(server, 1) == b"GET /v2/%C3%A9/x?name=%C3%9F HTTP/1.1"


def test_u7_a_location_of_an_upload_reaches_the_wire_as_it_was_given() -> None:
    with raw_server(reply(b"", status="201 Created")) as server:
        client = registry(server.url)
        uploads = f"{client.address.api}a/blobs/uploads/"
        target = client.transport.gate.upload(uploads, f"/v2/a/blobs/uploads/1?{SIGNED}")
        request = client.transport.request(
            "PUT", f"{target}&digest=x", body=b"", purpose=Purpose.UPLOAD
        )
        client.transport.attempt(request, limit=10, scopes=())
        assert line(server, 0).decode() == (f"PUT /v2/a/blobs/uploads/1?{SIGNED}&digest=x HTTP/1.1")


@pytest.mark.parametrize("path", ["//evil.example/x", "///x", "/a//b", "/a/../b", "/.//x"])
def test_s3_a_path_is_a_path_however_many_slashes_it_has(path: str) -> None:
    with raw_server(reply(b"here")) as server:
        client = registry(server.url)
        assert ask(client, f"{server.url}{path}") == b"here"
        assert line(server, 0).decode() == f"GET {path} HTTP/1.1"
        host = server.url.removeprefix("http://")
        assert f"Host: {host}".encode() in server.requests[0]


def test_s3_a_redirect_without_a_scheme_leads_to_another_host() -> None:
    with raw_server(reply(b"there")) as other:
        netloc = other.url.removeprefix("http:")
        challenge = reply(b"", "WWW-Authenticate: Basic", status="401 No")
        away = reply(b"", f"Location: {netloc}/blob", status="307 Away")
        with raw_server(challenge, away) as server:
            client = registry(server.url, password="hunter2")
            assert ask(client, client.address.api) == b"there"
            assert b"Authorization" in server.requests[1]
        assert b"Authorization" not in other.requests[0]


def test_b_a19_no_cookie_is_kept() -> None:
    def twice(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=1; Path=/\r\nContent-Length: 1\r\n\r\n1"
        connection.sendall(head)
        second.append(connection.recv(65536))
        connection.sendall(head)
        connection.recv(1)

    second: list[bytes] = []
    with raw_server(twice) as server:
        client = registry(server.url)
        ask(client, client.address.api)
        ask(client, client.address.api)
        client.close()
    assert second[0].startswith(b"GET /v2/")
    assert b"ookie" not in second[0]


def test_h3_accept_and_range_go_along_at_every_hop() -> None:
    with raw_server(reply(b"there")) as other:
        away = reply(b"", f"Location: {other.url}/blob", status="307 Away")
        with raw_server(away) as server:
            client = registry(server.url)
            client.transport.exchange(
                "GET", client.address.api, limit=9, accept="a/b", headers={"Range": "bytes=5-"}
            )
            for request in (*server.requests, *other.requests):
                assert b"Accept: a/b\r\n" in request
                assert b"Range: bytes=5-\r\n" in request


@pytest.mark.parametrize("text", ["a\r\nX: y", "a\nb", "a b", "a\0"])
def test_s20_no_text_of_a_caller_begins_a_line_of_its_own(text: str) -> None:
    with raw_server(reply(b"")) as server:
        client = registry(server.url)
        with pytest.raises(RegnbError):
            client.repository(text)
        with pytest.raises(RegnbError):
            client.repository("a").manifests.get(text)
        if text != "a b":
            with pytest.raises(ProtocolError, match="line break"):
                client.transport.exchange("GET", client.address.api, limit=9, accept=text)
        assert server.requests == []


@pytest.mark.parametrize("location", ["/v2/a\tb", "/v2/a b", "/v2/\u00e4", "/v2/a\x01b", "\\x"])
def test_s20_no_location_begins_a_line_of_its_own(location: str) -> None:
    away = reply(b"", "Location: ", status="307 Away").replace(
        b"Location: ", b"Location: " + location.encode("latin-1")
    )
    with raw_server(away, reply(b"there")) as server:
        client = registry(server.url)
        try:
            ask(client, client.address.api)
        except RegistryError:
            assert len(server.requests) == 1
        else:
            sent = server.requests[1]
            assert sent.count(b"\r\n\r\n") == 1
            assert all(0x20 < octet < 0x7F for octet in line(server, 1).split(b" ")[1])
            assert len(line(server, 1).split(b" ")) == 3


def test_s19_what_a_server_says_does_not_reach_a_terminal_raw() -> None:
    evil = b"\x1b]0;title\x07 \x9b31m \r\n\xc2\x85 end"
    answer = reply(evil, "Content-Type: text/plain", status="403 No")
    with raw_server(answer) as server, pytest.raises(RegistryError) as caught:
        registry(server.url).ping()
    assert str(caught.value).isprintable()
    assert "title" in str(caught.value)
