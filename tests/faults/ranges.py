"""Faults of ranges: each acts on requests with a Range alone, and lets others pass (F6, W-B4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.faults.answers import refused
from tests.faults.bodies import CONTENT_RANGE
from tests.faults.fault import Exchange, Fault
from tests.faults.messages import Pieces, Response

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
PARTIAL = 206
BOUNDARY = "part-of-a-blob"


@dataclass(frozen=True, slots=True)
class WrongStart(Fault):
    """The range starts so many bytes off what was asked for.

    Attributes:
        by: bytes; below 0 for an earlier start.
        admitted: Content-Range tells the truth; else it tells what was asked for.
    """

    by: int = 1
    admitted: bool = True

    async def on_request(self, exchange: Exchange) -> Response | None:
        headers = exchange.request.headers
        asked = RANGE.fullmatch(headers.get("Range") or "")
        if asked:
            headers.set("Range", f"bytes={max(int(asked[1]) + self.by, 0)}-{asked[2]}")
        return None

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        sent = _content_range(response)
        asked = RANGE.fullmatch(exchange.entry.headers.get("Range") or "")
        if sent and asked and not self.admitted:
            off = int(sent[1]) - int(asked[1])
            told = f"bytes {asked[1]}-{int(sent[2]) - off}/{sent[3]}"
            response.headers.set("Content-Range", told)
        return response


@dataclass(frozen=True, slots=True)
class WrongTotal(Fault):
    """Content-Range tells a total that is off by so many bytes."""

    by: int = 1

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        sent = _content_range(response)
        if sent:
            told = f"bytes {sent[1]}-{sent[2]}/{int(sent[3]) + self.by}"
            response.headers.set("Content-Range", told)
        return response


@dataclass(frozen=True, slots=True)
class FullOnRange(Fault):
    """200 and the whole body to a request for a range."""

    async def on_request(self, exchange: Exchange) -> Response | None:
        exchange.request.headers.remove("Range")
        return None


@dataclass(frozen=True, slots=True)
class NotSatisfiable(Fault):
    """416 to a request for a range, with the true total."""

    async def on_request(self, exchange: Exchange) -> Response | None:
        exchange.request.headers.remove("Range")
        return None

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        if exchange.entry.headers.get("Range") is None:
            return response
        refusal = refused(416, "RANGE_INVALID")
        refusal.headers.add("Content-Range", f"bytes */{response.headers.length}")
        return refusal


@dataclass(frozen=True, slots=True)
class Multipart(Fault):
    """The range comes as the only part of a multipart/byteranges."""

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        sent = _content_range(response)
        if not sent:
            return response
        before = f"--{BOUNDARY}\r\nContent-Range: {sent[0]}\r\n\r\n".encode()
        after = f"\r\n--{BOUNDARY}--\r\n".encode()
        length = len(before) + await response.measured() + len(after)
        response.headers.remove("Content-Range")
        response.headers.set("Content-Type", f"multipart/byteranges; boundary={BOUNDARY}")
        response.headers.set("Content-Length", str(length))
        response.body = _between(before, response.body, after)
        return response


async def _between(before: bytes, body: Pieces, after: bytes) -> Pieces:
    yield before
    async for piece in body:
        yield piece
    yield after


def _content_range(response: Response) -> re.Match[str] | None:
    if response.status != PARTIAL:
        return None
    return CONTENT_RANGE.fullmatch(response.headers.get("Content-Range") or "")
