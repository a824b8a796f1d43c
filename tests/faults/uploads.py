"""Faults of upload sessions: cut, refused, lost, and led astray (F8, W-P2, W-P3, B-P14)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.answers import refused
from tests.faults.client import CutError
from tests.faults.endings import cut
from tests.faults.fault import Exchange, Fault
from tests.faults.messages import Pieces, Response


@dataclass(frozen=True, slots=True)
class BreakUpload(Fault):
    """The upstream gets so many bytes of the body and no more, then both connections end."""

    after: int
    reset: bool = True

    def on_request_body(self, exchange: Exchange, body: Pieces) -> Pieces:
        return cut(body, self.after, CutError(reset=self.reset))


@dataclass(frozen=True, slots=True)
class _Replaced(Fault):
    """The upstream gets a request without body to the same target instead."""

    async def on_request(self, exchange: Exchange) -> Response | None:
        await exchange.drain()
        exchange.request.method = self._method()
        exchange.request.headers.remove(
            "Content-Length", "Content-Range", "Content-Type", "Transfer-Encoding", "Expect"
        )
        return None

    def _method(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RefuseChunk(_Replaced):
    """416 to a chunk; the session stays as it was.

    Attributes:
        told: the 416 carries the session's Location and Range.
    """

    told: bool = False

    def _method(self) -> str:
        return "GET"

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        refusal = refused(416, "RANGE_INVALID")
        for name in ("Location", "Range") if self.told else ():
            refusal.headers.set(name, response.headers.get(name) or "")
        return refusal


@dataclass(frozen=True, slots=True)
class LoseSession(_Replaced):
    """The session is deleted: 404 to this request, and to whatever else asks for it."""

    def _method(self) -> str:
        return "DELETE"

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        return refused(404, "BLOB_UPLOAD_UNKNOWN")


@dataclass(frozen=True, slots=True)
class StaleLocation(Fault):
    """The response carries the Location that the request used, not the session's new one."""

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        location = f"{exchange.origin.url}{exchange.request.target[1:]}"
        response.headers.set("Location", location)
        return response
