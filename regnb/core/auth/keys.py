"""Keys: what auth files and helpers call a registry, and which of them speak for an address (S22).

A login must never reach a registry or a namespace that its key does not name. So keys are brought
to one form and then compared whole: `quay.io/ab` is not below `quay.io/a`, a port is never added or
dropped, and what looks like a host but is not stays different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from regnb.core.wire.address import DOCKER_HUB, DOCKER_HUB_API, Address

DOCKER_HUB_SERVER = "https://index.docker.io/v1/"
"""What Docker and the helpers call Docker Hub."""

_DOCKER_HUB_HOSTS = {DOCKER_HUB, DOCKER_HUB_API, "index.docker.io"}
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_API = re.compile(r"/v[12]/*\Z")


def normal(key: str) -> str:
    """``host[:port]``, with ``/namespace`` where the key names more than the registry.

    A URL loses its scheme and the path of the API, ``/v1/`` or ``/v2/``; without scheme and final
    slash such a path is a namespace. Other paths stay, so that the key speaks for them alone.
    """
    scheme = _SCHEME.match(key)
    rest = key[scheme.end() :] if scheme else key
    if scheme or rest.endswith("/"):
        rest = _API.sub("", rest).rstrip("/")
    host, slash, path = rest.partition("/")
    # Beyond ASCII, other letters have the lower case of Latin ones: the Kelvin sign, for one.
    host = host.lower() if host.isascii() else host
    return (DOCKER_HUB if host in _DOCKER_HUB_HOSTS else host) + slash + path


def registry_keys(address: Address) -> tuple[str, ...]:
    """The keys that speak for a whole registry: host, port and prefix; then host and port."""
    name = normal(address.name)
    host = name.partition("/")[0]
    return (name,) if host == name else (name, host)


def namespace_keys(address: Address, repository: str | None) -> tuple[str, ...]:
    """The keys that speak for a repository, the longest first, down to the host and port."""
    name = registry_keys(address)[0]
    return tuple(_upwards(f"{name}/{repository}" if repository else name))


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def server(key: str) -> str:
    """What Docker's file and the helpers call the registry of a key in normal form."""
    return DOCKER_HUB_SERVER if key == DOCKER_HUB else key
