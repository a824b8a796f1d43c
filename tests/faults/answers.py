"""Faults of a server that answers something else, or in the manner of another age."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate

from tests.faults.client import CutError
from tests.faults.fault import Exchange, Fault
from tests.faults.messages import PIECE, Headers, Pieces, Request, Response

_CODES = {
    404: "NAME_UNKNOWN",
    416: "RANGE_INVALID",
    429: "TOOMANYREQUESTS",
    500: "UNKNOWN",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """That status instead of the response; the upstream hears nothing of the request.

    Attributes:
        status: 429, 503, ...
        after: the value of Retry-After: anything that a server may write there (F4).
        code: of the error in the body; empty for the usual one of the status.
        early: answer before the request's body is read, and close the connection.
    """

    status: int
    after: str | None = None
    code: str = ""
    early: bool = False

    async def on_request(self, exchange: Exchange) -> Response | None:
        if not self.early:
            await exchange.drain()
        code = self.code or _CODES.get(self.status, "UNKNOWN")
        response = refused(self.status, code)
        if self.after is not None:
            response.headers.add("Retry-After", self.after)
        return response

    async def on_sent(self, exchange: Exchange) -> None:
        if self.early:
            raise CutError


def refused(status: int, code: str, message: str = "a fault of this test") -> Response:
    """An error in the form of the distribution specification."""
    body = json.dumps({"errors": [{"code": code, "message": message}]})
    return Response.of(status, body.encode(), ("Content-Type", "application/json"))


def http_date(seconds: float) -> str:
    """A Retry-After that is a date: a time of the test's clock, seconds since 1970."""
    return formatdate(seconds, usegmt=True)


@dataclass(frozen=True, slots=True)
class Huge(Fault):
    """JSON that does not end before so many bytes, in chunks: no length warns of it (S9)."""

    size: int
    status: int = 200
    start: bytes = b'{"token": "'

    async def on_request(self, exchange: Exchange) -> Response | None:
        await exchange.drain()
        headers = Headers([("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
        return Response(self.status, headers, self._body(), "Huge")

    async def _body(self) -> Pieces:
        yield self.start
        for piece in _filling(self.size - len(self.start)):
            yield piece


def _filling(size: int) -> Iterator[bytes]:
    whole = b"a" * PIECE
    for left in range(size, 0, -PIECE):
        yield whole[:left]


@dataclass(frozen=True, slots=True)
class Http10(Fault):
    """A server of 1996: HTTP/1.0, no chunks, and no connection outlives its response.

    Attributes:
        measured: it tells the Content-Length.
    """

    measured: bool = True

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        response.version = "HTTP/1.0"
        response.headers.remove("Connection", "Keep-Alive")
        if self.measured:
            await response.measured()
        else:
            response.headers.remove("Content-Length")
        response.headers.remove("Transfer-Encoding")
        return response


@dataclass(frozen=True, slots=True)
class IgnoreExpect(Fault):
    """``Expect: 100-continue`` is overlooked: no 100 ever comes, only the response."""

    async def on_request(self, exchange: Exchange) -> Response | None:
        exchange.request.headers.remove("Expect")
        return None


@dataclass(frozen=True, slots=True)
class EndlessPages(Fault):
    """A listing whose Link leads on for ever (S8).

    Attributes:
        field: of the page: ``tags`` or ``repositories``.
        cursors: so many values of ``last`` in turn: 1 leads to itself, 2 to and fro; 0: always new.
        items: on each page, the same ones always.
    """

    field: str = "tags"
    cursors: int = 1
    items: tuple[str, ...] = ("1",)

    async def on_request(self, exchange: Exchange) -> Response | None:
        await exchange.drain()
        body = json.dumps({"name": "endless", self.field: self.items}).encode()
        link = f'<{exchange.request.path}?last={self._next(exchange.request)}>; rel="next"'
        return Response.of(200, body, ("Content-Type", "application/json"), ("Link", link))

    def _next(self, request: Request) -> int:
        following = int(request.parameter("last") or 0) + 1
        return following % self.cursors if self.cursors else following
