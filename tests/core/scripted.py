"""A registry that answers uploads by a script, and one that is cut off in the middle."""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import responses

from tests.core.fakes import API, PATIENCE, URL

UPLOADS = f"{API}team/app/blobs/uploads/"
BLOBS = f"{API}team/app/blobs/"
FIRST, SECOND, THIRD = (f"/v2/team/app/blobs/uploads/{name}" for name in "abc")
RESET = requests.ConnectionError(ConnectionResetError())

Reply = tuple[int, dict[str, str]] | tuple[int, dict[str, str], str] | Exception
Step = tuple[str, Reply] | tuple[str, Reply, int]
"""A method and the reply to it; then how many bytes of the body are taken, all by default."""


@dataclass
class Asked:
    """What arrived."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.url.removeprefix(URL)


@dataclass
class Script:
    """Answers one request after another, and keeps what arrived."""

    steps: list[Step]
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest) -> Any:
        method, reply, *taken = self.steps.pop(0) if self.steps else ("nothing", RESET)
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(str(request.method), str(request.url), headers, b"")
        self.asked.append(asked)
        assert request.method == method, f"{request.method} where {method} was expected"
        for piece in request.body or ():
            asked.body += piece  # type: ignore[operator]  # always bytes here
            if taken and len(asked.body) >= taken[0]:
                asked.body = asked.body[: taken[0]]
                break
        if isinstance(reply, Exception):
            return reply
        status, sent, *text = reply
        return status, sent, text[0] if text else ""

    @property
    def methods(self) -> str:
        return " ".join(one.method for one in self.asked)

    def only(self, method: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method]


def script(web: responses.RequestsMock, *steps: Step) -> Script:
    """Answer all requests by these steps."""
    played = Script(list(steps))
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        web.add_callback(method, re.compile(".*"), callback=played, content_type=None)
    web.assert_all_requests_are_fired = False
    return played


def begun(location: str = FIRST, **headers: str) -> Step:
    return "POST", (202, {"Location": location, "Range": "0-0", **headers})


def taken(stop: int, location: str = SECOND) -> Step:
    return "PATCH", (202, {"Location": location, "Range": f"0-{max(stop - 1, 0)}"})


def stands(stop: int, location: str = SECOND) -> Step:
    return "GET", (204, {"Location": location, "Range": f"0-{max(stop - 1, 0)}"})


def stored(headers: dict[str, str] | None = None, *, status: int = 201) -> Step:
    return "PUT", (status, headers or {})


def forgotten(method: str) -> Step:
    return method, (404, {}, '{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN", "message": "gone"}]}')


MISSING: Step = ("HEAD", (404, {}))
DROPPED: Step = ("DELETE", (204, {}))


@dataclass(frozen=True)
class Cut:
    """How many bytes may pass through a connection before it ends; None is no end."""

    sent: int | None = None
    answered: int | None = None
    reset: bool = False


@contextmanager
def cutter(url: str, *cuts: Cut) -> Iterator[str]:
    """A way to a server that ends its first connections as the cuts say."""
    target = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        way = _Way((str(target.hostname), int(target.port or 80)), list(cuts))
        thread = threading.Thread(target=way.accept, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            way.stopping.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()


class _Way:
    def __init__(self, target: tuple[str, int], cuts: list[Cut]) -> None:
        self.target = target
        self.cuts = cuts
        self.stopping = threading.Event()

    def accept(self, listener: socket.socket) -> None:
        threads = []
        while not self.stopping.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                cut = self.cuts.pop(0) if self.cuts else Cut()
                thread = threading.Thread(target=self.serve, args=(connection, cut))
                thread.start()
                threads.append(thread)
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def serve(self, near: socket.socket, cut: Cut) -> None:
        ended = threading.Event()
        with near, socket.create_connection(self.target) as far:
            for side in (near, far):
                side.settimeout(PATIENCE)  # a server that is slow to read is not cut off
            back = threading.Thread(target=self.pump, args=(far, near, cut.answered, ended))
            back.start()
            self.pump(near, far, cut.sent, ended)
            if cut.reset:
                linger = struct.pack("ii", 1, 0)
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            back.join(PATIENCE)

    def pump(
        self,
        source: socket.socket,
        target: socket.socket,
        left: int | None,
        ended: threading.Event,
    ) -> None:
        with suppress(OSError):
            while not ended.is_set() and not self.stopping.is_set():
                if left == 0:
                    break
                if not select.select([source], [], [], 0.02)[0]:
                    continue
                data = source.recv(65536 if left is None else min(left, 65536))
                if not data:
                    break
                target.sendall(data)
                left = None if left is None else left - len(data)
        ended.set()
