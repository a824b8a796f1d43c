"""An HTTP server for a test to play any part with: it writes down what it is asked.

A trap, which nothing should ever reach, is ``HttpServer()`` whose `asked` stays empty.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.servers.certificates import Certificate
from tests.servers.programs import HOST, PATIENCE

Fields = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `path` is without the query."""

    method: str
    path: str
    query: Fields
    headers: Message
    body: bytes

    @property
    def authorization(self) -> str | None:
        """The header of this name."""
        return self.headers.get("Authorization")

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password, where they come as Basic."""
        scheme, _, encoded = (self.authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        user, _, password = base64.b64decode(encoded).decode(errors="replace").partition(":")
        return user, password

    @property
    def form(self) -> Fields:
        """The body, read as a form."""
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; a body in pieces has no length, goes out piece by piece, and may be endless."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""

    @classmethod
    def of(cls, document: Any, status: int = 200) -> Self:
        """A JSON document."""
        return cls(status, {"Content-Type": "application/json"}, json.dumps(document).encode())


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    timeout = PATIENCE

    def answer(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qs(target.query, keep_blank_values=True)
        asked = Asked(self.command, target.path, query, self.headers, body)
        self._write(self.server.owner.take(asked))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # base class

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        length = {"Content-Length": str(len(answer.body))} if isinstance(answer.body, bytes) else {}
        for name, value in {"Connection": "close", **length, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in [answer.body] if isinstance(answer.body, bytes) else answer.body:
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the standard library would print each request."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: HttpServer, tls: Certificate | None) -> None:
        super().__init__((HOST, 0), _Handler)
        self.owner = owner
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls.both)
            # A client that is slow to shake hands keeps nobody else waiting.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        self.owner.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away, or does not trust the certificate, is what a test may want.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class HttpServer:
    """A server on a free loopback port while its block runs.

    Attributes:
        url: its address, with a slash at the end.
        asked: the requests, in the order in which they came.
        connections: how many came, with or without a request.
    """

    def __init__(
        self,
        answer: Callable[[Asked], Answer] = lambda asked: Answer(404),
        *,
        tls: Certificate | None = None,
    ) -> None:
        """Listen at once; answer from the beginning of the block."""
        self.asked: list[Asked] = []
        self.connections = 0
        self._answer = answer
        self._came = Condition()
        self._server = _Server(self, tls)
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self._server.server_port}/"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def take(self, asked: Asked) -> Answer:
        """Write a request down, and answer it."""
        with self._came:
            self.asked.append(asked)
            self._came.notify_all()
        return self._answer(asked)

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have come, answered or not."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.asked) >= count, PATIENCE), self.asked

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
