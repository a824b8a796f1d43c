"""HTTP/1.1 on a loopback port: a thread for each connection, one write for each response."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from regnb.sample.access import Guard, Passwords
from regnb.sample.bodies import MalformedError, body_of
from regnb.sample.content import fill_samples
from regnb.sample.messages import RefusedError, Request, Response
from regnb.sample.routes import respond
from regnb.sample.rules import Rules
from regnb.sample.storage import Storage
from regnb.sample.tokens import Tokens

_BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_QUERY_FIELDS = 100

logger = logging.getLogger("regnb.sample")


class _Handler(BaseHTTPRequestHandler):
    """Reads requests of one connection and writes the responses of `respond`."""

    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # a response goes out in one piece
    disable_nagle_algorithm = True
    timeout = 60

    def answer(self) -> None:
        """Answer one request of any method."""
        try:
            body = body_of(self.headers, self.rfile)
            target = self._target()
            request = Request(self.command, *target, self.headers, body, self.server.rules)
            response = respond(request, self.server.storage, self.server.guard)
            self.close_connection |= not body.drain()
        except MalformedError as error:
            self.close_connection = True
            response = RefusedError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", str(error)).response()
        self._write(response)

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815  # names of the base class
    do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815  # names of the base class

    def _target(self) -> tuple[str, dict[str, list[str]]]:
        try:
            target = urlsplit(self.path)
            query = parse_qs(target.query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS)
            return unquote(target.path, errors="strict"), query
        except ValueError as error:
            raise MalformedError("the request target is malformed") from error

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Docker-Distribution-API-Version", "registry/2.0")
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status not in _BODILESS:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def handle_expect_100(self) -> bool:
        """Let the client go on at once: the write buffer would keep the word back."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not even HTTP, in the specification's form instead of a web page."""
        self.close_connection = True
        # What it failed to read, it takes for a request of before HTTP/1.0: no headers expected.
        self.request_version = self.protocol_version
        self.command = getattr(self, "command", None) or "GET"
        status = HTTPStatus(code)
        self._write(RefusedError(status, "UNSUPPORTED", message or status.phrase).response())

    def version_string(self) -> str:
        """The Server header, without the versions that the standard library tells."""
        return "regnb-sample"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the standard library would print each request."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, storage: Storage, rules: Rules, guard: Guard | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.storage = storage
        self.rules = rules
        self.guard = guard
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # The standard library would print even a client that went away.
        gone = isinstance(sys.exception(), ConnectionError)
        logger.log(logging.DEBUG if gone else logging.ERROR, "a request failed", exc_info=True)

    def disconnect(self) -> None:
        """End the connections that clients keep open."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client was first
                    connection.shutdown(socket.SHUT_RDWR)


class Served:
    """A registry that runs in threads of this process until `close`; a context manager.

    Attributes:
        url: its address, ``http://127.0.0.1:PORT/``.
        storage: what it holds, to be looked at or changed while it runs.
    """

    def __init__(self, storage: Storage, rules: Rules, guard: Guard | None) -> None:
        """Start to serve; `serve` is the way to get one."""
        self.storage = storage
        self._guard = guard
        self._server = _Server(storage, rules, guard)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="regnb-sample",
            daemon=True,
        )
        self._thread.start()

    def expire_tokens(self) -> None:
        """Take no token any more that was given out so far, as if their time were over."""
        if isinstance(self._guard, Tokens):
            self._guard.forget()

    def close(self) -> None:
        """Stop, and end all connections. Doing it twice does no harm."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.disconnect()

    def __enter__(self) -> Self:
        """Give back itself: it runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def serve(
    fill: Callable[[Storage], object] | None = fill_samples,
    *,
    users: Mapping[str, str] | None = None,
    token_lifetime: int | None = None,
    page_size: int | None = None,
    chunk_minimum: int = 0,
    delete: bool = True,
) -> Served:
    """Serve a registry on a free loopback port, without TLS.

    Args:
        fill: puts content into the empty registry before it starts; None leaves it empty.
        users: passwords by user; without them nobody is asked for one.
        token_lifetime: seconds for which a Bearer token is good, which users get for their
            password where the challenge says; without it they send the password, as Basic.
        page_size: how many tags, repositories or referrers a page has at most.
        chunk_minimum: how many bytes each chunk of an upload has at least, except the last.
        delete: whether tags, manifests and blobs may be deleted.

    Returns:
        The running registry, which answers as the OCI distribution specification 1.1 says.
    """
    guard: Guard | None = None
    if users is not None:
        guard = passwords = Passwords(users)
        if token_lifetime is not None:
            guard = Tokens(passwords, lifetime=token_lifetime)
    storage = Storage()
    if fill is not None:
        fill(storage)
    rules = Rules(page_size=page_size, chunk_minimum=chunk_minimum, delete=delete)
    return Served(storage, rules, guard)
