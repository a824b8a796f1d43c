"""S4, S21: whom a client believes, and who learns who it is."""

from __future__ import annotations

import pickle
import socket
import ssl
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import regnb
from regnb.core.registry import Registry
from regnb.core.wire.address import origin
from regnb.core.wire.tls import Contexts, TlsOptions
from regnb.errors import TLSError, UnverifiedTLSWarning
from tests.core.fakes import registry
from tests.servers import Answer, Authority, Certificate, HttpServer, docker_registry, self_signed

HOME = ("https", "registry.example", 443)
OTHER = ("https", "cdn.example", 443)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def serving(tls: Certificate) -> HttpServer:
    return HttpServer(lambda asked: Answer.of({}), tls=tls)


def leading_to(url: str, tls: Certificate) -> HttpServer:
    return HttpServer(lambda asked: Answer(307, {"Location": url}), tls=tls)


def contexts(**options: Any) -> Contexts:
    return Contexts(TlsOptions(**options), home=HOME, sockets=None)  # type: ignore[arg-type]  # opens none


@contextmanager
def asking(
    tls: Certificate, authority: Authority, *, mode: ssl.VerifyMode = ssl.CERT_OPTIONAL
) -> Iterator[tuple[str, list[Any]]]:
    """A server that asks who its clients are: its URL, and the certificates that it was shown."""
    shown: list[Any] = []
    server = serving(tls)
    inner = server._server
    context = inner.socket.context  # type: ignore[attr-defined]  # it is a TLS socket
    context.load_verify_locations(authority.bundle)
    context.verify_mode = mode
    finish = inner.finish_request

    def finishing(request: ssl.SSLSocket, client_address: Any) -> None:
        try:
            request.do_handshake()
        except ssl.SSLError:
            # Else what comes after the refusal resets the connection, and the refusal is lost.
            while socket.socket.recv(request, 65536):
                pass
            raise
        shown.append(request.getpeercert())
        finish(request, client_address)

    inner.finish_request = finishing  # type: ignore[method-assign, assignment]  # for this server
    with server:
        yield server.url, shown


def bad_certificates(folder: Path) -> dict[str, Callable[[Authority], Certificate]]:
    return {
        "expired": Authority.expired,
        "wrong host": Authority.wrong_host,
        "self-signed": lambda authority: self_signed(folder),
        "of an authority that nobody knows": lambda _: Authority(folder / "other").server(),
    }


BAD = list(bad_certificates(Path()))


@pytest.mark.parametrize("why", BAD)
def test_s21_a_bad_certificate_is_refused_at_once(
    authority: Authority, tmp_path: Path, why: str
) -> None:
    with serving(bad_certificates(tmp_path)[why](authority)) as server:
        with pytest.raises(TLSError, match="ca= or in SSL_CERT_FILE"):
            registry(server.url, ca=authority.bundle, password="hunter2").ping()
        assert server.asked == []
        assert server.connections == 1  # not asked again, and not in plain http (S4)


