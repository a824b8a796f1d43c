"""Connections are closed when they are told to be, and not when garbage is collected."""

from __future__ import annotations

import gc
import socket
from contextlib import suppress

from regnb.sample import serve
from tests.core.fakes import registry
from tests.faults.endings import Drop
from tests.faults.proxy import Proxy
from tests.faults.scenario import Rule, Scenario


def test_closing_closes_at_once_after_an_error_too() -> None:
    with serve(fill=None) as served, Proxy(served.url, Scenario(Rule(Drop()))) as proxy:
        gc.disable()  # the error holds what it happened to in a circle
        try:
            client = registry(proxy.url)
            client.ping()
            assert _sockets_to(proxy.url)
            client.close()
            assert not _sockets_to(proxy.url)
        finally:
            gc.enable()


def _sockets_to(url: str) -> list[socket.socket]:
    found = [one for one in gc.get_objects() if isinstance(one, socket.socket)]
    return [one for one in found if f"http://127.0.0.1:{_peer(one)}/" == url]


def _peer(one: socket.socket) -> int | None:
    with suppress(OSError):
        if one.family == socket.AF_INET:
            port: int = one.getpeername()[1]
            return port
    return None
