"""Reply: the answer on a connection, which must come in time and with all of its head."""

from __future__ import annotations

import http.client
import io
import socket
from typing import TYPE_CHECKING, Any

from regnb.core.wire.receiver import Receiver
from regnb.core.wire.turn import Turn

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Reply(http.client.HTTPResponse):
    """An answer as `http.client` reads it, over a `Line`."""

    def __init__(
        self, sock: socket.socket, *arguments: Any, turn: Turn, begun: bytes = b"", **options: Any
    ) -> None:
        """Begin to read from a socket; `begun` has come from it already."""
        super().__init__(sock, *arguments, **options)
        self._line = Line(self.fp.detach(), Receiver(sock, turn), begun)
        self.fp = io.BufferedReader(self._line)

    def begin(self) -> None:
        """Read the head.

        Raises:
            ConnectionResetError: it ended in the middle: what came may lack the length of the
                body, and then a body that was cut off looks whole (F14).
        """
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            # The start of what may have become HTTP; anything else never would have.
            if not self._line.receiver.ended or not "HTTP/".startswith(str(error)[:5]):
                raise
        if self._line.receiver.ended:
            self.close()
            raise ConnectionResetError("the connection was closed in the middle of the head")

    def readinto1(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what one read of the connection brings; 0 at the end of the body.

        Only where the body is announced by its length, and by nothing else.

        Raises:
            ConnectionResetError: it ended too early.
        """
        left = self.length or 0
        if not left:
            self.close()
        if self.fp is None:
            return 0
        count = self.fp.readinto1(memoryview(buffer)[:left])
        self.length = left - count
        if not count:
            self.close()
            raise ConnectionResetError("the connection was closed in the middle of the body")
        if not self.length:
            self.close()  # the end of the body is not the end of the connection
        return count


class Line(io.RawIOBase):
    """The receiving end of a socket as a file.

    Attributes:
        receiver: brings the bytes.
    """

    def __init__(self, raw: io.RawIOBase, receiver: Receiver, begun: bytes) -> None:
        """Read what has begun, and then from the socket.

        Args:
            raw: keeps the socket open for as long as this is.
            receiver: of the same socket.
            begun: what comes first.
        """
        super().__init__()
        self.receiver = receiver
        self._raw = raw
        self._begun = begun

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Wait for the next bytes.

        Raises:
            TimeoutError: they did not come in time.
        """
        if not self._begun:
            return self.receiver.receive_into(buffer)
        view = memoryview(buffer)
        piece, self._begun = self._begun[: len(view)], self._begun[len(view) :]
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Let go of the socket."""
        try:
            self._raw.close()
        finally:
            super().close()
