"""Faults of the connection: it is refused, cut, stalled, slow, or not kept alive.

`after` counts bytes of the response's body: so many reach the client. Below 0 it counts from the
end of the body, and None stands for the moment before the head.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.client import CutError
from tests.faults.fault import Exchange, Fault, Site
from tests.faults.messages import Pieces, Response, first


class Framing(StrEnum):
    """How the client is told where a body ends."""

    KEPT = "as the upstream does"
    CHUNKED = "in chunks"
    NONE = "by the end of the connection only"


@dataclass(frozen=True, slots=True)
class CloseOnAccept(Fault):
    """The connection is accepted and ends at once: for rules for `CONNECT`."""

    reset: bool = False

    def on_connect(self, site: Site) -> None:
        raise CutError(reset=self.reset)


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """RST instead of a response, and new connections are refused until `Proxy.listen`."""

    async def on_request(self, exchange: Exchange) -> Response | None:
        await exchange.drain()
        exchange.origin.refuse()
        raise CutError(reset=True)


@dataclass(frozen=True, slots=True)
class Drop(Fault):
    """The connection ends instead of a response.

    Attributes:
        reset: by RST, else by FIN.
        forwarded: the upstream has done what was asked (a commit happened, say).
    """

    reset: bool = True
    forwarded: bool = False

    async def on_request(self, exchange: Exchange) -> Response | None:
        if self.forwarded:
            return None
        await exchange.drain()
        raise CutError(reset=self.reset)

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        raise CutError(reset=self.reset)


@dataclass(frozen=True, slots=True)
class Break(Fault):
    """The connection ends within the body: by RST, or early by FIN."""

    after: int
    reset: bool = True
    framing: Framing = Framing.KEPT

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        count = await position(self.after, response)
        if self.framing is Framing.CHUNKED:
            response.chunk()
        elif self.framing is Framing.NONE:
            response.unframe()
        response.body = cut(response.body, count, CutError(reset=self.reset))
        return response


@dataclass(frozen=True, slots=True)
class BreakInSizeLine(Fault):
    """The connection ends by FIN within the line that tells the size of a chunk."""

    after: int
    line: bytes = b"1f"

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        count = await position(self.after, response)
        response.chunk()
        response.body = cut(response.body, count, CutError(last=self.line))
        return response


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Nothing more comes until `Proxy.release`, or until the client gives up."""

    after: int | None = 0

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        if self.after is None:
            await exchange.stall()
        else:
            count = await position(self.after, response)
            response.body = _stalled(exchange, response.body, count)
        return response


@dataclass(frozen=True, slots=True)
class Drip(Fault):
    """The body comes a few bytes at a time (S24).

    Attributes:
        size: bytes at a time.
        pause: real seconds in between: short, as a test's clock need not follow.
        after: bytes that come at full speed before.
    """

    size: int = 1
    pause: float = 0.001
    after: int = 0

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        response.body = self._dripping(response.body)
        return response

    async def _dripping(self, body: Pieces) -> Pieces:
        fast = self.after
        async for piece in body:
            yield piece[:fast]
            for start in range(min(fast, len(piece)), len(piece), self.size):
                yield piece[start : start + self.size]
                await asyncio.sleep(self.pause)
            fast = max(fast - len(piece), 0)


@dataclass(frozen=True, slots=True)
class CloseIdle(Fault):
    """A good response, and then the connection ends, although nothing announced it."""

    reset: bool = False

    async def on_sent(self, exchange: Exchange) -> None:
        await exchange.drain()
        raise CutError(reset=self.reset)


async def position(after: int, response: Response) -> int:
    """Where in the body `after` is."""
    return after if after >= 0 else max(await response.measured() + after, 0)


async def cut(body: Pieces, count: int, ending: CutError) -> Pieces:
    """The first bytes, then the end of the connection."""
    async for piece in first(body, count):
        yield piece
    raise ending


async def _stalled(exchange: Exchange, body: Pieces, count: int) -> Pieces:
    ahead: int | None = count
    async for piece in body:
        rest = piece
        if ahead is not None and ahead < len(piece):
            yield piece[:ahead]
            await exchange.stall()
            rest, ahead = piece[ahead:], None
        elif ahead is not None:
            ahead -= len(piece)
        yield rest
