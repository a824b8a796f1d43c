"""Real servers for tests, each on a free loopback port until its block ends.

`docker_registry` is the distribution registry, with whatever it can ask of its clients;
`Authority` makes the certificates, `TokenServer` the tokens, `front` and `storage` are nginx
before and beside it.
"""

from __future__ import annotations

from tests.servers.certificates import Authority, Certificate, self_signed
from tests.servers.distribution import docker_registry
from tests.servers.http_server import Answer, Asked, HttpServer
from tests.servers.nginx import front, storage
from tests.servers.programs import free_port, need
from tests.servers.token_server import TokenServer
from tests.servers.tokens import Access

__all__ = [
    "Access",
    "Answer",
    "Asked",
    "Authority",
    "Certificate",
    "HttpServer",
    "TokenServer",
    "docker_registry",
    "free_port",
    "front",
    "need",
    "self_signed",
    "storage",
]
