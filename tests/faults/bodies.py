"""Faults of bodies: lengths that lie, bits that flip, and a coding that nobody asked for."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from tests.faults.client import CutError
from tests.faults.endings import cut
from tests.faults.fault import Exchange, Fault
from tests.faults.messages import Pieces, Response

GZIP = 31  # zlib's wbits for the gzip form
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class WrongLength(Fault):
    """Content-Length is off by so many bytes; the body is whole.

    Below 0 the surplus stands on a connection that is kept alive; above 0 it ends by FIN.
    """

    by: int

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        length = await response.measured()
        response.headers.set("Content-Length", str(max(length + self.by, 0)))
        return _ended(exchange, response, length) if self.by > 0 else response


@dataclass(frozen=True, slots=True)
class DuplicateLength(Fault):
    """A second Content-Length, off by so many bytes; the connection ends by FIN."""

    by: int = 1

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        length = await response.measured()
        response.headers.add("Content-Length", str(length + self.by))
        return _ended(exchange, response, length)


@dataclass(frozen=True, slots=True)
class NegativeLength(Fault):
    """Content-Length below 0; the body is whole and the connection ends by FIN."""

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        length = await response.measured()
        response.headers.set("Content-Length", str(-length - 1))
        return _ended(exchange, response, length)


def _ended(exchange: Exchange, response: Response, length: int) -> Response:
    if exchange.request.method != "HEAD":
        response.body = cut(response.body, length, CutError())
    return response


@dataclass(frozen=True, slots=True)
class Corrupt(Fault):
    """One bit of a blob is wrong: once or always, as the rule's `times` says.

    Attributes:
        at: offset of the byte in the blob, also where only a range of it is sent.
        bit: 0 to 7.
    """

    at: int
    bit: int = 0

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        covered = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range") or "")
        start = int(covered[1]) if covered else 0
        response.body = self._flipped(response.body, self.at - start)
        return response

    async def _flipped(self, body: Pieces, at: int) -> Pieces:
        async for piece in body:
            changed = bytearray(piece)
            if 0 <= at < len(piece):
                changed[at] ^= 1 << self.bit
            at -= len(piece)
            yield bytes(changed)


@dataclass(frozen=True, slots=True)
class Gzip(Fault):
    """``Content-Encoding: gzip``, which nobody asked for (W-B3).

    Attributes:
        encoded: the body is in fact compressed; else the header lies.
    """

    encoded: bool = True

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        response.headers.set("Content-Encoding", "gzip")
        if self.encoded and exchange.request.method != "HEAD":
            response.chunk()
            response.body = _compressed(response.body)
        return response


async def _compressed(body: Pieces) -> Pieces:
    coder = zlib.compressobj(wbits=GZIP)
    async for piece in body:
        yield coder.compress(piece)
    yield coder.flush()
