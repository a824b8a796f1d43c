"""HTTP/1.1 messages: just enough to see, change and pass on requests and responses (RFC 9112)."""

from __future__ import annotations

from asyncio import IncompleteReadError, StreamReader
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import responses
from typing import Self
from urllib.parse import parse_qs, urlsplit

PIECE = 1 << 16  # bytes read, and so held in memory, at once
BLANK = b"\r\n\r\n"

Pieces = AsyncIterator[bytes]


@dataclass(slots=True)
class Headers:
    """Header lines in their order and spelling, looked up without regard to case."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The first value of a name."""
        return next(iter(self.every(name)), None)

    def every(self, name: str) -> list[str]:
        return [value for key, value in self.lines if key.lower() == name.lower()]

    def add(self, name: str, value: str) -> None:
        self.lines.append((name, value))

    def set(self, name: str, value: str) -> None:
        self.remove(name)
        self.add(name, value)

    def remove(self, *names: str) -> None:
        gone = {name.lower() for name in names}
        self.lines = [line for line in self.lines if line[0].lower() not in gone]

    def copy(self) -> Headers:
        return Headers(list(self.lines))

    @property
    def length(self) -> int | None:
        value = self.get("Content-Length")
        return None if value is None else int(value)

    @property
    def chunked(self) -> bool:
        return "chunked" in (self.get("Transfer-Encoding") or "").lower()

    @property
    def close(self) -> bool:
        return "close" in (self.get("Connection") or "").lower()

    def encode(self, first: str) -> bytes:
        """The bytes of a head that starts with the given line."""
        lines = [first, *(f"{name}: {value}" for name, value in self.lines)]
        return "\r\n".join(lines).encode("latin-1") + BLANK


@dataclass(slots=True)
class Request:
    """A request; `body` yields its bytes without framing, once."""

    method: str
    target: str
    version: str
    headers: Headers
    body: Pieces

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def parameter(self, name: str) -> str | None:
        return parse_qs(urlsplit(self.target).query).get(name, [None])[0]

    def encode(self) -> bytes:
        return self.headers.encode(f"{self.method} {self.target} {self.version}")


@dataclass(slots=True)
class Response:
    """A response; `body` yields its bytes without framing, once. The headers decide on framing."""

    status: int
    headers: Headers
    body: Pieces
    reason: str = ""
    version: str = "HTTP/1.1"

    @classmethod
    def of(cls, status: int, body: bytes = b"", *headers: tuple[str, str]) -> Self:
        """A response that the proxy gives itself."""
        length = ("Content-Length", str(len(body)))
        reason = responses.get(status, "")
        return cls(status, Headers([*headers, length]), once(body), reason)

    async def measured(self) -> int:
        """How many bytes the body has; of one that does not tell, the body is read for it."""
        if self.headers.length is None:
            whole = b"".join([piece async for piece in self.body])
            self.headers.remove("Transfer-Encoding")
            self.headers.set("Content-Length", str(len(whole)))
            self.body = once(whole)
        return self.headers.length or 0

    def chunk(self) -> None:
        """Send the body in chunks, whatever it came in."""
        self.headers.remove("Content-Length")
        self.headers.set("Transfer-Encoding", "chunked")

    def unframe(self) -> None:
        """Tell no length: only the end of the connection ends the body."""
        self.headers.remove("Content-Length", "Transfer-Encoding")
        self.headers.set("Connection", "close")

    @property
    def ends(self) -> bool:
        """Whether the connection cannot outlive this response."""
        framed = self.headers.chunked or self.headers.get("Content-Length") is not None
        bodiless = self.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        return self.headers.close or self.version == "HTTP/1.0" or not (framed or bodiless)

    def encode(self) -> bytes:
        return self.headers.encode(f"{self.version} {self.status} {self.reason}")


async def once(body: bytes) -> Pieces:
    if body:
        yield body


async def first(pieces: Pieces, count: int) -> Pieces:
    """The first `count` bytes; the rest stays unread, up to the end of a piece."""
    while count > 0 and (piece := await anext(pieces, None)) is not None:
        yield piece[:count]
        count -= len(piece)


async def read_request(reader: StreamReader) -> Request | None:
    """The next request of a connection; None where the client has closed it instead."""
    try:
        line, headers = await _read_head(reader)
    except IncompleteReadError as error:
        if error.partial:
            raise
        return None
    method, target, version = line.split(" ", 2)
    length = headers.length or 0
    body = of_chunks(reader) if headers.chunked else of_length(reader, length)
    return Request(method, target, version, headers, body)


async def read_response(reader: StreamReader, method: str) -> Response:
    """The response to a request of that method."""
    line, headers = await _read_head(reader)
    version, status, reason = (*line.split(" ", 2), "")[:3]
    body = _response_body(reader, method, int(status), headers)
    return Response(int(status), headers, body, reason, version)


def _response_body(reader: StreamReader, method: str, status: int, headers: Headers) -> Pieces:
    if method == "HEAD" or status < HTTPStatus.OK or status in (204, 304):
        return once(b"")
    if headers.chunked:
        return of_chunks(reader)
    if headers.length is None:
        return until_closed(reader)
    return of_length(reader, headers.length)


async def _read_head(reader: StreamReader) -> tuple[str, Headers]:
    raw = await _got(reader.readuntil(BLANK))
    first_line, *lines = raw[: -len(BLANK)].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first_line, Headers([(name, value.strip()) for name, _, value in pairs])


async def of_length(reader: StreamReader, length: int) -> Pieces:
    while length:
        piece = await _got(reader.read(min(length, PIECE)))
        if not piece:
            raise IncompleteReadError(b"", length)
        length -= len(piece)
        yield piece


async def of_chunks(reader: StreamReader) -> Pieces:
    while size := await _chunk_size(reader):
        async for piece in of_length(reader, size):
            yield piece
        await _got(reader.readexactly(2))
    while await _got(reader.readline()) not in (b"\r\n", b""):
        pass  # trailers


async def until_closed(reader: StreamReader) -> Pieces:
    while piece := await _got(reader.read(PIECE)):
        yield piece


async def _chunk_size(reader: StreamReader) -> int:
    line = await _got(reader.readline())
    if not line.endswith(b"\n"):
        raise IncompleteReadError(line, None)
    return int(line.split(b";")[0], 16)


async def _got(reading: Awaitable[bytes]) -> bytes:
    """What was read. A lost connection is an EOFError here, and a ConnectionError in writing."""
    try:
        return await reading
    except ConnectionError as error:
        raise IncompleteReadError(b"", None) from error


def in_chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


LAST_CHUNK = b"0\r\n\r\n"
