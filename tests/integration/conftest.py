"""A docker-registry of Debian's, filled once with real images for all tests of this folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

import regnb
from regnb.client.client import Client
from tests.integration.filling import Filled, layout, push
from tests.servers import docker_registry


def noise(name: str, length: int) -> bytes:
    """Bytes that do not compress, the same at every run."""
    return hashlib.shake_256(name.encode()).digest(length)


BASE = {"base.bin": noise("base", 400_000)}
RUNTIME = {"runtime.bin": noise("runtime", 150_000)}

PUSHED = {
    "team/app": {
        "1.0": [BASE, RUNTIME, {"app.bin": noise("app 1.0", 20_000)}],
        "1.1": [BASE, RUNTIME, {"app.bin": noise("app 1.1", 21_000)}],
    },
    "team/web": {"2.0": [BASE, {"web.bin": noise("web", 60_000)}]},
    "solo": {"only": [{"solo.bin": noise("solo", 90_000)}, {"more.bin": noise("more", 5_000)}]},
}


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Four images in three repositories, and a second tag on one of them."""
    root = tmp_path_factory.mktemp("registry")
    with docker_registry(root) as url:
        registry = Filled(url, root, {name: sorted(tags) for name, tags in PUSHED.items()})
        for name, images in PUSHED.items():
            source = layout(tmp_path_factory.mktemp("layouts") / name.replace("/", "-"), images)
            for tag in images:
                push(source, tag, registry.host, f"{name}:{tag}")
            if name == "team/app":
                push(source, "1.1", registry.host, f"{name}:latest")
                registry.pushed[name].append("latest")
        yield registry


@pytest.fixture
def client(filled: Filled) -> Iterator[Client]:
    """A client of the filled registry, as a user would open it."""
    with regnb.connect(filled.host) as connected:
        yield connected
