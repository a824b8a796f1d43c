"""A registry inside this process, on a loopback port, filled with synthetic images.

`connect` starts it and opens it; `serve` only starts it. It answers as the OCI distribution
specification 1.1 says and shares no code with the client, which is thereby held to a second reading
of the specification.
"""

from __future__ import annotations

from regnb.client.client import Client
from regnb.core.registry import Registry
from regnb.sample.server import Served, serve

__all__ = ["SampleClient", "Served", "connect", "serve"]


class SampleClient(Client):
    """A client that owns the registry it speaks to, and stops it when it is closed.

    Attributes:
        served: the running registry.
    """

    core: Registry

    def __init__(self, served: Served) -> None:
        """Open a registry that is being served."""
        # Tables and cards name it by a word: its port is another at every run.
        super().__init__(Registry(served.url, name="sample"))
        self.served = served

    def close(self) -> None:
        """Close the connections and stop the registry."""
        super().close()
        self.served.close()


def connect() -> SampleClient:
    """Start the sample registry and connect to it.

    It runs in threads of this process until the client is closed or the process ends; use it in a
    ``with`` block to end it sooner. Tables call it ``sample``; ``client.url`` tells its address.
    """
    return SampleClient(serve())
