"""Forwarding: the one place that knows how a request gets to the upstream and a response back."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.faults.client import CutError
from tests.faults.fault import Exchange, Fault
from tests.faults.messages import LAST_CHUNK, Response, in_chunk, read_response, until_closed

SWITCHING = 200  # statuses below are not the response yet


async def forward(exchange: Exchange, fault: Fault, host: str, port: int) -> Response:
    """Send the request on a connection of its own; gives the response, its body still to come."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return Response.of(502, f"no upstream: {error}".encode())
    exchange.leave.push_async_callback(_hang_up, writer)
    sending = asyncio.create_task(_send(exchange, fault, writer))
    receiving = asyncio.create_task(_receive(exchange, reader))
    exchange.leave.push_async_callback(_cancel, sending, receiving)
    await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    if sending.done() and isinstance(sending.exception(), CutError | EOFError):
        await _cancel(receiving)
        await _break_off(reader, writer)
        await sending
    # An upstream may answer before it has read the body: then the client still sends.
    exchange.sending = sending
    return await receiving


async def _send(exchange: Exchange, fault: Fault, writer: asyncio.StreamWriter) -> None:
    request = exchange.request
    chunked = request.headers.chunked
    # An upstream that hangs up has its reasons: they are in its response.
    with suppress(ConnectionError):
        writer.write(request.encode())
        await writer.drain()
        async for piece in fault.on_request_body(exchange, request.body):
            writer.write(in_chunk(piece) if chunked else piece)
            await writer.drain()
        if chunked:
            writer.write(LAST_CHUNK)
            await writer.drain()


async def _receive(exchange: Exchange, reader: asyncio.StreamReader) -> Response:
    while True:
        response = await read_response(reader, exchange.request.method)
        if response.status >= SWITCHING:
            return response
        await exchange.client.send(response.encode())


async def _break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the upstream see the end of a cut request, and wait until it has dealt with it."""
    with suppress(OSError, EOFError):
        writer.write_eof()
        async for _ in until_closed(reader):
            pass


async def _cancel(*tasks: asyncio.Task[None] | asyncio.Task[Response]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def respond(exchange: Exchange, response: Response) -> None:
    """Send a response to the client, framed as its headers say."""
    client, entry = exchange.client, exchange.entry
    entry.status = response.status
    await client.send(response.encode())
    if exchange.request.method == "HEAD":
        return
    chunked = response.headers.chunked
    async for piece in response.body:
        if not piece:
            continue  # as a chunk it would be the last
        await client.send(in_chunk(piece) if chunked else piece)
        entry.sent += len(piece)
    if chunked:
        await client.send(LAST_CHUNK)
