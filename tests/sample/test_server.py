"""The server on the wire: framing, hostile requests, broken clients, the end."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPConnection, HTTPResponse

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from regnb.sample import Served, serve
from regnb.sample.bodies import Body, MalformedError, body_of
from regnb.sample.names import digest_of
from regnb.sample.storage import Storage

PUT = b"PUT /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\n"


def address(served: Served) -> tuple[str, int]:
    host, port = served.url.removeprefix("http://").rstrip("/").split(":")
    return host, int(port)


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(address(served), timeout=10) as connection:
        yield connection


def answer(connection: socket.socket) -> tuple[int, Message, bytes]:
    response = HTTPResponse(connection)
    response.begin()
    with response:
        return response.status, response.headers, response.read()


def raw(served: Served, request: bytes) -> tuple[int, bytes]:
    """The status and body for some bytes, after which the server must have hung up."""
    with connected(served) as connection:
        connection.sendall(request)
        status, headers, body = answer(connection)
        assert headers["Connection"] == "close"
        assert connection.recv(1) == b""
        return status, body


# Framing


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8))
def test_chunks_come_out_as_they_went_in(pieces: list[bytes]) -> None:
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    source = io.BytesIO(chunks + b"0\r\nTrailer: x\r\n\r\nnext")
    assert b"".join(Body(source, None).pieces()) == b"".join(pieces)
    assert source.read() == b"next"


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b"1\r\nab\r\n",
        b"\r\n",
        b"1" * 5000,
        b"0\r\n" + b"a\r\n" * 99,
    ],
)
def test_chunks_of_a_wrong_form_are_malformed(chunks: bytes) -> None:
    source = io.BytesIO(chunks)
    with pytest.raises(MalformedError):
        list(Body(source, None).pieces())


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "1"), ("Content-Length", "2")],
        [("Content-Length", "-1")],
        [("Content-Length", "+1")],
        [("Content-Length", "9" * 30)],
        [("Content-Length", "1"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "gzip")],
        [("Transfer-Encoding", "gzip, chunked")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
    ],
)
def test_headers_that_could_smuggle_a_request_are_malformed(headers: list[tuple[str, str]]) -> None:
    message = Message()
    for name, value in headers:
        message[name] = value
    with pytest.raises(MalformedError):
        body_of(message, io.BytesIO())


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /v2/ HTTP/9.9\r\n\r\n",
        b"BREW /v2/ HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /v2/_catalog?" + b"n=1&" * 200 + b" HTTP/1.1\r\n\r\n",
        b"GET /v2/%ff/tags/list HTTP/1.1\r\n\r\n",
        b"GET http://[/v2/ HTTP/1.1\r\n\r\n",
        PUT + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        PUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_hostile_request_gets_an_error_in_the_specified_form(
    empty: Served, session: requests.Session, request_bytes: bytes
) -> None:
    status, body = raw(empty, request_bytes)
    assert 400 <= status <= 505
    assert set(json.loads(body)["errors"][0]) == {"code", "message"}
    assert session.get(f"{empty.url}v2/").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/v2/a%0d%0aX:1/tags/list", "/v2/../../etc/passwd", "/v2/a/blobs/..%2f..%2fetc", "/v2/%00"],
)
def test_a_path_that_tries_to_get_out_is_refused(empty: Served, path: str) -> None:
    with connected(empty) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        status, headers, _ = answer(connection)
    assert status in {400, 404}
    assert headers["X"] is None


def whole_answer(served: Served, request: str) -> tuple[str, bytes]:
    """Head and body as they are on the wire, up to the end of the connection."""
    with connected(served) as connection:
        connection.sendall(f"{request} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    return head.decode().lower(), body


@pytest.mark.parametrize(
    "path",
    ["/v2/", "/v2/_catalog", "/v2/team/api/manifests/latest", "/v2/unknown/tags/list", "/nowhere"],
)
def test_head_has_no_body_but_its_length(filled: Served, path: str) -> None:
    head, body = whole_answer(filled, f"HEAD {path}")
    assert body == b""
    _, body = whole_answer(filled, f"GET {path}")
    assert f"content-length: {len(body)}\r\n" in head


def test_what_can_have_no_body_has_no_length(empty: Served) -> None:
    upload = empty.storage.start("app")
    head, body = whole_answer(empty, f"GET /v2/app/blobs/uploads/{upload.id}")
    assert head.startswith("http/1.1 204")
    assert "content-length" not in head
    assert body == b""


def test_one_connection_serves_many_requests_even_after_unread_bodies(empty: Served) -> None:
    connection = HTTPConnection(*address(empty), timeout=10)
    for number in range(5):
        connection.request("PUT", "/v2/Wrong/manifests/1", body=b"x" * 100_000 * number)
        response = connection.getresponse()
        response.read()
        assert response.status == 400
        assert connection.sock is not None
    connection.close()


def test_requests_that_come_at_once_are_answered_in_order(empty: Served) -> None:
    head, rest = whole_answer(empty, "GET /v2/ HTTP/1.1\r\n\r\nGET /nowhere")
    assert head.startswith("http/1.1 200")
    assert rest.startswith(b"{}HTTP/1.1 404")


def test_a_client_that_waits_for_100_continue_is_told_to(empty: Served) -> None:
    with connected(empty) as connection:
        connection.sendall(PUT + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"blah")
        assert answer(connection)[0] == 400


# Uploads


def test_bytes_before_a_break_stay_and_the_upload_goes_on(
    empty: Served, session: requests.Session
) -> None:
    location = session.post(f"{empty.url}v2/app/blobs/uploads/").headers["Location"]
    with connected(empty) as connection:
        head = f"PATCH {location} HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b"a" * 400)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    status = session.get(empty.url + location.partition("?")[0].lstrip("/"))
    assert status.headers["Range"] == "0-399"
    body, digest = b"a" * 600, digest_of(b"a" * 1000)
    url = f"{empty.url.rstrip('/')}{status.headers['Location']}"
    assert session.put(f"{url}&digest={digest}", data=body).status_code == 201


def test_a_whole_upload_that_breaks_leaves_nothing(empty: Served) -> None:
    with connected(empty) as connection:
        head = f"POST /v2/app/blobs/uploads/?digest={digest_of(b'x')} HTTP/1.1\r\n"
        connection.sendall(head.encode() + b"Content-Length: 1000\r\n\r\n" + b"a" * 400)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert empty.storage.held == 0
    assert empty.storage.names() == []


def test_more_than_the_capacity_is_413(session: requests.Session) -> None:
    with serve(fill=None) as served:
        served.storage.capacity = 1000
        url = f"{served.url}v2/app/blobs/uploads/"
        whole = session.post(url, params={"digest": digest_of(b"x")}, data=b"a" * 1001)
        assert (whole.status_code, whole.json()["errors"][0]["code"]) == (413, "SIZE_INVALID")
        assert served.storage.held == 0
        location = session.post(url).headers["Location"].lstrip("/")
        assert session.patch(served.url + location, data=b"a" * 900).status_code == 202
        other = session.post(url).headers["Location"].lstrip("/")
        assert session.patch(served.url + other, data=b"a" * 900).status_code == 413


def test_threads_push_and_pull_at_once(empty: Served) -> None:
    failures: list[object] = []

    def push(number: int) -> None:
        with requests.Session() as own:
            own.trust_env = False
            for turn in range(10):
                content = f"{number} {turn}".encode()
                url = f"{empty.url}v2/app/blobs/uploads/"
                digest = digest_of(content)
                pushed = own.post(url, params={"digest": digest}, data=content)
                pulled = own.get(f"{empty.url}v2/app/blobs/{digest}")
                if (pushed.status_code, pulled.content) != (201, content):
                    failures.append((pushed, pulled))

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert empty.storage.held == sum(len(f"{n} {t}") for n in range(8) for t in range(10))


# Beginning and end


def test_fill_puts_content_in_before_the_start(session: requests.Session) -> None:
    def fill(storage: Storage) -> None:
        storage.put_blob("mine", b"x", digest=digest_of(b"x"))

    with serve(fill=fill) as served:
        answered = session.get(f"{served.url}v2/_catalog")
        assert answered.json() == {"repositories": ["mine"]}


def test_two_registries_run_side_by_side(empty: Served) -> None:
    with serve(fill=None) as other:
        assert other.url != empty.url
        other.storage.put_blob("here", b"x", digest=digest_of(b"x"))
        assert empty.storage.names() == []


def test_closing_ends_kept_connections_and_threads() -> None:
    before = set(threading.enumerate())
    served = serve(fill=None)
    with connected(served) as connection:
        connection.sendall(b"GET /v2/ HTTP/1.1\r\n\r\n")
        assert answer(connection)[0] == 200
        workers = set(threading.enumerate()) - before
        served.close()
        assert connection.recv(1) == b""
    for worker in workers:
        worker.join(10)
    assert len(workers) == 2
    assert not any(worker.is_alive() for worker in workers)
    served.close()
    with pytest.raises(ConnectionRefusedError), connected(served):
        pass
