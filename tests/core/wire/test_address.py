from __future__ import annotations

import pytest

from regnb.core.wire.address import is_loopback, origin, parse_address
from regnb.errors import InvalidReferenceError


@pytest.mark.parametrize(
    ("typed", "root", "name"),
    [
        ("registry.example", "https://registry.example/", "registry.example"),
        ("registry.example:5000", "https://registry.example:5000/", "registry.example:5000"),
        ("Registry.EXAMPLE:443", "https://registry.example:443/", "registry.example:443"),
        ("https://h.example/prefix", "https://h.example/prefix/", "h.example/prefix"),
        ("https://h.example/a/b/", "https://h.example/a/b/", "h.example/a/b"),
        ("localhost:5000", "http://localhost:5000/", "localhost:5000"),
        ("127.9.9.9", "http://127.9.9.9/", "127.9.9.9"),
        ("[::1]:5000", "http://[::1]:5000/", "[::1]:5000"),
        ("[2001:db8::1]", "https://[2001:db8::1]/", "[2001:db8::1]"),
        ("http://127.0.0.1:80/", "http://127.0.0.1:80/", "127.0.0.1:80"),
        ("https://localhost:5000", "https://localhost:5000/", "localhost:5000"),
        ("docker.io", "https://registry-1.docker.io/", "docker.io"),
        ("https://index.docker.io/", "https://registry-1.docker.io/", "docker.io"),
        ("registry-1.docker.io", "https://registry-1.docker.io/", "docker.io"),
    ],
)
def test_u1_an_address_keeps_its_prefix_and_ends_in_a_slash(
    typed: str, root: str, name: str
) -> None:
    address = parse_address(typed)
    assert (address.root, address.name) == (root, name)
    assert address.api == root + "v2/"


def test_s4_insecure_means_plain_http_for_a_bare_host_only() -> None:
    assert parse_address("registry.example", insecure=True).root == "http://registry.example/"
    assert parse_address("http://registry.example", insecure=True).root.startswith("http://")
    assert parse_address("https://registry.example", insecure=True).root.startswith("https://")


@pytest.mark.parametrize(
    "typed", ["http://registry.example", "http://127.0.0.1.evil.example", "http://[2001:db8::1]"]
)
def test_s4_plain_http_to_another_machine_needs_insecure(typed: str) -> None:
    with pytest.raises(InvalidReferenceError, match="insecure=True"):
        parse_address(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "https://",
        "ftp://registry.example",
        "registry.example:port",
        "registry.example:99999",
        "registry.example:0",
        "registry.example:",
        "regis try.example",
        "registry.example\r\nX: y",
        "-registry.example",
        "[::1",
        "https://h.example/a/../b",
        "https://h.example/a%2f",
        "https://h.example/?q=1",
        "https://h.example/#f",
        "registry.exämple",
    ],
)
def test_u6_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidReferenceError):
        parse_address(typed)


def test_s16_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidReferenceError, match="username=") as caught:
        parse_address("https://robot:hunter2@registry.example")
    assert "hunter2" not in str(caught.value)


def test_s3_an_origin_is_scheme_host_and_port() -> None:
    assert origin("https://H.example/a") == origin("https://h.example:443/b")
    assert origin("https://h.example") != origin("https://h.example:8443")
    assert origin("https://h.example") != origin("http://h.example:443")
    assert origin("https://h.example") != origin("https://sub.h.example")


@pytest.mark.parametrize("url", ["/relative", "ftp://h.example", "https:///path", "https://h:x/"])
def test_s3_what_has_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"absolute|[Pp]ort"):
        origin(url)


def test_s4_only_literals_and_localhost_are_loopback() -> None:
    assert is_loopback("localhost")
    assert is_loopback("127.1.2.3")
    assert is_loopback("::1")
    assert not is_loopback("localhost.evil.example")
    assert not is_loopback("0.0.0.0")
