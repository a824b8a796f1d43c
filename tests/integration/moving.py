"""What the disk, skopeo and a proxy tell of images that were moved."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regnb
from regnb.client.client import Client
from tests.faults.proxy import Proxy
from tests.integration.filling import run
from tests.servers import docker_registry

Blobs = dict[str, bytes]
WRITES = ("PUT", "POST", "PATCH", "DELETE")


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


@dataclass(frozen=True)
class Server:
    """A docker-registry of a test: a client of it, and its disk."""

    client: Client
    root: Path

    @property
    def host(self) -> str:
        return self.client.name

    def name(self, reference: str) -> str:
        """What skopeo calls one of its images."""
        return f"docker://{self.host}/{reference}"

    def blobs(self) -> Blobs:
        """The bytes of every blob on its disk, manifests among them, by the digest it gives."""
        files = (self.root / "docker/registry/v2/blobs").glob("*/*/*/data")
        return {f"{f.parents[2].name}:{f.parent.name}": f.read_bytes() for f in files}

    def linked(self, repository: str) -> set[str]:
        """The blobs that one of its repositories has."""
        layers = self.root / "docker/registry/v2/repositories" / repository / "_layers"
        return {link.read_text() for link in layers.rglob("link")}


@contextmanager
def server(root: Path) -> Iterator[Server]:
    """A docker-registry of its own."""
    with docker_registry(root) as url, regnb.connect(url) as client:
        yield Server(client, root)


@dataclass(frozen=True)
class Watched:
    """A client whose requests are counted on their way."""

    client: Client
    proxy: Proxy

    def counts(self) -> Counter[str]:
        """How many requests of each method came through so far."""
        return Counter(entry.method for entry in self.proxy.seen())

    def kinds(self) -> Counter[str]:
        """The same, by method and by what was asked for: ``HEAD blobs``."""
        return Counter(f"{entry.method} {_noun(entry.path)}" for entry in self.proxy.seen())

    def sent(self) -> int:
        """Bytes of blobs that the client sent."""
        return sum(entry.received for entry in self.proxy.seen(path="/blobs/"))

    def read(self) -> int:
        """Bytes of blobs that the client was sent."""
        return sum(entry.sent for entry in self.proxy.seen("GET", "/blobs/"))


@contextmanager
def watched(url: str) -> Iterator[Watched]:
    """A fresh client that speaks to a registry through a proxy; all that it asks is noted."""
    with Proxy(url) as proxy, regnb.connect(proxy.url) as client:
        yield Watched(client, proxy)


def _noun(path: str) -> str:
    nouns = ("manifests", "uploads", "blobs", "referrers", "tags")
    return next((noun for noun in nouns if f"/{noun}/" in path), path)


def layout_blobs(folder: Path) -> Blobs:
    """The bytes of every blob in an OCI layout, by the name of its file."""
    return {f"{f.parent.name}:{f.name}": f.read_bytes() for f in folder.glob("blobs/*/*")}


def skopeo_copy(source: str, target: str | Path, *flags: str) -> None:
    """Let skopeo copy an image, over plain http where it is one of a registry."""
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
    run("skopeo", "copy", *insecure, *flags, source, str(target))


def skopeo_blobs(source: str, folder: Path, *flags: str) -> Blobs:
    """The bytes of manifest, config and layers as skopeo reads them; it checks them as well."""
    skopeo_copy(source, f"dir:{folder}", *flags)
    files = [file for file in folder.iterdir() if file.name != "version"]
    return {digest_of(raw): raw for raw in (file.read_bytes() for file in files)}


def skopeo_inspect(source: str, *flags: str) -> Any:
    """What skopeo says of an image."""
    return json.loads(run("skopeo", "inspect", "--tls-verify=false", *flags, source))


def check_whole(blobs: Blobs) -> None:
    """Each blob is what its name says."""
    assert {name: digest_of(raw) for name, raw in blobs.items()} == {name: name for name in blobs}


def files_of(folder: Path) -> Blobs:
    """Every file below a folder, by its path in it."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def chosen(blobs: Blobs, digests: Iterable[str]) -> Blobs:
    return {digest: blobs[digest] for digest in digests}
