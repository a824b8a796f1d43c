"""PlainResponse: what a plain head announces, for whoever would read a response of urllib3."""

from __future__ import annotations

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from regnb.core.wire.head import Head
from regnb.core.wire.receiver import Receiver

PIECE = 256 * 1024
"""Bytes received at once."""


class PlainResponse:
    """A response whose body has a known length, and comes from the socket as it is.

    It has as much of `urllib3.HTTPResponse` as is used here, by the same names.

    Attributes:
        status: HTTP status.
        headers: all of them.
        length_remaining: bytes of the body that have not been read.
        chunked: False.
    """

    __slots__ = (
        *("_ahead", "_connection", "_overrun", "_pool", "_receiver"),
        *("headers", "length_remaining", "status"),
    )
    chunked = False

    def __init__(
        self,
        head: Head,
        begun: bytes,
        receiver: Receiver,
        pool: HTTPConnectionPool,
        connection: HTTPConnection,
    ) -> None:
        """Take over a connection.

        Args:
            head: of the answer.
            begun: what has been received of the answer, head included.
            receiver: brings the rest.
            pool: that gets the connection back.
            connection: in use until the body has been read.
        """
        self._ahead = begun[head.size : head.size + head.length]
        self._overrun = len(begun) > head.size + head.length
        self._receiver = receiver
        self._pool = pool
        self._connection: HTTPConnection | None = connection
        self.status = head.status
        self.length_remaining = head.length
        self.headers = head.headers

    @property
    def is_here(self) -> bool:
        """Whether all that is left of the body has come, as it mostly does with the head."""
        return len(self._ahead) == self.length_remaining

    def read1(self, size: int, *, decode_content: bool = False) -> bytes:
        """The next bytes, at most `size`, empty at the end; they are never decoded.

        Raises:
            ConnectionResetError: the body ended too early.
        """
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        wanted = min(size, self.length_remaining)
        if wanted and not piece:
            piece = self._receiver.receive(wanted)
        self._count(len(piece))
        return piece

    def readinto1(self, buffer: memoryview) -> int:
        """The same, in the front of `buffer`; how many there are."""
        if self._ahead or not self.length_remaining:
            piece = self.read1(len(buffer))
            buffer[: len(piece)] = piece
            return len(piece)
        count = self._receiver.receive_into(buffer[: self.length_remaining])
        self._count(count)
        return count

    def rest(self) -> bytes:
        """All that is left of the body; raises as `read1` does."""
        if self.is_here:
            self.length_remaining = 0
            self.release_conn()
            piece, self._ahead = self._ahead, b""
            return piece
        pieces = []
        while self.length_remaining:
            pieces.append(self.read1(PIECE))
        return b"".join(pieces)

    def close(self) -> None:
        """Drop the connection together with whatever is still to come."""
        if self._connection is not None:
            self._connection.close()

    def release_conn(self) -> None:
        """Give the connection to others; not if more has come on it than was announced."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._overrun:
                connection.close()
            self._pool._put_conn(connection)

    def _count(self, brought: int) -> None:
        if not brought and self.length_remaining:
            raise ConnectionResetError("the connection was closed in the middle of the body")
        self.length_remaining -= brought
        if not self.length_remaining:
            self.release_conn()
