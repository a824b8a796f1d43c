"""What the tests of the core share: a clock without waiting, and servers without manners."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from regnb.core.registry import Registry
from regnb.core.wire.clock import Clock
from regnb.core.wire.limits import Limits

URL = "https://registry.example"
API = f"{URL}/v2/"
TLS_HANDSHAKE = b"\x16\x03"
PATIENCE = 5.0  # seconds until a test that hangs fails


@dataclass
class FakeTime:
    """Time that passes only by sleeping, or by `step` with every look."""

    seconds: float = 1_000.0
    step: float = 0.0
    chance: float = 0.5
    slept: list[float] = field(default_factory=list)

    def look(self) -> float:
        self.seconds += self.step
        return self.seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.slept.append(seconds)
        self.seconds += seconds
        return event.is_set()

    def clock(self) -> Clock:
        return Clock(monotonic=self.look, now=self.look, wait=self.wait, random=lambda: self.chance)


def registry(
    url: str = URL,
    *,
    time: FakeTime | None = None,
    limits: Limits | None = None,
    password: str | None = None,
    insecure: bool = False,
    **options: Any,
) -> Registry:
    """A registry whose waits cost nothing; with a password, the user is called robot."""
    return Registry(
        url,
        username=None if password is None else "robot",
        password=password,
        insecure=insecure,
        limits=limits,
        clock=(time or FakeTime()).clock(),
        **options,
    )


Script = Callable[[socket.socket], None]


@dataclass
class RawServer:
    """A TCP server that plays one script per connection, the last one ever after."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def raw_server(*scripts: bytes | Script) -> Iterator[RawServer]:
    """Serve connections: read one request's head, then send the bytes or run the script."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        served = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        stopping = threading.Event()
        arguments = (listener, scripts, served, stopping)
        thread = threading.Thread(target=_accept, args=arguments)
        thread.start()
        try:
            yield served
        finally:
            stopping.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()


def _accept(
    listener: socket.socket,
    scripts: tuple[bytes | Script, ...],
    served: RawServer,
    stopping: threading.Event,
) -> None:
    number = 0
    while not stopping.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        script = scripts[min(number, len(scripts) - 1)]
        number += 1
        # A client that hangs up early is what many of these tests are about.
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            served.requests.append(_read_head(connection))
            if callable(script):
                script(connection)
            else:
                connection.sendall(script)


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and not head.startswith(TLS_HANDSHAKE):
        piece = connection.recv(65536)
        if not piece:
            break
        head += piece
    return head


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """The bytes of an answer; `length` lies about the body."""
    announced = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {announced}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
