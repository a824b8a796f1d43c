"""The proxy: a reverse proxy on loopback, in a thread of the test, that does what faults say."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.faults.client import GLANCE, Client, CutError
from tests.faults.fault import Entry, Exchange, Fault, Site
from tests.faults.forward import forward, respond
from tests.faults.gates import Gate
from tests.faults.messages import Pieces, Request, Response, read_request
from tests.faults.origin import Origin
from tests.faults.redirects import presigned_refusal
from tests.faults.scenario import CONNECT, ELSEWHERE, REGISTRY, Chooses, Scenario

PATIENCE = 20.0  # seconds until a test that hangs fails


class Proxy:
    """A proxy in front of a registry; a context manager that serves from enter to exit.

    Args:
        upstream: the URL of the registry, ``http://HOST:PORT/``.
        scenario: which faults befall which requests; without one, none.
        gate: asks clients of the registry for credentials.
        now: the clock of the test, for the log and for ``issued_at``.
        context: serves https with it, instead of http.

    Attributes:
        url: what stands for the registry.
        elsewhere: a second origin in front of the same registry, for redirects and locations.
        scenario: may be replaced while the proxy runs.
    """

    def __init__(
        self,
        upstream: str,
        scenario: Chooses | None = None,
        *,
        gate: Gate | None = None,
        now: Callable[[], float] = time.time,
        context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self.scenario = scenario or Scenario()
        self._gate = gate
        self._site = Site(Origin(REGISTRY, context), Origin(ELSEWHERE, context), now)
        self.url, self.elsewhere = self._site.registry.url, self._site.elsewhere.url
        self._log: list[Entry] = []
        self._connections = 0
        self._serving: set[asyncio.Task[None]] = (
            set()
        )  # else nobody keeps them from being collected
        self._errors: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._failed)
        self._thread = threading.Thread(target=self._loop.run_forever, name="faults")

    def seen(self, method: str = "", path: str = "", *, origin: str = "") -> list[Entry]:
        """The requests so far, in their order, once nothing is under way any more.

        Args:
            method: only these; empty for all.
            path: only those whose path contains this.
            origin: only those to this port.
        """
        deadline = time.monotonic() + PATIENCE
        while not all(entry.settled for entry in list(self._log)):
            assert time.monotonic() < deadline, f"still under way: {self._log}"
            time.sleep(GLANCE)
        of_kind = (e for e in list(self._log) if method in ("", e.method) and path in e.path)
        return [entry for entry in of_kind if origin in ("", entry.origin)]

    def release(self) -> None:
        """Let everything that is stalled now go on."""
        self._site.releases += 1

    def listen(self) -> None:
        """Accept connections to the registry's port again, after `Refuse`."""
        self._call(self._listen(self._site.registry))

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen(self._site.registry))
        self._call(self._listen(self._site.elsewhere))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, end all connections, and raise what went wrong in the proxy itself."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        if self._errors and error is None:
            raise self._errors[0]

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _listen(self, origin: Origin) -> None:
        await origin.listen(partial(self._connected, origin))

    async def _stop(self) -> None:
        self._site.registry.close()
        self._site.elsewhere.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    def _connected(
        self, origin: Origin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._connections += 1
        client = Client(reader, writer, self._connections)
        task = self._loop.create_task(self._serve(origin, client))
        self._serving.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._errors.append(context.get("exception") or RuntimeError(context["message"]))

    async def _serve(self, origin: Origin, client: Client) -> None:
        try:
            self._fault(origin, CONNECT, "").on_connect(self._site)
            while await self._exchange(origin, client):
                pass
            await client.close()
        except CutError as cut:
            await client.cut(cut)
        except (ConnectionError, EOFError):
            # One side broke off: the other sees it break off, too.
            await client.cut(CutError(reset=True))
        finally:
            await client.abandon()

    async def _exchange(self, origin: Origin, client: Client) -> bool:
        """Serve one request; tells whether the connection can take another."""
        request = await read_request(client.reader)
        if request is None:
            return False
        now, headers = self._site.now(), request.headers.copy()
        entry = Entry(origin.name, client.number, request.method, request.target, headers, now)
        request.body = _counted(request.body, entry)
        self._log.append(entry)
        exchange = Exchange(self._site, origin, client, request, entry)
        try:
            async with exchange.leave:
                return await self._answer(exchange)
        finally:
            entry.settled = True

    async def _answer(self, exchange: Exchange) -> bool:
        request, entry = exchange.request, exchange.entry
        # Who is refused anyway takes no part in the scenario.
        response = self._refusal(exchange)
        fault = Fault()
        if response is None:
            fault = self._fault(exchange.origin, request.method, request.path, entry)
            response = await fault.on_request(exchange) or await self._reply(exchange, fault)
        response = await fault.on_response(exchange, response)
        await respond(exchange, response)
        await fault.on_sent(exchange)
        if entry.headers.get("Expect") is not None and not entry.received:
            return False  # the client may never send the body now
        await exchange.drain()
        return not (response.ends or _last(request))

    def _fault(self, origin: Origin, method: str, path: str, entry: Entry | None = None) -> Fault:
        fault = self.scenario.choose(origin.name, method, path)
        if entry is not None:
            entry.fault = fault
        return fault or Fault()

    def _refusal(self, exchange: Exchange) -> Response | None:
        if exchange.origin is self._site.elsewhere:
            return presigned_refusal(exchange.request, self._site)
        return self._gate.refusal(exchange.request, self._site) if self._gate else None

    async def _reply(self, exchange: Exchange, fault: Fault) -> Response:
        issued = await self._gate.issue(exchange) if self._gate else None
        return issued or await forward(exchange, fault, *self._upstream)


def _last(request: Request) -> bool:
    return request.headers.close or request.version == "HTTP/1.0"


async def _counted(body: Pieces, entry: Entry) -> Pieces:
    async for piece in body:
        entry.received += len(piece)
        yield piece
