"""Neighbourhood: where a registry is, and so where it may send its client (S5).

A registry on the internet has no business in the network of its client, and whoever answers for it
must not be able to use the client as a way in. A registry that is itself near may lead to its own
kind of address, where the storage behind it often is.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from regnb.core.wire.address import Origin
from regnb.core.wire.nearness import Nearness, nearness

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
Resolve = Callable[[str, int], Iterable[tuple[int, SocketAddress]]]
"""From host and port to the address families and addresses to try, in this order."""

_SHOWN = {
    Nearness.PRIVATE: "in a private network",
    Nearness.LOOPBACK: "on this machine",
    Nearness.FORBIDDEN: "at an address that no registry sends anyone to",
}


class NotAdmitted(Exception):  # noqa: N818 - never leaves the wire: the gate's error does
    """A place that a registry may not lead to; says why, for the middle of a sentence."""


def resolve(host: str, port: int) -> list[tuple[int, SocketAddress]]:
    """What the system knows of a host.

    Raises:
        OSError: the name is unknown.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]  # bytes only without IPv6


class Neighbourhood:
    """What lies near one registry. Threads share it."""

    __slots__ = ("_home", "_seen", "_trusts", "resolve")

    def __init__(
        self,
        home: Origin,
        *,
        resolve: Resolve = resolve,
        trusts: Callable[[Origin], bool] = lambda _: False,
    ) -> None:
        """Ask nobody yet.

        Args:
            home: origin of the registry.
            resolve: how names become addresses.
            trusts: whether the caller vouches for an origin.
        """
        self.resolve = resolve
        self._home = home
        self._trusts = trusts
        known = named(home[1])
        self._seen = set() if known is None else {known}

    def reached(self, target: Origin, address: str) -> None:
        """Learn where the registry is from a connection to it.

        The farthest place counts: a name that led to the internet once does not become near by
        leading elsewhere later.
        """
        if target == self._home:
            self._seen.add(nearness(address))

    def admit(self, target: Origin, addresses: Iterable[str]) -> None:
        """Let the client be led to an origin whose host has these addresses.

        Raises:
            NotAdmitted: one of them is nothing that the registry may lead to.
        """
        if target != self._home:
            for address in addresses:
                self._judge(target, nearness(address), self._home_nearness)

    def admit_by_name(self, target: Origin) -> None:
        """Let the client be led to an origin as it is written, before its host is resolved.

        Raises:
            NotAdmitted: it is an address, or a name of this machine, where it may not lead.
        """
        found = named(target[1])
        if found is not None and target[1] != self._home[1]:
            self._judge(target, found, lambda: min(self._seen, default=Nearness.PUBLIC))

    def _judge(self, target: Origin, found: Nearness, home: Callable[[], Nearness]) -> None:
        if found is Nearness.PUBLIC:
            return
        if found is Nearness.FORBIDDEN or not (self._trusts(target) or found is home()):
            raise NotAdmitted(f"is {_SHOWN[found]}")

    def _home_nearness(self) -> Nearness:
        """Where the registry is; its name is resolved only where it was not connected to yet."""
        _, host, port = self._home
        if not self._seen:
            with suppress(OSError, UnicodeError):
                self._seen |= {nearness(str(at[0])) for _, at in self.resolve(host, port)}
        return min(self._seen, default=Nearness.PUBLIC)


def named(host: str) -> Nearness | None:
    """How near a host is by its name alone: an address, or what always is this machine."""
    bare = host.rstrip(".")
    if bare == "localhost" or bare.endswith(".localhost"):
        return Nearness.LOOPBACK
    try:
        return nearness(bare)
    except ValueError:
        return None
