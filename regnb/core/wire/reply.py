"""Reply: the answer on a connection, which must come in time and with all of its head."""

from __future__ import annotations

import http.client
import io
import math
import socket
from typing import TYPE_CHECKING

from regnb.core.wire.head import plain_head
from regnb.core.wire.turn import Turn

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Reply(http.client.HTTPResponse):
    """An answer as `http.client` reads it, over a `Line`.

    Attributes:
        fields: the headers, if the head was plain, else none.
    """

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
        *,
        turn: Turn,
    ) -> None:
        """Begin to read from a socket; all but `turn` is of `http.client`."""
        super().__init__(sock, debuglevel, method, url)
        self.fields: list[tuple[str, str]] = []
        self._asked_by = method or ""
        self._line = Line(self.fp.detach(), sock, turn)
        self.fp = io.BufferedReader(self._line)

    def begin(self) -> None:
        """Read the head.

        Raises:
            ConnectionResetError: it ended in the middle: what came may lack the length of the
                body, and then a body that was cut off looks whole (F14).
        """
        if self.headers is not None:
            return
        if self.begin_plainly():
            self.headers = self.msg = http.client.HTTPMessage()
            for name, value in self.fields:
                self.msg.set_raw(name, value)
            return
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            # The start of what may have become HTTP; anything else never would have.
            if not self._line.ended or not "HTTP/".startswith(str(error)[:5]):
                raise
        if self._line.ended:
            self.close()
            raise ConnectionResetError("the connection was closed in the middle of the head")

    def begin_plainly(self) -> bool:
        """Read the head if it is plain and all here; otherwise leave it to `begin`.

        Only `fields` has the headers then, not `headers`, which takes longer to make.
        """
        head = plain_head(self.fp.peek(1), self._asked_by)
        if head is None or self.debuglevel:
            return False
        self.fp.read(head.size)
        self.code = self.status = head.status
        self.reason, self.version = head.reason, 11
        self.fields = head.fields
        self.chunked = self.will_close = False
        self.length = head.length
        return True

    def rest(self) -> bytes:
        """What is left of a body that is announced by its length, and by nothing else.

        Raises:
            ConnectionResetError: it ended too early.
        """
        expected = self.length or 0
        body: bytes = b"" if self.fp is None else self.fp.read(expected)
        self.length = 0
        self.close()  # the end of the body is not the end of the connection
        if len(body) < expected:
            raise ConnectionResetError("the connection was closed in the middle of the body")
        return body

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
    """The receiving end of a socket, read for no longer than the turn allows.

    The timeout of a socket begins anew with every byte, so that an answer that drips, headers
    included, would never be too late (S24).

    Attributes:
        ended: whether the other side has sent all that it will.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, turn: Turn) -> None:
        """Read from `raw`, which reads from `sock`."""
        super().__init__()
        self.ended = False
        self._raw = raw
        self._sock = sock
        self._turn = turn
        self._idle = self._timeout = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Wait for the next bytes.

        Raises:
            TimeoutError: they did not come in time.
        """
        timeout = min(self._turn.left(), self._idle)
        if timeout != self._timeout:
            self._sock.settimeout(timeout)
            self._timeout = timeout
        count = self._raw.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        """Let go of the socket."""
        try:
            self._raw.close()
        finally:
            super().close()
