"""Connection: one connection of a client, plain or with TLS, and the pools that keep them."""

from __future__ import annotations

import queue
import select
import socket
import sys
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from regnb.core.wire.receiver import Receiver
from regnb.core.wire.reply import Reply
from regnb.core.wire.sockets import Sockets
from regnb.core.wire.turn import Turn

PIECE = 64 * 1024
"""Bytes sent at once: a timeout holds for one piece, and not for a body of any size."""


class Connection(HTTPConnection):
    """A connection whose sockets can be cut, to an address that was admitted.

    It reads the head of an answer no longer than the turn allows, and asks for URLs as given.
    """

    scheme = "http"

    def __init__(self, *arguments: Any, sockets: Sockets, **options: Any) -> None:
        """Connect to nothing yet; all but `sockets` is urllib3's."""
        super().__init__(*arguments, **options)
        self._sockets = sockets
        self._watch: select.poll | None = None
        self.response_class = self._reply  # type: ignore[assignment]  # all that it has to be is called

    def _reply(self, sock: socket.socket, *arguments: Any, **options: Any) -> Reply:
        return Reply(sock, *arguments, turn=self._sockets.turn, **options)

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]")
        # Whom a proxy connects to is the proxy's to judge, and what it resolves is not seen here.
        target = None if self.proxy else (self.scheme, host.lower(), self.port)
        try:
            opened = self._sockets.dial(
                target, host, self.port, timeout=self.timeout, options=self.socket_options or ()
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection: {error}") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        if hasattr(select, "poll"):  # which not all systems have
            self._watch = select.poll()
            self._watch.register(opened, select.POLLIN)
        return opened

    @property
    def is_connected(self) -> bool:
        """Whether it is open, and nothing is on it that nobody has asked for.

        As urllib3 finds it, but for the time that it takes to prepare for one look.
        """
        if self.sock is None or self._watch is None:
            return super().is_connected
        return not self._watch.poll(0)

    def ask(self, head: bytes, turn: Turn, connect_timeout: float) -> Receiver:
        """Send a request that has no body; what receives the answer.

        Args:
            head: all of the request.
            turn: how long the answer may take.
            connect_timeout: seconds to open the connection, where it is not open.
        """
        if self.sock is None:
            self.timeout = connect_timeout
            self.connect()
        if self.sock.gettimeout() != turn.idle:
            self.sock.settimeout(turn.idle)
        self.sock.sendall(head)
        return Receiver(self.sock, turn)

    def answer(self, begun: bytes, method: str) -> Reply:
        """The answer as `http.client` reads it, its head read.

        Args:
            begun: what has been received of it.
            method: of the request.
        """
        reply = Reply(self.sock, method=method, turn=self._sockets.turn, begun=begun)
        try:
            reply.begin()
        except BaseException:
            reply.close()
            raise
        if reply.will_close:
            self.close()  # the answer holds the socket until it has been read
        return reply

    def putrequest(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        """Ask for the URL byte for byte: urllib3 writes the escapes of signed ones anew (U7)."""
        given = self._sockets.turn.url[-len(url) :]
        super().putrequest(
            method, given if given.lower() == url.lower() else url, *arguments, **options
        )

    def endheaders(self, *arguments: Any, **options: Any) -> None:
        """Send the head; what follows may take longer than connecting may."""
        super().endheaders(*arguments, **options)
        self.sock.settimeout(self._sockets.turn.idle)

    def send(self, data: Any) -> None:
        """Send some of the request, large pieces in parts."""
        if len(data) <= PIECE:
            super().send(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            super().send(view[start : start + PIECE])

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        """Read the head of the answer."""
        self._sockets.turn.sent()
        return super().getresponse()


class TlsConnection(Connection, HTTPSConnection):
    """The same with TLS."""

    scheme = "https"


class Stack(queue.LifoQueue[Any]):
    """A queue that lets nobody wait, and so needs no lock: the list in it has one."""

    def get(self, block: bool = False, timeout: float | None = None) -> Any:
        """Take the last one away; `queue.Empty` is raised where there is none."""
        try:
            return self.queue.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:
        """Add one; `queue.Full` is raised where there are enough."""
        if len(self.queue) >= self.maxsize:
            raise queue.Full
        self.queue.append(item)


class Pool(HTTPConnectionPool):
    """Connections to one host and port."""

    ConnectionCls = Connection
    QueueCls = Stack


class TlsPool(HTTPSConnectionPool):
    """Connections with TLS to one host and port."""

    ConnectionCls = TlsConnection
    QueueCls = Stack

    def _validate_conn(self, conn: Any) -> None:
        # As urllib3 does it, but without a warning at every request where certificates are not
        # checked: there has been one for the registry (S21).
        if conn.is_closed:
            conn.connect()
