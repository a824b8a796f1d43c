"""The proxy's side of a connection to the client, and the ways in which it can end."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from contextlib import suppress

GLANCE = 0.002
LINGER_NOT = struct.pack("ii", 1, 0)  # close sends RST, and drops what was not sent


class CutError(Exception):
    """The connection ends here: by FIN, or by RST. Raised by faults, at any moment.

    Attributes:
        reset: end by RST. What was written before has reached the client by then.
        last: bytes that go out before, as they are.
    """

    def __init__(self, *, reset: bool = False, last: bytes = b"") -> None:
        super().__init__(reset, last)
        self.reset = reset
        self.last = last


class Client:
    """One accepted connection; `number` counts from 1 for each proxy."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.reader = reader
        self.number = number
        self._writer = writer
        # So that `drain` waits until the kernel has it all. TLS pauses at the limit, plain above.
        secured = writer.get_extra_info("ssl_object") is not None
        writer.transport.set_write_buffer_limits(high=int(secured), low=0)

    async def send(self, data: bytes) -> None:
        """Write all; raises ConnectionError where the client is gone."""
        self._writer.write(data)
        await self._writer.drain()

    @property
    def gone(self) -> bool:
        """Whether the client has closed its side, or the connection is lost."""
        lost = self.reader.at_eof() or self.reader.exception() is not None
        return lost or self._writer.is_closing()

    async def cut(self, ending: CutError) -> None:
        """End the connection without a farewell: over TLS, without close_notify too."""
        with suppress(ConnectionError):
            await self.send(ending.last)
        if ending.reset:
            await self._delivered()
            if not self._writer.is_closing():  # else there is no socket any more
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        await self.abandon()

    async def close(self) -> None:
        """End the connection in good order."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def abandon(self) -> None:
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()

    @property
    def _socket(self) -> socket.socket:
        found: socket.socket = self._writer.get_extra_info("socket")
        return found

    async def _delivered(self) -> None:
        """Wait until the client's kernel has acknowledged everything: RST discards the rest."""
        while not self.gone and self._unacknowledged():
            await asyncio.sleep(GLANCE)

    def _unacknowledged(self) -> int:
        answer = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(answer, "little")
