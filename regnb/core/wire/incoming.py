"""Incoming and Answer: a response while it is read, and once it has been."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from regnb.core.wire.failures import Interrupted, explain_broken
from regnb.core.wire.gunzip import Gunzip
from regnb.core.wire.headers import Headers
from regnb.core.wire.outgoing import Method, Outgoing
from regnb.core.wire.plain import PlainResponse
from regnb.core.wire.redaction import redact, without
from regnb.core.wire.reply import Reply
from regnb.core.wire.turn import Turn
from regnb.errors import BodyTooLargeError, ProtocolError, RegistryError

SUCCESSES = range(200, 300)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
T = TypeVar("T")

PIECE = 256 * 1024
"""Bytes asked of a connection at once."""


@dataclass(slots=True, repr=False, eq=False)
class Answer:
    """A response that has been read whole. Not to be changed; nothing enforces it, for speed.

    Attributes:
        method: of the request.
        url: that answered, after redirects; to be redacted before it is shown.
        status: HTTP status.
        headers: all of them.
        body: decoded bytes; of an error, no more than `Limits.error_body`.
        authorised: whether credentials, or a token got for them, were sent along.
        retry_after: seconds that an error asks to wait, or None.
        renewed: whether it refuses an authorization that has been replaced since, so that the same
            request would now be sent with another one.
    """

    method: Method
    url: str
    status: int
    headers: Headers
    body: bytes
    authorised: bool = False
    retry_after: float | None = None
    renewed: bool = False

    def __repr__(self) -> str:
        """Status and redacted URL: the headers may hold signed URLs (S16)."""
        return f"<Answer {self.status} to {self.method} {redact(self.url)}>"

    @property
    def ok(self) -> bool:
        """Whether the request did what it was meant to."""
        return self.status in SUCCESSES


class Incoming:
    """A response whose body is still on the wire.

    Attributes:
        length: bytes of the body as announced, or None; other attributes are those of `Answer`.
    """

    __slots__ = (
        "_gunzip",
        "_raw",
        "_request",
        "_turn",
        "authorised",
        "headers",
        "length",
        "method",
        "retry_after",
        "status",
        "url",
    )

    def __init__(
        self, request: Outgoing, response: HTTPResponse | PlainResponse, turn: Turn
    ) -> None:
        """Take over a response whose body has not been read yet."""
        self._raw = response
        self._request = request
        self._turn = turn
        self.method = request.method
        self.url = request.url
        self.status: int = response.status
        self.headers = (
            response.headers
            if isinstance(response, PlainResponse)
            else Headers(response.headers.items())
        )
        self.length: int | None = self._raw.length_remaining
        self.authorised = request.authorization is not None and not request.anonymous
        self.retry_after: float | None = None
        self._gunzip: Gunzip | None = None
        coding = self.headers.get("Content-Encoding")
        if coding is not None and self.length != 0:
            self._decode(coding.strip().lower())

    def _straight_way(self) -> Callable[[memoryview], int] | None:
        """What reads the body from the connection, where it is all that there is to be done."""
        if self.length is None or self._raw.chunked:
            return None
        if isinstance(self._raw, PlainResponse):
            return self._raw.readinto1
        reply = getattr(self._raw, "_original_response", None)
        return partial(_from_reply, self._raw, reply) if isinstance(reply, Reply) else None

    def _decode(self, coding: str) -> None:
        # No coding was offered; some registries send gzip all the same (W-B3).
        if coding in {"gzip", "x-gzip"}:
            self.length = None
            self._gunzip = Gunzip(self._read_wire)
        elif coding not in {"", "identity"}:
            self.close()
            raise self._problem("came in a Content-Encoding that was not asked for")

    @property
    def ok(self) -> bool:
        """Whether the request did what it was meant to."""
        return self.status in SUCCESSES

    def unhurried(self) -> None:
        """Let the body take as long as it takes; a read that brings nothing still ends."""
        self._turn.lift()

    @property
    def encoded(self) -> bool:
        """Whether the bytes are decoded on their way, so that they are not those of the wire."""
        return self._gunzip is not None

    @property
    def delimited(self) -> bool:
        """Whether an end of the body can be told from a connection that closed (W-B5)."""
        return self.length is not None or self.encoded or bool(self._raw.chunked)

    def read(self, size: int = PIECE) -> bytes:
        """The next bytes, at most `size`, empty at the end.

        Raises:
            Interrupted: the connection broke, or the body is shorter than announced.
            OperationCancelledError: another thread cancelled it.
            ProtocolError: the body cannot be decoded.
        """
        return (
            self._read_wire(size) if self._gunzip is None else self._read_gzip(self._gunzip, size)
        )

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` with the next bytes, as many as are here; 0 at the end.

        A body that is plain goes straight from the connection into the buffer. Raises as `read`
        does.
        """
        straight = self._straight_way()
        if straight is not None:
            return self._from_wire(partial(straight, buffer))
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def without_secrets(self, body: bytes) -> bytes:
        """The body of an error, fit to be quoted: some servers echo what they were sent (S16)."""
        return without(body, self._request.secrets())

    def whole(self, limit: int, *, cut: bool = False) -> bytes:
        """All bytes, counted while they come (S9).

        Args:
            limit: bytes; a larger body closes the connection.
            cut: give the first `limit` bytes of a larger body, and what came of one that broke
                off, instead of raising.

        Raises:
            BodyTooLargeError: the body is larger than `limit`.
        """
        if self.length is not None and self.length > limit and not cut:
            self.close()
            raise self._too_large(limit)
        if isinstance(self._raw, PlainResponse) and not cut and self._gunzip is None:
            return self._raw.rest() if self._raw.is_here else self._from_wire(self._raw.rest)
        pieces: list[bytes] = []
        try:
            self._collect(pieces, limit)
        except (Interrupted, BodyTooLargeError):
            if not cut:
                raise
        return b"".join(pieces)[:limit]

    def _collect(self, pieces: list[bytes], limit: int) -> None:
        total = 0
        while piece := self.read(PIECE):
            pieces.append(piece)
            total += len(piece)
            if total > limit:
                self.close()
                raise self._too_large(limit)
            if total == self.length:
                return

    def discard(self) -> None:
        """Be done with the response; the connection is kept where the body is already here."""
        if self.length is None or len(self.read(PIECE)) < self.length:
            self.close()

    def close(self) -> None:
        """Drop the connection together with whatever is still to come."""
        self._raw.close()
        self._raw.release_conn()

    def _read_wire(self, size: int) -> bytes:
        piece: bytes = self._from_wire(partial(self._raw.read1, size, decode_content=False))
        return piece

    def _from_wire(self, read: Callable[[], T]) -> T:
        try:
            brought = read()
        except (HTTPError, OSError) as error:
            found = explain_broken(error, method=self.method, url=self.url)
        else:
            # A socket that was cut looks like the end of the body, or gives what it still has.
            if not self._turn.cancelled:
                return brought
        # Outside of the except block, so that the exception with the request in it is let go.
        self.close()
        self._turn.check()
        raise found

    def _read_gzip(self, gunzip: Gunzip, size: int) -> bytes:
        try:
            return gunzip.read(size)
        except EOFError:
            what = "ended in the middle of its gzip encoding"
        except zlib.error:
            what = "came with a gzip encoding that does not decode"
        self.close()
        raise self._problem(what)

    def _problem(self, what: str) -> RegistryError:
        shown = redact(self.url)
        return ProtocolError(
            f"The answer to {self.method} {shown} {what}. Ask whoever runs the registry, or the "
            "proxy in front of it.",
            status=self.status,
            method=self.method,
            url=shown,
        )

    def _too_large(self, limit: int) -> BodyTooLargeError:
        shown = redact(self.url)
        return BodyTooLargeError(
            f"The answer to {self.method} {shown} is larger than {limit:,} bytes, so that reading "
            "stopped there. If it is meant to be that large, raise the limit.",
            status=self.status,
            method=self.method,
            url=shown,
        )


def _from_reply(response: HTTPResponse, reply: Reply, buffer: memoryview) -> int:
    """Read the body of a response of urllib3 past urllib3."""
    count = reply.readinto1(buffer)
    response.length_remaining = reply.length
    if reply.isclosed():
        response.release_conn()
    return count
