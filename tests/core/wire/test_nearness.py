from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.wire.nearness import Nearness, nearness

PUBLIC, PRIVATE, LOOPBACK, FORBIDDEN = Nearness

ADDRESSES = {
    "8.8.8.8": PUBLIC,
    "172.32.0.1": PUBLIC,
    "100.128.0.1": PUBLIC,
    "169.253.255.255": PUBLIC,
    "2606:4700::1111": PUBLIC,
    "10.0.0.1": PRIVATE,
    "172.16.0.1": PRIVATE,
    "172.31.255.255": PRIVATE,
    "192.168.0.1": PRIVATE,
    "100.64.0.1": PRIVATE,
    "100.127.255.255": PRIVATE,
    "198.18.0.1": PRIVATE,
    "203.0.113.1": PRIVATE,
    "fc00::1": PRIVATE,
    "fd12:3456::1": PRIVATE,
    "fec0::1": PRIVATE,
    "64:ff9b:1::a00:1": PRIVATE,
    "2001:db8::1": PRIVATE,
    "127.0.0.1": LOOPBACK,
    "127.255.255.254": LOOPBACK,
    "::1": LOOPBACK,
    "0.0.0.0": FORBIDDEN,
    "0.1.2.3": FORBIDDEN,
    "::": FORBIDDEN,
    "169.254.169.254": FORBIDDEN,
    "169.254.170.2": FORBIDDEN,
    "fe80::1": FORBIDDEN,
    "fe80::1%eth0": FORBIDDEN,
    "febf::1": FORBIDDEN,
    "224.0.0.1": FORBIDDEN,
    "255.255.255.255": FORBIDDEN,
    "240.0.0.1": FORBIDDEN,
    "ff02::1": FORBIDDEN,
    "fd00:ec2::254": FORBIDDEN,
    "fd20:ce::254": FORBIDDEN,
    "100.100.100.200": FORBIDDEN,
    "168.63.129.16": FORBIDDEN,
    "192.0.0.192": FORBIDDEN,
}
# How IPv6 holds an address of IPv4; {0} and {1} are its halves in hexadecimal.
EMBEDDINGS = {
    "mapped": "::ffff:{0}:{1}",
    "compatible": "::{0}:{1}",
    "translated": "::ffff:0:{0}:{1}",
    "NAT64": "64:ff9b::{0}:{1}",
    "6to4": "2002:{0}:{1}::1",
}


@pytest.mark.parametrize(("address", "near"), ADDRESSES.items())
def test_s5_how_near_an_address_is(address: str, near: Nearness) -> None:
    assert nearness(address) is near


@pytest.mark.parametrize("form", EMBEDDINGS)
@pytest.mark.parametrize(
    "address", [a for a in ADDRESSES if ":" not in a and not a.startswith("0")]
)
def test_s5_an_address_that_holds_another_is_as_near(address: str, form: str) -> None:
    halves = socket.inet_aton(address).hex()
    held = EMBEDDINGS[form].format(halves[:4], halves[4:])
    assert nearness(held) is ADDRESSES[address]


def test_s5_teredo_holds_an_address_with_its_bits_turned() -> None:
    assert nearness("2001:0:4136:e378:8000:63bf:80ff:fffe") is LOOPBACK
    assert nearness("2001:0:4136:e378:8000:63bf:f7f7:f7f7") is PUBLIC


@given(st.text(max_size=50))
def test_s5_what_is_no_address_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        nearness(f"x{text}")


@given(st.ip_addresses())
def test_s5_every_address_is_somewhere(address: object) -> None:
    assert nearness(str(address)) in Nearness
