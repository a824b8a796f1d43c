"""Behind https: truncation without a farewell, and Locations that fall back to http."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import wire
from tests.faults.conftest import BLOB
from tests.faults.endings import Break, Framing
from tests.faults.proxy import Proxy
from tests.faults.redirects import Form, LocationForm
from tests.faults.scenario import Rule, Scenario
from tests.faults.upstream import Upstream
from tests.servers import need


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its own certificate for 127.0.0.1."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    made = [need("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names, "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


@contextmanager
def _secured(url: str, certificate: Path) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cafile=certificate)
    with (
        wire.connect(url) as plain,
        context.wrap_socket(
            plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as secured,
    ):
        yield secured


@contextmanager
def _proxy(upstream: Upstream, certificate: Path, *rules: Rule) -> Iterator[Proxy]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with Proxy(upstream.url, Scenario(*rules), context=context) as proxy:
        yield proxy


def test_a_response_passes_and_ends_in_good_order(upstream: Upstream, certificate: Path) -> None:
    with (
        _proxy(upstream, certificate) as proxy,
        _secured(proxy.url, certificate) as connection,
    ):
        connection.sendall(wire.head(proxy.url, "GET", BLOB))
        assert wire.hear(connection).body == upstream.files[BLOB]
    assert proxy.url.startswith("https://127.0.0.1:")


def test_truncation_is_an_end_without_close_notify(upstream: Upstream, certificate: Path) -> None:
    rule = Rule(Break(512, reset=False, framing=Framing.NONE))
    with (
        _proxy(upstream, certificate, rule) as proxy,
        _secured(proxy.url, certificate) as connection,
    ):
        connection.sendall(wire.head(proxy.url, "GET", BLOB))
        assert wire.hear_body(connection, 512).body == upstream.files[BLOB][:512]
        with pytest.raises(ssl.SSLEOFError):
            connection.recv(1)


def test_a_location_falls_back_to_http(upstream: Upstream, certificate: Path) -> None:
    with (
        _proxy(upstream, certificate, Rule(LocationForm(Form.PLAIN_HTTP))) as proxy,
        _secured(proxy.url, certificate) as connection,
    ):
        connection.sendall(wire.head(proxy.url, "POST", "/v2/a/blobs/uploads/"))
        location = wire.hear(connection).header("Location")
    assert location == f"http{proxy.url.removeprefix('https')}v2/a/blobs/uploads/"


def test_a_plain_client_is_no_defect(upstream: Upstream, certificate: Path) -> None:
    with _proxy(upstream, certificate) as proxy:
        assert wire.ask(proxy.url, "GET", BLOB).data == b""
