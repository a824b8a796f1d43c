"""Receiver: the receiving end of a socket, for no longer than the turn allows."""

from __future__ import annotations

import math
import socket
from typing import TYPE_CHECKING

from regnb.core.wire.turn import Turn

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Receiver:
    """Waits for bytes until the turn is over, and at each time no longer than the socket allows.

    The timeout of a socket begins anew with every byte, so that an answer that drips, headers
    included, would never be too late (S24).

    Attributes:
        ended: whether the other side has sent all that it will.
    """

    __slots__ = ("_idle", "_sock", "_timeout", "_turn", "ended")

    def __init__(self, sock: socket.socket, turn: Turn) -> None:
        """Wait for nothing yet."""
        self.ended = False
        self._sock = sock
        self._turn = turn
        self._idle = self._timeout = sock.gettimeout() or math.inf

    def receive(self, size: int) -> bytes:
        """The next bytes, at most `size`; empty at the end.

        Raises:
            TimeoutError: they did not come in time.
        """
        self._limit()
        piece = self._sock.recv(size)
        self.ended = not piece
        return piece

    def receive_into(self, buffer: WriteableBuffer) -> int:
        """The same, in the front of `buffer`; how many there are, 0 at the end."""
        self._limit()
        count = self._sock.recv_into(buffer)
        self.ended = not count
        return count

    def _limit(self) -> None:
        timeout = min(self._turn.left(), self._idle)
        if timeout != self._timeout:
            self._sock.settimeout(timeout)
            self._timeout = timeout
