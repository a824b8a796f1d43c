"""Lean: requests without a body to the registry itself, sent without what they do not need.

Of the time that a small request takes here, requests and urllib3 spend more than half on bodies,
proxies, retries and headers that it does not have. Here it is one piece of text that goes to a
connection of the same pool. What comes back is the same kind of response, whatever its status, so
that nothing above knows the difference.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ClosedPoolError, ProtocolError

from regnb.core.wire.adapter import Adapter
from regnb.core.wire.address import PORTS, Address
from regnb.core.wire.outgoing import Outgoing
from regnb.core.wire.plain import PlainResponse
from regnb.core.wire.reply import Reply

if TYPE_CHECKING:
    from regnb.core.wire.connection import Connection

_SEND = HTTPAdapter.send
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
# What urllib3 would send as it stands; it escapes all else.
_TARGET = re.compile(r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")
# It tells of every request; whoever listens gets the ordinary path.
_LOGGER = logging.getLogger("urllib3.connectionpool")


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

    def send(self, request: Outgoing, headers: Mapping[str, str]) -> HTTPResponse | PlainResponse:
        """Send a request and read the head of its answer; raises as urllib3 does."""
        pool = self._adapter.home_pool()
        try:
            connection: Any = pool._get_conn()
            reply, plain = self._ask(pool, connection, request, headers)
        except (HTTPException, ClosedPoolError) as error:
            raise ProtocolError("The connection broke", error) from error  # as urllib3 does it
        if plain:
            return PlainResponse(reply, pool, connection)
        return _response(reply, request.method, pool, connection)

    def _ask(
        self,
        pool: HTTPConnectionPool,
        connection: Connection,
        request: Outgoing,
        headers: Mapping[str, str],
    ) -> tuple[Reply, bool]:
        pool.num_requests += 1
        try:
            head = self._head(request, headers)
            return connection.ask(head, request.method, self._connect_timeout)
        except BaseException:
            connection.close()
            pool._put_conn(connection)
            raise

    def _head(self, request: Outgoing, headers: Mapping[str, str]) -> bytes:
        lines = [f"{request.method} {request.url[self._start :]} HTTP/1.1", self._authority]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


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
