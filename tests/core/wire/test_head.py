"""Plain heads: what is taken for one says the same to http.client, and all else is left to it."""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.core.wire.head import MOST_FIELDS, plain_head

LINES = st.sampled_from(
    [
        *("Content-Length: 5", "content-length:0", "Content-Length: 5, 5", "Content-Length: -1"),
        *("Content-Length: +5", "Content-Length: 5 ", "Content-Length:", "Content-Length: 0x5"),
        *("Content-Length:\t7", "CONTENT-LENGTH: 1_0", "Content-Length: " + "9" * 40),
        *("Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Connection: close"),
        *("Connection: keep-alive", "Keep-Alive: timeout=5", "Connection : close"),
        *("X: y", "X:y", "x: \t y \t", "X: a: b", "X:", ": y", "X y", " folded", "\tfolded", ""),
        *("X: \x0b\x0c\x1c\x85", "X: \0", "X: é", "From here: there", "From : x", "X\0: y"),
    ]
)
STATUS_LINES = st.sampled_from(
    [
        *("HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.1 404 Not  Found "),
        *("HTTP/1.1 304 Not Modified", "HTTP/1.1 204 No", "HTTP/1.1 100 Continue", "HTTP/1.1 2 O"),
        *("HTTP/1.0 200 OK", "HTTP/2 200 OK", "HTTP/1.1  200 OK", "http/1.1 200 OK"),
        *("HTTP/1.1 200 \x1b", "HTTP/1.1 999 No", "ICY 200 OK", ""),
    ]
)
ENDS = st.sampled_from(["\r\n", "\n", "\r", "\n\r", ""])
PLAIN_LINES = st.just("HTTP/1.1 200 OK"), st.just("Content-Length: 5"), st.just("\r\n")


def texts(
    status: st.SearchStrategy[str], length: st.SearchStrategy[str], end: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """Heads of a status line, a length and up to three fields, all but the last line break."""
    fields = st.lists(LINES, max_size=3).flatmap(st.permutations)
    lines = st.tuples(status, length, fields).map(lambda found: [found[0], found[1], *found[2]])
    return st.tuples(lines, end).map(lambda found: "\r\n".join(found[0]) + found[1])


# Each is odd in one place at most, but for its fields: what is odd everywhere is never plain.
TEXT = st.one_of(
    texts(*PLAIN_LINES),
    texts(STATUS_LINES, *PLAIN_LINES[1:]),
    texts(PLAIN_LINES[0], LINES, PLAIN_LINES[2]),
    texts(*PLAIN_LINES[:2], ENDS),
)
PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


class Recorded:
    """A socket that brings what was recorded."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def by_http_client(seen: bytes, method: str) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer as http.client reads it, and what it leaves on the connection."""
    found = http.client.HTTPResponse(cast("socket.socket", Recorded(seen)), method=method)
    found.begin()
    return found, cast("Any", found.fp).read()


@settings(max_examples=400)
@given(TEXT, st.sampled_from(["GET", "HEAD"]), st.binary(max_size=8))
def test_f14_a_plain_head_says_to_http_client_what_it_says_here(
    text: str, method: str, body: bytes
) -> None:
    seen = text.encode() + b"\r\n" + body
    head = plain_head(seen, method)
    if head is not None:
        known, left = by_http_client(seen, method)
        assert head.status == known.status
        read = {name: head.headers.getlist(name) for name in head.headers}
        names = {name.lower() for name in known.headers}
        assert read == {name: known.headers.get_all(name) for name in names}
        assert head.length == known.length
        assert seen[head.size :] == left
        assert (known.version, known.will_close, bool(known.chunked)) == (11, False, False)


@pytest.mark.parametrize(
    ("lines", "method", "length"),
    [
        ("200 OK\r\nContent-Length: 5", "GET", 5),
        ("404 Not Found\r\nContent-Length: 5", "GET", 5),
        ("200 OK\r\nContent-Length: 5", "HEAD", 0),
        ("200 OK\r\nDate: today", "HEAD", 0),
        ("304 Not Modified\r\nETag: x", "GET", 0),
        ("304 Not Modified\r\nContent-Length: 5", "GET", 0),
    ],
)
def test_a_plain_head_is_read(lines: str, method: str, length: int) -> None:
    seen = f"HTTP/1.1 {lines}\r\n\r\n".encode()
    head = plain_head(seen + b"body", method)
    assert head is not None
    assert (head.length, head.size) == (length, len(seen))
    assert len(head.headers) == 1


@pytest.mark.parametrize(
    "odd",
    [
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding: identity\r\n",
        "Content-Length: 5\r\n",
        "Connection: close\r\n",
        "Keep-Alive: 5\r\n",
        "X: folded\r\n line\r\n",
        "X: y\n",
        "X : y\r\n",
        "X: \0\r\n",
        "X: é\r\n",
        "X\r\n",
        "X: y\r\n" * MOST_FIELDS,
    ],
)
def test_f14_s20_whatever_is_not_plain_is_left_to_http_client(odd: str) -> None:
    assert plain_head(PLAIN.encode(), "GET") is not None
    seen = PLAIN.replace("\r\n\r\n", f"\r\n{odd}\r\n").encode("latin-1")
    assert plain_head(seen, "GET") is None


def test_f14_a_head_is_not_read_before_all_of_it_is_here() -> None:
    assert [plain_head(PLAIN[:end].encode(), "GET") for end in range(len(PLAIN))] == [None] * len(
        PLAIN
    )
