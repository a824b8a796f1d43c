"""Adapter: what makes requests use connections of our own kind.

It never overrides `send`, which is what tests of those who use this package put their answers into.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager

from regnb.core.wire.address import origin
from regnb.core.wire.connection import Pool, TlsPool
from regnb.core.wire.sockets import Sockets
from regnb.core.wire.tls import Contexts


class Adapter(HTTPAdapter):
    """Sends the requests of one client."""

    def __init__(self, *, sockets: Sockets, contexts: Contexts, connections: int) -> None:
        """Open nothing yet.

        Args:
            sockets: to which new ones are added.
            contexts: the settings of TLS.
            connections: kept open per host.
        """
        self._contexts = contexts
        self._pools: dict[str, Any] = {
            "http": partial(Pool, sockets=sockets),
            "https": partial(TlsPool, sockets=sockets),
        }
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
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # no mapping that can be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()
