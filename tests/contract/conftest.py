"""Both servers are held to the same tests: the sample registry and the distribution registry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from regnb.sample import serve
from tests.contract.wire import Registry
from tests.servers import docker_registry

_numbers = itertools.count()


@pytest.fixture(
    scope="session",
    params=["sample", pytest.param("docker-registry", marks=pytest.mark.registry)],
)
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """An empty registry, shared by all tests, each of which takes a `name` of its own."""
    running = (
        serve(fill=None)
        if request.param == "sample"
        else docker_registry(tmp_path_factory.mktemp("registry"))
    )
    with running as started:
        wire = Registry(started if isinstance(started, str) else started.url, request.param)
        yield wire
        wire.session.close()


@pytest.fixture
def name() -> str:
    """A repository that no other test uses."""
    return f"contract/repository-{next(_numbers)}"
