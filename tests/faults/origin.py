"""A loopback port that can refuse connections for a while and still stay ours."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

HOST = "127.0.0.1"

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class Origin:
    """One address of the proxy, with a `name` for rules and for the log."""

    def __init__(self, name: str, context: ssl.SSLContext | None) -> None:
        self.name = name
        self._context = context
        self._server: asyncio.Server | None = None
        # Bound but never listening: it keeps the port from others while nobody listens.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind((HOST, 0))
        self.port: int = self._holder.getsockname()[1]
        self.scheme = "http" if context is None else "https"

    @property
    def authority(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}/"

    async def listen(self, connected: Connected) -> None:
        """Accept connections from now on."""
        if self._server is None:
            self._server = await asyncio.start_server(
                connected, HOST, self.port, ssl=self._context, reuse_port=True
            )

    def refuse(self) -> None:
        """Refuse connections from now on; those that are open stay open."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        self.refuse()
        self._holder.close()
