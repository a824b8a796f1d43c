"""A blob on a server without manners: every connection answers in a way of its own."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from regnb.core.reader import BlobReader
from regnb.core.wire.limits import Limits
from regnb.model.digest import Digest
from tests.core.fakes import FakeTime, RawServer, raw_server, registry

_RANGE = re.compile(rb"\r\nRange: bytes=([0-9]+)-\r\n")
NEVER = 10**9


@dataclass(frozen=True)
class Asked:
    """One request for the blob, and where it is to begin by its Range header, if it has one."""

    content: bytes
    offset: int = 0
    ranged: bool = False


class Held(bytes):
    """Bytes after which the server falls silent, until the client gives up."""


Way = Callable[[Asked], bytes]
"""What is sent for a request, before the connection ends."""


@dataclass
class FaultyBlob:
    """The server, and what it was asked for; `sent` counts bytes, heads included."""

    raw: RawServer
    digest: Digest
    sent: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def offsets(self) -> list[int | None]:
        """Where each request wanted to begin; None for the ones without a Range."""
        return [one.offset if one.ranged else None for one in self.asked]

    def open(self, *, time: FakeTime | None = None, limits: Limits | None = None) -> BlobReader:
        client = registry(self.raw.url, time=time, limits=limits)
        return client.repository("a").blobs.open(self.digest)


@contextmanager
def faulty(content: bytes, *ways: Way, digest: Digest | None = None) -> Iterator[FaultyBlob]:
    """Serve a blob in one way after the other, the last one ever after.

    Args:
        content: of the blob.
        *ways: to answer.
        digest: under which it is asked for; its true one by default.
    """

    def script(connection: socket.socket) -> None:
        match = _RANGE.search(raw.requests[-1])
        asked = Asked(content, int(match[1]), True) if match else Asked(content)
        served.asked.append(asked)
        answer = ways[min(len(served.asked), len(ways)) - 1](asked)
        served.sent += len(answer)
        connection.sendall(answer)
        if isinstance(answer, Held):
            connection.recv(1)

    with raw_server(script) as raw:
        served = FaultyBlob(raw, digest or Digest.of(content))
        yield served


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode()


def _framed(asked: Asked, *headers: str) -> tuple[bytes, bytes]:
    """An honest head for a request, and the body that belongs to it."""
    size, body = len(asked.content), asked.content[asked.offset :]
    if not asked.ranged:
        return head("200 OK", *headers), body
    if not body:
        # As docker-registry 2.8.2 does: the length is that of the blob, the body is not.
        told = (f"Content-Range: bytes */{size}", f"Content-Length: {size}", "Connection: close")
        return head("416 Requested Range Not Satisfiable", *told), b"invalid range\n"
    told_part = f"Content-Range: bytes {asked.offset}-{size - 1}/{size}"
    return head("206 Partial Content", told_part, *headers), body


def whole(asked: Asked) -> bytes:
    """As it should be."""
    return cut(NEVER)(asked)


def cut(count: int) -> Way:
    """End after `count` bytes of the body."""

    def way(asked: Asked) -> bytes:
        length = len(asked.content) - asked.offset
        front, body = _framed(asked, f"Content-Length: {length}", "Connection: close")
        return front + body[:count]

    return way


def silent(count: int) -> Way:
    """Send no more than `count` bytes of the body, but keep the connection."""
    return lambda asked: Held(cut(count)(asked))


def chunked(count: int = NEVER, *, size: int = 1000) -> Way:
    """In chunks of `size`, without a Content-Length; end after `count` bytes of the body."""

    def way(asked: Asked) -> bytes:
        front, body = _framed(asked, "Transfer-Encoding: chunked")
        pieces = [body[n : n + size] for n in range(0, min(count, len(body)), size)]
        chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
        return front + b"".join(chunks) + (b"0\r\n\r\n" if count >= len(body) else b"")

    return way


def lengthless(count: int = NEVER) -> Way:
    """Neither a length nor chunks: only the end of the connection tells the end of the body."""

    def way(asked: Asked) -> bytes:
        front, body = _framed(asked, "Connection: close")
        return front + body[:count]

    return way


def without_ranges(way: Way) -> Way:
    """As `way` does, but always the whole blob."""
    return lambda asked: way(Asked(asked.content))


def damaged(way: Way, position: int) -> Way:
    """As `way` does, but with one bit of the blob turned."""

    def wrong(asked: Asked) -> bytes:
        content = bytearray(asked.content)
        content[position] ^= 1
        return way(Asked(bytes(content), asked.offset, asked.ranged))

    return wrong


def says(status: str, *headers: str, body: bytes = b"") -> Way:
    """An answer that has nothing to do with the request."""
    front = head(status, f"Content-Length: {len(body)}", "Connection: close", *headers)
    return lambda asked: front + body
