from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.auth.keys import namespace_keys, normal, registry_keys, server
from tests.core.auth.homes import address


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("registry.example", "registry.example"),
        ("Registry.EXAMPLE", "registry.example"),
        ("registry.example/", "registry.example"),
        ("registry.example:5000", "registry.example:5000"),
        ("https://registry.example", "registry.example"),
        ("HTTPS://registry.example/", "registry.example"),
        ("http://registry.example:5000/v2/", "registry.example:5000"),
        ("https://registry.example/v1/", "registry.example"),
        ("https://registry.example/v2", "registry.example"),
        ("registry.example/v1/", "registry.example"),
        ("https://registry.example/docker/v2/", "registry.example/docker"),
        ("[2001:DB8::1]:5000", "[2001:db8::1]:5000"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://index.docker.io/v1", "docker.io"),
        ("https://registry-1.docker.io/v2/", "docker.io"),
        ("index.docker.io/library", "docker.io/library"),
        ("quay.io/a", "quay.io/a"),
        ("quay.io/A/b", "quay.io/A/b"),
        ("https://quay.io/a/", "quay.io/a"),
    ],
)
def test_3_3_keys_have_one_form(written: str, key: str) -> None:
    assert normal(written) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("registry.example", "registry.example:443"),
        ("registry.example:80", "http://registry.example"),
        ("registry.example", "registry.example."),
        ("registry.example", "sub.registry.example"),
        ("registry.example", "user@registry.example"),
        ("registry.example", "registry.example@evil.example"),
        ("registry.example", "registry.example#x"),
        ("registry.example", " registry.example"),
        ("registry.example", "ftp://registry.example"),
        ("registry.example", "//registry.example"),
        ("docker.io", "doc\N{KELVIN SIGN}er.io"),
        ("docker.io", "docker.io:443"),
        ("docker.io", "hub.docker.io"),
        ("docker.io", "https://docker.io.evil.example/v1/"),
        ("quay.io/a", "quay.io/A"),
        ("quay.io/a", "quay.io/ab"),
        ("quay.io/a", "quay.io"),
        ("quay.io", "quay.io/v1"),  # a namespace: no scheme, no final slash
    ],
)
def test_s22_what_differs_stays_different(one: str, other: str) -> None:
    assert normal(one) != normal(other)


@given(st.text())
def test_3_3_the_form_of_any_text_is_final(text: str) -> None:
    assert normal(f"https://{normal(f'https://{text}')}") == normal(f"https://{text}")


def test_3_3_a_registry_has_its_own_name_and_its_host() -> None:
    assert registry_keys(address("registry.example:5000")) == ("registry.example:5000",)
    assert registry_keys(address("https://h.example/a/b/")) == ("h.example/a/b", "h.example")
    assert registry_keys(address("registry-1.docker.io")) == ("docker.io",)


def test_3_3_namespaces_go_up_step_by_step() -> None:
    assert namespace_keys(address("quay.io"), "a/b") == ("quay.io/a/b", "quay.io/a", "quay.io")
    assert namespace_keys(address("quay.io"), None) == ("quay.io",)
    assert namespace_keys(address("https://h.example/p"), "a") == (
        *("h.example/p/a", "h.example/p", "h.example"),
    )
    assert namespace_keys(address("docker.io"), "library/busybox")[:2] == (
        *("docker.io/library/busybox", "docker.io/library"),
    )


def test_3_4_docker_hub_has_a_name_of_its_own_for_helpers() -> None:
    assert server("docker.io") == "https://index.docker.io/v1/"
    assert server("registry.example:5000") == "registry.example:5000"
