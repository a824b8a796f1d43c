"""Lean: requests without a body to the registry itself, sent without what they do not need.

Of the time that a small request takes here, requests, urllib3 and `http.client` spend more than
two thirds on bodies, proxies, retries and headers that it does not have. Here it is one piece of
text that goes to a connection of the same pool. The answer is read here only if its head is plain;
any other is left to `http.client` and urllib3, from its first byte on. Nothing above knows the
difference, whatever the status.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ClosedPoolError, ProtocolError

from regnb.core.wire.adapter import Adapter
from regnb.core.wire.address import PORTS, Address
from regnb.core.wire.connection import Connection
from regnb.core.wire.head import plain_head
from regnb.core.wire.outgoing import Outgoing
from regnb.core.wire.plain import PlainResponse
from regnb.core.wire.reply import Reply
from regnb.core.wire.turn import Turn

# None where this is imported when something else is in its place already.
_SEND = HTTPAdapter.send if HTTPAdapter.send.__module__ == HTTPAdapter.__module__ else None
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
# What urllib3 would send as it stands; it escapes all else.
_PLAIN = r"[A-Za-z0-9._~:/?@!$&'()*+,;=-]"
_TARGET = re.compile(rf"{_PLAIN}+(?:%[0-9A-Fa-f]{{2}}{_PLAIN}*)*")
_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")
# It tells of every request; whoever listens gets the ordinary path.
_LOGGER = logging.getLogger("urllib3.connectionpool")

FIRST = 16 * 1024
"""Bytes of an answer that are received at first: most have no more."""


class Lean:
    """The lean way of one client to its registry."""

    __slots__ = ("_adapter", "_authority", "_connect_timeout", "_root", "_start")

    def __init__(self, adapter: Adapter, home: Address, *, connect_timeout: float) -> None:
        """Send nothing yet.

        Args:
            adapter: whose connections are used.
            home: where the registry is.
            connect_timeout: seconds to open a connection.
        """
        self._adapter = adapter
        self._connect_timeout = connect_timeout
        self._root = home.root
        self._start = home.root.index("/", home.root.index("://") + 3)
        self._authority = _authority(home)

    def takes(self, request: Outgoing, proxies: Mapping[str, str]) -> bool:
        """Whether a request can go this way.

        Not while someone has put something else into the place of `HTTPAdapter.send`, as tests do
        of those who use this package.
        """
        return (
            request.body is None
            and request.method in _WITHOUT_BODY
            and not proxies
            and request.url.startswith(self._root)
            and HTTPAdapter.send is _SEND
            and _TARGET.fullmatch(request.url, self._start) is not None
            and not _LOGGER.isEnabledFor(logging.DEBUG)
        )

    def send(
        self, request: Outgoing, headers: Mapping[str, str], turn: Turn
    ) -> HTTPResponse | PlainResponse:
        """Send a request and read the head of its answer; raises as urllib3 does."""
        pool = self._adapter.home_pool()
        try:
            connection: Any = pool._get_conn()
            return self._ask(pool, connection, request, self._head(request, headers), turn)
        except (HTTPException, ClosedPoolError) as error:
            raise ProtocolError("The connection broke", error) from error  # as urllib3 does it

    def _ask(
        self,
        pool: HTTPConnectionPool,
        connection: Connection,
        request: Outgoing,
        sent: bytes,
        turn: Turn,
    ) -> HTTPResponse | PlainResponse:
        pool.num_requests += 1
        method = request.method
        try:
            receiver = connection.ask(sent, turn, self._connect_timeout)
            begun = receiver.receive(FIRST)
            head = plain_head(begun, method)
            if head is None:
                return _response(connection.answer(begun, method), method, pool, connection)
        except BaseException:
            connection.close()
            pool._put_conn(connection)
            raise
        return PlainResponse(head, begun, receiver, pool, connection)

    def _head(self, request: Outgoing, headers: Mapping[str, str]) -> bytes:
        text = f"{request.method} {request.url[self._start :]} HTTP/1.1\r\n{self._authority}\r\n"
        for name, value in headers.items():
            text += f"{name}: {value}\r\n"
        return f"{text}\r\n".encode("latin-1")


def _authority(home: Address) -> str:
    scheme, host, port = home.origin
    shown = f"[{host}]" if ":" in host else host
    return f"Host: {shown}" if port == PORTS[scheme] else f"Host: {shown}:{port}"


def _response(
    reply: Reply, method: str, pool: HTTPConnectionPool, connection: Connection
) -> HTTPResponse:
    """The response that urllib3 would make of an answer."""
    fields = [(name, _FOLD.sub(" ", value)) for name, value in reply.headers.items()]
    return HTTPResponse(
        body=reply,
        headers=HTTPHeaderDict(fields),
        status=reply.status,
        version=reply.version,
        reason=reply.reason,
        preload_content=False,
        original_response=reply,
        pool=pool,
        connection=connection,
        request_method=method,
    )
