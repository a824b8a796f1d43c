"""A proxy that makes a server far away: ``python -m tests.bench.delay PORT MILLISECONDS``.

What either side sends arrives at the other half of that time later, however much is under way.
Prints its own port, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what comes, each piece `delay` seconds after it came, and the end after them."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await source.read(65536):
            loop.call_later(delay, target.write, data)
    loop.call_later(delay, target.close)


async def serve(port: int, delay: float) -> None:
    """Serve until the input ends."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            pass_on(reader, far_writer, delay / 2), pass_on(far_reader, writer, delay / 2)
        )

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def far_away(host: str, milliseconds: int) -> Iterator[str]:
    """The address at which the server `host` is that far away."""
    port = host.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.bench.delay", port, str(milliseconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as proxy:
        assert proxy.stdin is not None
        assert proxy.stdout is not None
        yield f"127.0.0.1:{int(proxy.stdout.readline())}"
        proxy.stdin.close()
        proxy.terminate()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]) / 1000))
