"""Realms: which token services are given the credentials for a registry (S2).

The challenge of a registry names its token service, its realm, and whoever can put words into that
challenge can name another. So a password goes only to who evidently belongs to the registry, or
whom the caller trusts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from regnb.core.wire.address import Origin, is_literal, origin
from regnb.errors import InvalidReferenceError, printable

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

# Docker Hub, which most clients ask, needs no list of public suffixes: reading that takes longer
# than a request.
PAIRS: dict[Origin, Origin] = {
    ("https", "registry-1.docker.io", 443): ("https", "auth.docker.io", 443)
}


def trusted_realms(given: Iterable[str]) -> tuple[str, ...]:
    """What a caller trusts, as it was given: hosts, ``host:port`` or URLs.

    Raises:
        InvalidReferenceError: an entry is none of them.
    """
    trusted = (given,) if isinstance(given, str) else tuple(given)
    for entry in trusted:
        try:
            origin(_as_url(entry, "https"))
        except ValueError:
            raise InvalidReferenceError(
                f"trust_realm takes hosts, such as auth.example.com or auth.example.com:8443; "
                f"{printable(entry, 200)!r} is none."
            ) from None
    return trusted


def belongs(realm: Origin, *, registry: Origin, trusted: Iterable[str]) -> bool:
    """Whether a realm is given the credentials for a registry.

    It is where it has the registry's own host and port, or where the caller trusts it, or where
    both hosts lie below one registrable domain, which is one owner's.
    """
    return (
        realm[1:] == registry[1:]
        or PAIRS.get(registry) == realm
        or is_trusted(realm, trusted)
        or _one_owner(realm[1], registry[1])
    )


def is_trusted(realm: Origin, trusted: Iterable[str]) -> bool:
    """Whether the caller vouches for an origin."""
    return any(origin(_as_url(entry, realm[0])) == realm for entry in trusted)


def _as_url(entry: str, scheme: str) -> str:
    return entry if "://" in entry else f"{scheme}://{entry}"


def _one_owner(host: str, other: str) -> bool:
    domain = _registrable(host)
    return domain is not None and domain == _registrable(other)


def _registrable(host: str) -> str | None:
    """The part of a host name that somebody registered, such as ``example.co.uk``."""
    if is_literal(host):
        return None
    return _suffixes().privatesuffix(host.rstrip("."))


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - few registries need it

    return PublicSuffixList()
