"""Adapter: what makes requests use connections of our own kind.

It never overrides `send`, which is what tests of those who use this package put their answers into.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager

from regnb.core.wire.address import Address, origin
from regnb.core.wire.connection import Pool, TlsPool
from regnb.core.wire.sockets import Sockets
from regnb.core.wire.tls import Contexts


class Adapter(HTTPAdapter):
    """Sends the requests of one client."""

    def __init__(
        self, home: Address, *, sockets: Sockets, contexts: Contexts, connections: int
    ) -> None:
        """Open nothing yet.

        Args:
            home: the address that most requests go to.
            sockets: to which new ones are added.
            contexts: the settings of TLS.
            connections: kept open per host.
        """
        self._root = home.root
        self._contexts = contexts
        self._pools: dict[str, Any] = {
            "http": partial(Pool, sockets=sockets),
            "https": partial(TlsPool, sockets=sockets),
        }
        self._home: HTTPConnectionPool | None = None
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools for direct connections."""
        super().init_poolmanager(*arguments, **options)
        self._take_over(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """Make the pools for connections through a proxy, which is trusted as others are."""
        known = proxy in self.proxy_manager
        if not known and proxy.startswith("https:"):
            options["proxy_ssl_context"] = self._contexts.others
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if not known and not proxy.startswith("socks"):
            self._take_over(manager)
        return manager

    def _take_over(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools

    def home_pool(self) -> HTTPConnectionPool:
        """The pool of direct connections to the registry, found without a search but once."""
        if self._home is not None:
            return self._home
        request = requests.PreparedRequest()
        request.url = self._root
        self._home = pool = self._search(request)
        return pool

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        """The pool for a request."""
        if not proxies and str(request.url).startswith(self._root):
            return self.home_pool()
        return self._search(request, proxies)

    def _search(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None = None
    ) -> HTTPConnectionPool:
        found: Any = super().get_connection_with_tls_context(request, True, proxies)
        pool: HTTPConnectionPool = found
        return pool

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        """What to ask for: the path, but of a proxy."""
        return super().request_url(request, proxies) if proxies else request.path_url

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """What tells one pool from another: scheme, host, port, and whom to believe there."""
        target = origin(str(request.url))
        scheme, host, port = target
        tls = {"ssl_context": self._contexts.of(target)} if scheme == "https" else {}
        return {"scheme": scheme, "host": host, "port": port}, tls

    def cert_verify(self, *arguments: Any, **options: Any) -> None:
        """Nothing: `Contexts` say it all."""

    def close(self) -> None:
        """Close idle connections at once: urllib3 does when it is collected as garbage.

        That may be much later, because an error of it holds its pool in a circle.
        """
        self._home = None
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # no mapping that can be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()
