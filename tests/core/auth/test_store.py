from __future__ import annotations

import pytest

from regnb.core.auth import store
from regnb.core.auth.logins import Basic
from tests.core.auth.homes import REGISTRY, Home, address

LOGIN = Basic("robot", "hunter2")


@pytest.mark.usefixtures("home")
def test_9_a_login_holds_until_it_is_forgotten() -> None:
    assert store.recall(REGISTRY) is None
    store.remember(REGISTRY, LOGIN)
    assert store.recall(address("https://Registry.Example/")) == LOGIN
    store.remember(REGISTRY, Basic("robot", "other"))
    assert store.recall(REGISTRY) == Basic("robot", "other")
    store.forget(REGISTRY)
    store.forget(REGISTRY)
    assert store.recall(REGISTRY) is None


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "other",
    [
        *("http://registry.example", "registry.example:5000", "sub.registry.example"),
        *("registry.example.evil.example", "http://registry.example:443", "docker.io"),
    ],
)
def test_s3_a_login_stays_with_its_origin(other: str) -> None:
    store.remember(REGISTRY, LOGIN)
    assert store.recall(address(other)) is None


@pytest.mark.usefixtures("home")
def test_s22_a_login_for_a_host_holds_below_it_but_not_beside_it() -> None:
    store.remember(address("https://h.example/a"), LOGIN)
    assert store.recall(address("https://h.example/a/")) == LOGIN
    for other in ("https://h.example/b", "https://h.example/ab", "https://h.example"):
        assert store.recall(address(other)) is None
    store.remember(address("h.example"), Basic("robot", "host"))
    assert store.recall(address("https://h.example/b")) == Basic("robot", "host")
    assert store.recall(address("https://h.example/a")) == LOGIN


def test_s16_the_store_shows_nothing(home: Home) -> None:
    store.remember(REGISTRY, LOGIN)
    shown = repr(vars(store))
    assert "registry.example" in shown
    assert "hunter2" not in shown
    assert "robot" not in shown
