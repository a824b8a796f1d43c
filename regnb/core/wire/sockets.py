"""Sockets: all that one client has open, so that another thread can end what is under way."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress

from regnb.core.wire.address import Origin
from regnb.core.wire.neighbourhood import Neighbourhood, SocketAddress
from regnb.core.wire.turn import Turn

SocketOption = tuple[int, int, int | bytes]


class _Thread(threading.local):
    """What urllib3 has no way to pass on to a connection."""

    turn: Turn | None = None


class Sockets:
    """The sockets of one client. Threads share it.

    Attributes:
        neighbourhood: where they may lead.
    """

    __slots__ = ("_lock", "_open", "_thread", "neighbourhood")

    def __init__(self, neighbourhood: Neighbourhood) -> None:
        """Open none yet."""
        self.neighbourhood = neighbourhood
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._thread = _Thread()

    @property
    def turn(self) -> Turn:
        """The request that this thread is sending."""
        turn = self._thread.turn
        if turn is None:
            raise RuntimeError("Nothing is being sent by this thread.")
        return turn

    def change_turn(self, turn: Turn | None) -> Turn | None:
        """Begin with a request of this thread, and give back the one that it interrupts.

        There is one where the body of a request is read from another answer while it is sent.
        """
        interrupted, self._thread.turn = self._thread.turn, turn
        return interrupted

    def add(self, opened: socket.socket) -> None:
        """Take note of a socket for as long as it lives.

        Raises:
            ConnectionAbortedError: what it was opened for has been cancelled.
        """
        with self._lock:
            self._open.add(opened)
        # Only now: whoever cancels gives the sign first, and then cuts the sockets.
        if self.turn.cancelled:
            raise ConnectionAbortedError

    def cut(self) -> None:
        """End what is under way on every socket, also what other threads wait for (F10).

        Idle ones are cut too; whoever takes them up next finds them closed and opens others.
        """
        with self._lock:
            opened = list(self._open)
        for one in opened:
            with suppress(OSError):
                # Not the method of TLS sockets, which takes the session from under their reader.
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def dial(
        self,
        target: Origin | None,
        host: str,
        port: int,
        *,
        timeout: float | None,
        options: Iterable[SocketOption],
    ) -> socket.socket:
        """Connect to the first address of a host that takes it.

        What is connected to are the very addresses that were admitted, so that the name cannot
        come to mean others in between (S5).

        Args:
            target: what is asked there; None where the host is a proxy.
            host: its name or address.
            port: of it.
            timeout: seconds for each address.
            options: set on the socket.

        Raises:
            NotAdmitted: the registry may not lead there.
            OSError: no connection.
        """
        found = list(self.neighbourhood.resolve(host, port))
        if target is not None:
            self.neighbourhood.admit(target, [str(address[0]) for _, address in found])
        problem = OSError("the name has no address")
        for family, address in found:
            try:
                opened = self._connect(family, address, timeout, options)
            except OSError as error:
                problem = error
                continue
            if target is not None:
                self.neighbourhood.reached(target, str(address[0]))
            return opened
        raise problem

    def _connect(
        self,
        family: int,
        address: SocketAddress,
        timeout: float | None,
        options: Iterable[SocketOption],
    ) -> socket.socket:
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in options:
                opened.setsockopt(*option)
            opened.settimeout(timeout)
            self.add(opened)
            opened.connect(address)
        except BaseException:
            opened.close()
            raise
        return opened