@pytest.mark.parametrize("why", BAD)
def test_s21_a_registry_may_not_lead_to_a_bad_certificate(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with serving(bad_certificates(tmp_path)[why](authority)) as storage:
        with leading_to(storage.url, authority.server()) as server:
            with pytest.raises(TLSError):
                registry(server.url).ping()
            assert len(server.asked) == 1
        assert storage.asked == []


def test_s21_an_authority_is_a_file_or_a_folder(authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "authority.pem").write_bytes(authority.bundle.read_bytes())
    subprocess.run(["openssl", "rehash", str(folder)], check=True)
    with serving(authority.server()) as server:
        for ca in (authority.bundle, str(authority.bundle), folder):
            with regnb.connect(server.url, ca=ca) as client:
                client.ping()
        assert len(server.asked) == 3


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_s21_the_environment_names_authorities(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    folder = authority.bundle.parent
    subprocess.run(["openssl", "rehash", str(folder)], check=True)
    monkeypatch.setenv(variable, str(folder if variable.endswith("DIR") else authority.bundle))
    with serving(authority.server()) as server:
        registry(server.url).ping()


def test_s21_the_authority_of_a_registry_speaks_for_where_it_leads_too(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = Authority(tmp_path / "public")
    monkeypatch.setenv("SSL_CERT_FILE", str(public.bundle))
    for owner in (authority, public):
        with serving(owner.server()) as storage:
            with leading_to(storage.url, authority.server()) as server:
                registry(server.url, ca=authority.bundle).ping()
            assert len(storage.asked) == 1
    # But whom the environment believes does not speak for a registry that has its own authority.
    with serving(public.server()) as server, pytest.raises(TLSError):
        registry(server.url, ca=authority.bundle).ping()


def test_s21_not_verifying_warns_once_and_holds_for_the_registry_only(tmp_path: Path) -> None:
    with serving(self_signed(tmp_path / "a")) as storage, warnings.catch_warnings(record=True) as w:
        warnings.simplefilter("always")
        aways = iter([Answer.of({}), Answer.of({}), Answer(307, {"Location": storage.url})])
        with HttpServer(lambda asked: next(aways), tls=self_signed(tmp_path / "b")) as server:
            client = regnb.connect(server.url, verify=False)
            client.ping()
            client.ping()
            with pytest.raises(TLSError, match=storage.url):
                client.ping()
            client.close()
        assert storage.asked == []
    assert [one.category for one in w] == [UnverifiedTLSWarning]
    assert client.name in str(w[0].message)


@pytest.mark.registry
def test_s21_a_client_identifies_itself_with_a_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    alice = authority.client()
    both = tmp_path / "both.pem"
    both.write_bytes(alice.chain.read_bytes() + alice.key.read_bytes())
    with docker_registry(tmp_path / "r", tls=authority.server(), clients=authority.bundle) as url:
        for certificate in (alice.both, (alice.chain, alice.key), str(both), both):
            with Registry(url, ca=authority.bundle, client_certificate=certificate) as client:
                assert list(client.repositories()) == []


def test_s21_a_client_that_is_not_known_is_told_so(authority: Authority, tmp_path: Path) -> None:
    mallory = Authority(tmp_path / "other").client().both
    with asking(authority.server(), authority, mode=ssl.CERT_REQUIRED) as (url, shown):
        for certificate in (None, mallory):
            client = registry(url, ca=authority.bundle, client_certificate=certificate)
            with pytest.raises(TLSError, match="client_certificate="):
                client.ping()
    assert shown == []


def test_s21_only_the_registry_learns_who_the_client_is(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    alice = authority.client().both
    with asking(authority.server(), authority) as (url, shown):
        registry(url, client_certificate=alice).ping()
        with leading_to(url, authority.server()) as server:
            registry(server.url, client_certificate=alice).ping()
    assert ["subjectAltName" in (each or {}) for each in shown] == [True, False]


def test_s21_nothing_older_than_tls_1_2_is_spoken() -> None:
    for target in (HOME, OTHER):
        context = contexts(verify=False).of(target)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert not context.hostname_checks_common_name
    assert contexts().of(HOME) is not contexts().of(HOME)


def test_s21_whoever_is_not_the_registry_is_verified() -> None:
    made = contexts(verify=False)
    assert made.of(HOME).verify_mode is ssl.CERT_NONE
    for target in (
        OTHER,
        ("https", "registry.example", 8443),
        origin("https://sub.registry.example"),
    ):
        assert made.of(target).verify_mode is ssl.CERT_REQUIRED
        assert made.of(target).check_hostname


def test_s21_authorities_are_read_once() -> None:
    made = contexts()
    assert made.of(HOME) is made.of(OTHER) is made.others


@pytest.mark.parametrize("option", ["ca", "client_certificate"])
def test_s21_a_file_of_no_use_is_named(tmp_path: Path, option: str) -> None:
    named = "authorities" if option == "ca" else "client_certificate="
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing of use")
    for path, why in ((empty, "PEM"), (tmp_path / "none.pem", "does not exist")):
        with pytest.raises(TLSError, match=f"{named}.* {why}|{named}.*{why}") as caught:
            Registry("https://registry.example", **{option: path}).ping()  # type: ignore[arg-type]  # one of the two
        assert caught.value.__context__ is None


def test_s21_an_encrypted_key_is_told_and_nobody_is_asked_for_a_password(
    authority: Authority, tmp_path: Path
) -> None:
    alice = authority.client()
    key = load_pem_private_key(alice.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    )
    with pytest.raises(TLSError, match="encrypted"):
        registry(client_certificate=(alice.chain, encrypted)).ping()


def test_s21_a_key_that_does_not_fit_is_told(authority: Authority) -> None:
    alice, bob = authority.client("alice"), authority.client("bob")
    with pytest.raises(TLSError, match="does not fit"):
        registry(client_certificate=(alice.chain, bob.key)).ping()


def test_s21_authorities_for_nothing_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="verify=False"):
        Registry("https://registry.example", ca="x.pem", verify=False)


def test_s21_the_options_survive_a_pickle() -> None:
    made = registry(ca=Path("x.pem"), client_certificate=("a", "b"))
    assert pickle.loads(pickle.dumps(made)).tls == TlsOptions(Path("x.pem"), ("a", "b"))
    with pytest.warns(UnverifiedTLSWarning):
        unverified = Registry("https://registry.example", verify=False)
    with pytest.warns(UnverifiedTLSWarning):
        assert pickle.loads(pickle.dumps(unverified)).tls == TlsOptions(verify=False)
