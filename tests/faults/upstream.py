"""A plain upstream for tests of the proxy: it serves files, and keeps what it is given."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PIECE = 1 << 16
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Upstream(ThreadingHTTPServer):
    """GET reads `files`, by ``?as=chunked`` or ``?as=closed`` in another framing.

    ``/zeros?size=N`` is N bytes that nobody holds. What comes with POST, PATCH and PUT is appended
    to `received`, piece by piece, unless its path starts with ``/sink``; then it is counted.
    """

    daemon_threads = False  # closing waits for them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.files: dict[str, bytes] = {}
        self.received: defaultdict[str, bytearray] = defaultdict(bytearray)
        self.sunk = 0
        self.heads: list[tuple[str, str, dict[str, str]]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: that a connection breaks is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._noted()
        target = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(target.query).items()}
        if target.path == "/zeros":
            self._head(200, ("Content-Length", query["size"]))
            for left in range(int(query["size"]), 0, -PIECE):
                self.wfile.write(bytes(min(left, PIECE)))
        elif target.path not in self.server.files:
            self._whole(404, b"no such file")
        else:
            self._file(self.server.files[target.path], query.get("as"))

    do_HEAD = do_GET  # noqa: N815  # a name of the base class

    def do_PUT(self) -> None:
        self._noted()
        path = urlsplit(self.path).path
        if path == "/early":
            self._whole(403, b"no")
            self.rfile.read(int(self.headers["Content-Length"]))
            return
        for piece in self._pieces():
            if path.startswith("/sink"):
                self.server.sunk += len(piece)
            else:
                self.server.received[path] += piece
        self._head(201, ("Location", self.path), ("Content-Length", "0"))

    do_POST = do_PATCH = do_PUT  # noqa: N815  # names of the base class

    def do_DELETE(self) -> None:
        self._noted()
        self._head(204)

    def _noted(self) -> None:
        self.server.heads.append((self.command, self.path, dict(self.headers.items())))

    def _file(self, raw: bytes, framing: str | None) -> None:
        match = RANGE.fullmatch(self.headers.get("Range", ""))
        if match:
            self._part(raw, int(match[1]), match[2])
        elif framing == "chunked":
            self._head(200, ("Transfer-Encoding", "chunked"))
            for piece in (raw[: len(raw) // 3], raw[len(raw) // 3 :]):
                self.wfile.write(b"%X;note=1\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\nTrailer: gone\r\n\r\n")
        elif framing == "closed":
            self.close_connection = True
            self._head(200)
            self.wfile.write(raw)
        else:
            self._whole(200, raw)

    def _part(self, raw: bytes, start: int, end: str) -> None:
        if start >= len(raw):
            self._head(416, ("Content-Range", f"bytes */{len(raw)}"), ("Content-Length", "0"))
            return
        stop = min(int(end) + 1 if end else len(raw), len(raw))
        self._whole(206, raw[start:stop], f"bytes {start}-{stop - 1}/{len(raw)}")

    def _whole(self, status: int, raw: bytes, covered: str | None = None) -> None:
        ranged = [("Content-Range", covered)] if covered else []
        self._head(status, ("Content-Length", str(len(raw))), *ranged)
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _head(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _pieces(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read1(min(left, PIECE))):
            left -= len(piece)
            yield piece
        if left:
            raise ConnectionError

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the standard library would print each request."""


@contextmanager
def serving() -> Iterator[Upstream]:
    with Upstream() as upstream:
        options = {"poll_interval": 0.02}
        thread = threading.Thread(target=upstream.serve_forever, kwargs=options)
        thread.start()
        try:
            yield upstream
        finally:
            upstream.shutdown()
            thread.join()
