from __future__ import annotations

import pickle
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.registry import Registry
from regnb.core.wire.address import origin, parse_address
from regnb.core.wire.gate import Gate
from regnb.errors import InvalidReferenceError, UnsafeRedirectError, UntrustedRealmError


def gate(registry: str, trust_realm: Iterable[str] = (), *, insecure: bool = False) -> Gate:
    return Gate(parse_address(registry, insecure=insecure), trust_realm=trust_realm)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("registry.example.com", "https://registry.example.com/token?service=a"),
        ("registry.example.com", "https://REGISTRY.example.com:443/token"),
        ("registry.example.com:8443", "https://registry.example.com:8443/token"),
        ("registry.example.com:8443", "https://registry.example.com/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("registry.shop.co.uk", "https://auth.shop.co.uk/token"),
        ("docker.io", "https://auth.docker.io/token"),
        # A private registry with its own token service keeps working.
        ("10.0.0.5:5000", "https://10.0.0.5:5000/token"),
        ("[fd00::5]:5000", "https://[fd00::5]:5000/token"),
        ("localhost:5000", "http://localhost:5000/token"),
        ("http://registry.lan:5000", "http://auth.registry.lan:5001/token"),
        ("http://registry:5000", "http://registry:5000/token"),
    ],
)
def test_s2_a_realm_that_is_the_registrys_own_gets_the_credentials(
    registry: str, realm: str
) -> None:
    assert gate(registry, insecure=True).realm(realm, credentials=True) == realm


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("registry.example.com", "https://evil.example.org/token"),
        ("registry.example.com", "https://registry.example.com.evil.org/token"),
        ("registry.example.com", "https://com/token"),
        ("registry.co.uk", "https://evil.co.uk/token"),
        ("team.github.io", "https://evil.github.io/token"),
        ("registry.example.com", "https://93.184.215.14/token"),
        ("93.184.215.14", "https://94.184.215.14/token"),
        ("93.184.215.14:5000", "https://93.184.215.14:5001/token"),
        ("localhost:5000", "http://localhost:5001/token"),
        ("registry:5000", "http://registry:5001/token"),
        ("registry:5000", "http://auth:5000/token"),
        ("docker.io", "https://auth.docker.com/token"),
    ],
)
def test_s2_another_realm_is_asked_without_credentials_only(registry: str, realm: str) -> None:
    at = f"http://{registry}" if realm.startswith("http:") else f"https://{registry}"
    guarding = gate("docker.io" if registry == "docker.io" else at, insecure=True)
    assert guarding.realm(realm, credentials=False) == realm
    with pytest.raises(UntrustedRealmError, match=r"trust_realm=\['"):
        guarding.realm(realm, credentials=True)


@pytest.mark.parametrize("credentials", [True, False])
@pytest.mark.parametrize(
    "realm",
    [
        "http://registry.example.com/token",
        "http://auth.example.com/token",
        "https://robot:x@registry.example.com/token",
        "https://robot@evil.example.org/token",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/token",
        "https://10.0.0.1/token",
        "https://127.0.0.1/token",
        "https://localhost/token",
        "/token",
        "//evil.example.org/token",
        "token",
        "",
        "registry.example.com/token",
        "ftp://registry.example.com/token",
        "https:///token",
        "https://registry.example.com:0/token",
        "https://registry.example.com:port/token",
        "https://registry.example.com\\@evil.example.org/token",
        "https://registry.example.com\\.evil.example.org/token",
        "https://registry.example.com .evil.example.org/token",
        "https://registry.ex\u00e4mple.com/token",
        "https://[bad/token",
    ],
)
def test_s2_a_realm_where_nobody_may_be_asked_is_refused(realm: str, credentials: bool) -> None:
    with pytest.raises(UnsafeRedirectError, match="not followed") as caught:
        gate("registry.example.com").realm(realm, credentials=credentials)
    assert not isinstance(caught.value, UntrustedRealmError)


@pytest.mark.parametrize(
    ("trusted", "realm"),
    [
        ("auth.example.org", "https://auth.example.org/token"),
        ("auth.example.org:8443", "https://auth.example.org:8443/token"),
        ("https://auth.example.org/token", "https://AUTH.example.org/other"),
        ("[2606:2800::1]:8443", "https://[2606:2800::1]:8443/token"),
    ],
)
def test_s2_a_realm_that_the_caller_trusts_gets_the_credentials(trusted: str, realm: str) -> None:
    for given_as in (trusted, [trusted], ("x.example.net", trusted)):
        guarding = gate("registry.example.com", given_as)
        assert guarding.realm(realm, credentials=True) == realm


def test_s2_trust_is_in_a_host_and_its_port() -> None:
    guarding = gate("registry.example.com", ["auth.example.org", "https://auth.example.net"])
    for realm in (
        "https://auth.example.org:8443/token",
        "https://sub.auth.example.org/token",
        "https://example.org/token",
    ):
        with pytest.raises(UntrustedRealmError):
            guarding.realm(realm, credentials=True)
    plain = gate("http://registry:5000", ["https://auth.example.net"], insecure=True)
    with pytest.raises(UntrustedRealmError):
        plain.realm("http://auth.example.net/token", credentials=True)


def test_s2_the_error_names_what_to_trust() -> None:
    with pytest.raises(UntrustedRealmError) as caught:
        gate("registry.example.com").realm("https://[2606:2800::1]:8443/t?x=y", credentials=True)
    assert "trust_realm=['[2606:2800::1]:8443']" in str(caught.value)


@pytest.mark.parametrize("entry", ["", "https://", "auth example", "ftp://auth.example", "a:b"])
def test_s2_what_names_no_host_cannot_be_trusted(entry: str) -> None:
    with pytest.raises(InvalidReferenceError, match="trust_realm"):
        Registry("registry.example.com", trust_realm=[entry])


def test_s2_trust_survives_a_pickle() -> None:
    registry = Registry("registry.example.com", trust_realm=iter(["auth.example.org"]))
    copied = pickle.loads(pickle.dumps(registry))
    assert copied.transport.gate.realm("https://auth.example.org/t", credentials=True)


@given(st.text(max_size=60), st.booleans())
def test_s2_any_realm_is_a_url_or_a_typed_error(realm: str, credentials: bool) -> None:
    try:
        url = gate("registry.example.com").realm(realm, credentials=credentials)
    except UnsafeRedirectError:
        return
    assert origin(url)[0] == "https"


def test_s2_docker_hub_needs_no_list_of_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "regnb.core.wire.realms._suffixes", lambda: pytest.fail("the list was read")
    )
    assert gate("docker.io").realm("https://auth.docker.io/token", credentials=True)
