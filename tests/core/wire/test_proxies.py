"""S23, S5: what a proxy is told, and what it is not asked for."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from regnb.core.registry import Registry
from regnb.errors import TLSError, UnreachableError, UnsafeRedirectError
from tests.core.fakes import RawServer, Script, raw_server, registry, reply
from tests.core.test_secrets import everything_shown
from tests.core.wire.names import Names
from tests.servers import Authority, Certificate

LOGIN = "cm9ib3Q6cHIweHktcGFzc3dvcmQ="  # robot:pr0xy-password
HOME = "http://registry.test"


def proxied(monkeypatch: pytest.MonkeyPatch, proxy: RawServer, *, scheme: str = "HTTP") -> None:
    with_login = proxy.url.replace("://", "://robot:pr0xy-password@")
    monkeypatch.setenv(f"{scheme}_PROXY", with_login)


def nobody(host: str, port: int) -> list[object]:
    if host != "127.0.0.1":
        pytest.fail(f"{host} was looked up")
    return [(socket.AF_INET, (host, port))]


def client(url: str = HOME, **options: Any) -> Registry:
    return registry(url, insecure=True, resolve=nobody, **options)


def test_s23_a_proxy_is_told_the_whole_url_and_its_own_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    challenge = reply(b"", "WWW-Authenticate: Basic", status="401 No")
    with raw_server(challenge, reply(b"{}")) as proxy:
        proxied(monkeypatch, proxy)
        client(password="hunter2").ping()
        first, second = proxy.requests
    assert first.startswith(b"GET http://registry.test/v2/ HTTP/1.1\r\n")
    assert b"\r\nHost: registry.test\r\n" in first
    assert f"Proxy-Authorization: Basic {LOGIN}".encode() in first
    assert b"\r\nAuthorization" not in first
    assert b"\r\nAuthorization: Basic" in second


def test_u7_a_proxy_is_asked_for_a_signed_url_byte_for_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = reply(b"", "Location: http://cdn.test/b?s=%2f%7E~==", status="307 Away")
    with raw_server(away, reply(b"{}")) as proxy:
        proxied(monkeypatch, proxy)
        client().ping()
        assert proxy.requests[1].startswith(b"GET http://cdn.test/b?s=%2f%7E~== HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "8.8.8.8", "[2606:4700::1]", "0x7f.1", "2130706433"]
)
def test_s5_a_proxy_is_not_asked_for_an_address(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    away = reply(b"", f"Location: http://{host}/b", status="307 Away")
    monkeypatch.setenv("NO_PROXY", "")
    with raw_server(away) as proxy:
        proxied(monkeypatch, proxy)
        with pytest.raises(UnsafeRedirectError):
            client().ping()
        assert len(proxy.requests) == 1


def test_s5_a_registry_without_a_name_is_asked_through_its_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = reply(b"", "Location: http://10.0.0.1:81/b", status="307 Away")
    with raw_server(away, reply(b"{}")) as proxy:
        proxied(monkeypatch, proxy)
        client("http://10.0.0.1").ping()
        assert proxy.requests[1].startswith(b"GET http://10.0.0.1:81/b ")


def test_s23_no_proxy_is_for_the_hosts_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(direct_test="127.0.0.1")
    with raw_server(reply(b"there")) as direct:
        port = direct.url.rpartition(":")[2]
        away = reply(b"", f"Location: http://direct.test:{port}/b", status="307 Away")
        with raw_server(away) as proxy:
            proxied(monkeypatch, proxy)
            monkeypatch.setenv("NO_PROXY", "direct.test")
            made = registry(HOME, insecure=True, resolve=names)
            # Where a registry behind a proxy is, is not known, and so it is taken for a public one.
            with pytest.raises(UnsafeRedirectError, match="on this machine"):
                made.ping()
            made.transport.gate.neighbourhood.reached(made.address.origin, "127.0.0.1")
            assert made.transport.exchange("GET", made.address.api, limit=9).body == b"there"
    assert b"roxy" not in direct.requests[0]


def tunnel(answers: list[bytes], certificate: Certificate, seen: list[bytes]) -> Script:
    """A proxy that is the other end of its own tunnel too."""

    def script(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate.both)
        with context.wrap_socket(connection.dup(), server_side=True) as inside:
            seen.append(inside.recv(65536))
            inside.sendall(answers.pop(0))

    return script


def test_s23_the_login_of_a_proxy_does_not_go_through_the_tunnel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    seen: list[bytes] = []
    with raw_server(tunnel([reply(b"{}")], authority.server("registry.test"), seen)) as proxy:
        proxied(monkeypatch, proxy, scheme="HTTPS")
        client("https://registry.test", ca=authority.bundle).ping()
        head = proxy.requests[0]
    assert head.startswith(b"CONNECT registry.test:443 HTTP/1.")
    assert f"Proxy-Authorization: Basic {LOGIN}".encode() in head
    assert seen[0].startswith(b"GET /v2/ HTTP/1.1\r\n")
    assert b"roxy" not in seen[0]


def test_s21_the_certificate_in_a_tunnel_is_that_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    seen: list[bytes] = []
    with raw_server(tunnel([], authority.server("proxy.test"), seen)) as proxy:
        proxied(monkeypatch, proxy, scheme="HTTPS")
        with pytest.raises(TLSError, match=r"registry\.test"):
            client("https://registry.test", ca=authority.bundle).ping()
    assert seen == []


def test_s16_the_login_of_a_proxy_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(reply(b"", status="407 No")) as proxy:
        proxied(monkeypatch, proxy, scheme="HTTPS")
        made = client("https://registry.test")
        with pytest.raises(UnreachableError, match="The proxy on the way") as caught:
            made.ping()
    shown = everything_shown(caught.value) + repr(vars(made.transport._connections))
    assert "pr0xy-password" not in shown
    assert LOGIN not in shown
