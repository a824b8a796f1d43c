"""A client without a library: what it sends and what it hears are the bytes on the wire."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

PATIENCE = 10.0
BLANK = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Heard:
    """All that came until the connection ended, and how it did: by FIN or by RST."""

    data: bytes
    reset: bool

    @property
    def head(self) -> str:
        return self.data.partition(BLANK)[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        """What follows the head, with its framing."""
        return self.data.partition(BLANK)[2]

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    def every(self, name: str) -> list[str]:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return [value for key, _, value in lines if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        (value,) = self.every(name)
        return value


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE)


def head(url: str, method: str, target: str, *headers: str, keep: bool = False) -> bytes:
    """The head of a request, which asks for the end of the connection unless it is to be kept."""
    ending = () if keep else ("Connection: close",)
    lines = (f"{method} {target} HTTP/1.1", f"Host: {urlsplit(url).netloc}", *ending, *headers)
    return "\r\n".join(lines).encode() + BLANK


def ask(url: str, method: str, target: str, *headers: str, body: bytes = b"") -> Heard:
    """One request on a connection of its own."""
    lengths = (f"Content-Length: {len(body)}",) if body else ()
    return exchange(url, head(url, method, target, *lengths, *headers) + body)


def exchange(url: str, sent: bytes) -> Heard:
    """Send bytes on a connection of its own, and read until it ends."""
    try:
        connection = connect(url)
    except ConnectionResetError:  # RST may come before connect returns
        return Heard(b"", reset=True)
    with connection:
        with suppress(ConnectionError):  # what cannot be sent may have been answered before
            connection.sendall(sent)
        return hear(connection)


def hear(connection: socket.socket) -> Heard:
    """Read until the other side ends the connection."""
    data = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        return Heard(bytes(data), reset=True)
    return Heard(bytes(data), reset=False)


def hear_body(connection: socket.socket, count: int) -> Heard:
    """Read a head and so many bytes after it; the connection stays open."""
    data = bytearray()
    while BLANK not in data or len(data.partition(BLANK)[2]) < count:
        piece = connection.recv(1 << 16)
        assert piece, f"the connection ended after {bytes(data)!r}"
        data += piece
    return Heard(bytes(data), reset=False)
