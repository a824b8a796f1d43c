"""What a fault is: a value whose methods are called at named moments of one exchange."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tests.faults.client import GLANCE, Client, CutError
from tests.faults.messages import Headers, Pieces, Request, Response
from tests.faults.origin import Origin

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(slots=True)
class Entry:
    """One request as the proxy saw it, and what became of it.

    Attributes:
        origin: the name of the port that it came to.
        connection: the number of the connection that it came on.
        method: as sent.
        target: path and query, as sent.
        headers: as sent.
        at: when its head had arrived, on the clock of the proxy.
        fault: what was done to it; None where nothing was.
        received: bytes of its body, without framing.
        status: of the response as sent, None where none was begun.
        sent: bytes of the response's body that went to the client, without framing.
        settled: whether nothing more happens without the test doing something.
    """

    origin: str
    connection: int
    method: str
    target: str
    headers: Headers
    at: float
    fault: Fault | None = None
    received: int = 0
    status: int | None = None
    sent: int = 0
    settled: bool = False

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(slots=True)
class Site:
    """What outlives one exchange, and so belongs to all faults.

    Attributes:
        registry: the port that stands for the registry.
        elsewhere: a second port, for what a registry sends its clients to.
        now: the clock of the test, seconds since 1970.
        counts: what faults count: uses of a token, say.
        signatures: uses that a presigned URL still has, by its signature.
        releases: how often the test has released what was stalled.
    """

    registry: Origin
    elsewhere: Origin
    now: Callable[[], float]
    counts: Counter[object] = field(default_factory=Counter)
    signatures: dict[str, int] = field(default_factory=dict)
    releases: int = 0

    def count(self, key: object) -> int:
        """Count one more; gives how many that makes."""
        self.counts[key] += 1
        return self.counts[key]


@dataclass(slots=True)
class Exchange:
    """One request and its response, seen by the fault that acts on it."""

    site: Site
    origin: Origin
    client: Client
    request: Request
    entry: Entry
    leave: AsyncExitStack = field(default_factory=AsyncExitStack)
    sending: asyncio.Task[None] | None = None

    async def drain(self) -> None:
        """Read what is left of the request's body, so that the connection stays usable."""
        if self.sending is not None:
            await self.sending
        if self.request.headers.get("Expect") is not None and not self.entry.received:
            await self.client.send(CONTINUE)
        async for _ in self.request.body:
            pass

    async def stall(self) -> None:
        """Wait until the test calls `Proxy.release`, or the client gives up."""
        self.entry.settled, before = True, self.site.releases
        while self.site.releases == before:
            if self.client.gone:
                raise CutError
            await asyncio.sleep(GLANCE)
        self.entry.settled = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Nothing goes wrong; a fault overrides the moments at which it acts.

    Each moment may raise `CutError` to end the connection. The repr is the name.
    """

    def on_connect(self, site: Site) -> None:
        """A connection was accepted, and nothing read from it (rules for `CONNECT` only)."""

    async def on_request(self, exchange: Exchange) -> Response | None:
        """The request's head has arrived. Change it, or answer without the upstream."""
        return None

    def on_request_body(self, exchange: Exchange, body: Pieces) -> Pieces:
        """The request's body is about to go to the upstream."""
        return body

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        """The response's head has arrived: change it, or wrap its body."""
        return response

    async def on_sent(self, exchange: Exchange) -> None:
        """The whole response has gone to the client."""
