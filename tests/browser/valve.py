"""A valve: what stands before a registry, and lets so many bytes through and then no more.

A test that looks at a transfer while it runs needs one that waits for it, and not a slow one.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PIECE = 1 << 14
PATIENCE = 60.0  # seconds until a connection that is held up ends by itself


class _Connection(socketserver.BaseRequestHandler):
    server: Valve

    def handle(self) -> None:
        """Pass on what both ends say; what the registry says goes through the valve."""
        with socket.create_connection(self.server.upstream) as registry:
            asking = threading.Thread(target=self._ask, args=(registry,), daemon=True)
            asking.start()
            with suppress(OSError):  # either of the two went away
                while piece := registry.recv(PIECE):
                    self.server.wait_for(len(piece))
                    self.request.sendall(piece)
                self.request.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                registry.shutdown(socket.SHUT_RDWR)

    def _ask(self, registry: socket.socket) -> None:
        with suppress(OSError):
            while piece := self.request.recv(PIECE):
                registry.sendall(piece)
            registry.shutdown(socket.SHUT_RDWR)


class Valve(socketserver.ThreadingTCPServer):
    """A relay to a registry; a context manager that serves from enter to exit.

    Args:
        upstream: the URL of the registry.
        limit: how many bytes of answers come through before the valve is opened.

    Attributes:
        url: what stands for the registry.
    """

    daemon_threads = True

    def __init__(self, upstream: str, *, limit: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self._left = limit
        self._lock = threading.Lock()
        self._opened = threading.Event()

    def wait_for(self, number: int) -> None:
        """Wait until so many bytes may come through."""
        with self._lock:
            self._left -= number
            held = self._left < 0
        if held:
            self._opened.wait(PATIENCE)

    def open(self) -> None:
        """Let everything through."""
        self._opened.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.open()
        self.shutdown()
        self.server_close()
