"""Nearness: how close to the client an address is, told from the address alone (S5)."""

from __future__ import annotations

from enum import IntEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Ip = IPv4Address | IPv6Address


class Nearness(IntEnum):
    """From afar to close by."""

    PUBLIC = 0
    """On the internet, where anyone can ask it."""
    PRIVATE = 1
    """In some network of somebody's own."""
    LOOPBACK = 2
    """This machine."""
    FORBIDDEN = 3
    """What no registry is to send anyone to: link-local addresses, the metadata services of
    clouds, and what is no address of a host."""


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


_FORBIDDEN = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local; most clouds have their metadata there
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fe80::/10",
    "ff00::/8",
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "168.63.129.16/32",  # the host of a virtual machine of Azure
    "192.0.0.192/32",  # metadata of Oracle Cloud
    "fd00:ec2::/32",  # metadata, time and names of AWS
    "fd20:ce::254/128",  # metadata of Google Cloud
)
# Networks of IPv6 whose addresses hold one of IPv4, and how many bits follow it.
_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
# Private all the same, though not every version of Python says so: site-local, and local NAT64.
_OWN = _networks("fec0::/10", "64:ff9b:1::/48")
_TEREDO = IPv6Network("2001::/32")


def nearness(text: str) -> Nearness:
    """How near an address is; one that holds another is as near as that.

    Args:
        text: of an IPv4 or IPv6 address, with or without a zone.

    Raises:
        ValueError: it is no address.
    """
    address = ip_address(text.partition("%")[0])
    return _plain(_embedded(address) or address)


def _embedded(address: Ip) -> IPv4Address | None:
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        return None
    if address in _TEREDO:
        return IPv4Address(~int(address) & 0xFFFFFFFF)  # the client, with its bits turned
    for network, after in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> after & 0xFFFFFFFF)
    return None


def _plain(address: Ip) -> Nearness:
    if _in(address, _FORBIDDEN):
        return Nearness.FORBIDDEN
    if address.is_loopback:
        return Nearness.LOOPBACK
    # Not `is_private`, which leaves out the addresses that providers share among customers.
    return Nearness.PUBLIC if address.is_global and not _in(address, _OWN) else Nearness.PRIVATE


def _in(address: Ip, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)
