"""Both servers are held to the same tests: the sample registry and the distribution registry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from regnb.sample import serve
from tests.contract.wire import USERS, Registry
from tests.servers import TokenServer, docker_registry

TERMS: dict[str, dict[str, dict[str, Any]]] = {  # how to start each server so that it ...
    "sample": {
        "asks for nothing": {},
        "deletes nothing": {"delete": False},
        "asks for passwords": {"users": USERS},
        "asks for tokens": {"users": USERS, "token_lifetime": 300},
    },
    "docker-registry": {
        "asks for nothing": {},
        "deletes nothing": {"delete": False},
        "asks for passwords": {"htpasswd": USERS},
        "asks for tokens": {},
    },
}

_numbers = itertools.count()


@contextmanager
def running(server: str, terms: str, root: Path) -> Iterator[Registry]:
    """An empty registry on the terms of a name."""
    options = TERMS[server][terms]
    if server == "sample":
        with serve(fill=None, **options) as served, Registry(served.url, server) as wire:
            yield wire
        return
    with TokenServer(root / "tokens", users=USERS) as tokens:
        options = {"token": tokens} if terms == "asks for tokens" else options
        with docker_registry(root / "registry", **options) as url, Registry(url, server) as wire:
            yield wire


@pytest.fixture(
    scope="session",
    params=["sample", pytest.param("docker-registry", marks=pytest.mark.registry)],
)
def server(request: pytest.FixtureRequest) -> str:
    """Which of the servers a test asks."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def registry(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An empty registry, shared by all tests, each of which takes a `name` of its own."""
    with running(server, "asks for nothing", tmp_path_factory.mktemp("open")) as wire:
        yield wire


@pytest.fixture(scope="session")
def keeping(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that deletes nothing."""
    with running(server, "deletes nothing", tmp_path_factory.mktemp("keeping")) as wire:
        yield wire


@pytest.fixture(scope="session")
def locked(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that asks for the passwords of `USERS`."""
    with running(server, "asks for passwords", tmp_path_factory.mktemp("locked")) as wire:
        yield wire


@pytest.fixture(scope="session")
def guarded(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that asks for tokens, which `USERS` get for their passwords."""
    with running(server, "asks for tokens", tmp_path_factory.mktemp("guarded")) as wire:
        yield wire


@pytest.fixture
def name() -> str:
    """A repository that no other test uses."""
    return f"contract/repository-{next(_numbers)}"
