"""A registry in memory that counts what it is asked, and fails where it is told to."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from regnb.errors import (
    BlobUnknownError,
    ManifestUnknownError,
    RepositoryUnknownError,
    SizeMismatchError,
)
from regnb.interfaces import CONFIG_LIMIT, RateLimit, TagList
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, parse_manifest

Request = tuple[str, str, str]
"""What is asked (``list get head resolve config`` and so on), the repository, the reference."""


def image(name: str, *, config: bytes = b"", attestation: bool = False) -> ImageManifest:
    raw = config or config_of(name)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": _descriptor(media_types.OCI_CONFIG, raw),
        "layers": [_descriptor(media_types.OCI_LAYER_GZIP, name.encode())],
        "annotations": {"attestation": str(attestation)},
    }
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, ImageManifest)
    return manifest


def config_of(name: str) -> bytes:
    return json.dumps({"os": "linux", "architecture": "amd64", "author": name}).encode()


def index(*entries: Manifest | Digest, annotations: dict[str, str] | None = None) -> Index:
    listed = [
        {
            "mediaType": media_types.OCI_MANIFEST,
            "digest": entry if isinstance(entry, Digest) else entry.digest,
            "size": 0 if isinstance(entry, Digest) else entry.size,
            "annotations": annotations or {},
        }
        for entry in entries
    ]
    document = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": listed}
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, Index)
    return manifest


def _descriptor(media_type: str, raw: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": Digest.of(raw), "size": len(raw)}


class FakeRegistry:
    """Registry, repositories, tags, manifests and blobs in one.

    Attributes:
        asked: how often each request came; each name in a catalog is one.
        requests: how many there were in all; a catalog is one.
        layers: the bytes of some, or None for one that is only sent whole.
        disturb: called before each answer; may raise or wait.
        knocks: how often it was asked whether it answers, and `is_up` what it said.
        is_frugal: whether what fails is asked for less often now.
    """

    name = "registry.example"
    url = "https://registry.example"
    rate_limit: RateLimit | None = None

    def __init__(self) -> None:
        self.asked: Counter[Request] = Counter()
        self.catalogs = 0
        self.requests = 0
        self.disturb: Callable[[Request], object] = lambda request: None
        self.tags: dict[str, dict[str, Manifest]] = {}
        self.manifests: dict[str, dict[Digest, Manifest]] = {}
        self.configs: dict[Digest, bytes] = {}
        self.sizes: dict[tuple[str, Digest], int] = {}
        self.layers: dict[tuple[str, Digest], bytes | None] = {}
        self.lost: set[tuple[str, Digest]] = set()
        self.invalid: dict[str, tuple[str, ...]] = {}
        self.referrers: dict[tuple[str, Digest], tuple[Descriptor, ...]] | None = None
        self.threads: set[str] = set()
        self.knocks = 0
        self.is_up = True
        self.is_frugal = False
        self._lock = threading.Lock()

    def push(self, repository: str, tag: str, manifest: Manifest, *held: Manifest) -> None:
        self.tags.setdefault(repository, {})[tag] = manifest
        self.hold(repository, manifest, *held)

    def hold(self, repository: str, *held: Manifest) -> None:
        for manifest in held:
            self.manifests.setdefault(repository, {})[manifest.digest] = manifest

    def ask(self, *request: str) -> None:
        what, repository, reference = request
        with self._lock:
            self.asked[what, repository, reference] += 1
            self.requests += what != "catalog"
            self.threads.add(threading.current_thread().name)
        self.disturb((what, repository, reference))

    def count(self, what: str) -> int:
        return sum(number for request, number in self.asked.items() if request[0] == what)

    def repositories(self, *, on_refused: Callable[[str], object] | None = None) -> Iterator[str]:
        self.catalogs += 1
        self.requests += 1
        for name in list(self.tags):
            self.ask("catalog", "", name)
            if name.islower():
                yield name
            elif on_refused:
                on_refused(name)

    def answers(self) -> bool:
        with self._lock:
            self.requests += 1
            self.knocks += 1
        return self.is_up

    @contextmanager
    def frugal(self) -> Iterator[None]:
        self.is_frugal = True
        yield
        self.is_frugal = False

    def cancel(self) -> None:
        """Nothing: its answers come at once, unless a test holds them back itself."""

    def repository(self, name: str) -> FakeRepository:
        return FakeRepository(self, name)


class FakeRepository:
    def __init__(self, registry: FakeRegistry, name: str) -> None:
        self.name = name
        self.tags = FakeTags(registry, name)
        self.manifests = FakeManifests(registry, name)
        self.blobs = FakeBlobs(registry, name)
        self.referrers = FakeReferrers(registry, name)


LAYER_HERE = Digest.of(b"a layer that is here")


class FakeTags:
    def __init__(self, registry: FakeRegistry, name: str) -> None:
        self._registry, self._name = registry, name

    def all(self) -> TagList:
        self._registry.ask("list", self._name, "")
        if self._name not in self._registry.tags:
            raise RepositoryUnknownError("no such repository", status=404, code="NAME_UNKNOWN")
        tags = tuple(self._registry.tags[self._name])
        return TagList(tags, self._registry.invalid.get(self._name, ()))

    def get(self, tag: str) -> Descriptor:
        self._registry.ask("resolve", self._name, tag)
        try:
            return self._registry.tags[self._name][tag].descriptor
        except KeyError:
            raise ManifestUnknownError("no such tag", status=404) from None


class FakeManifests:
    def __init__(self, registry: FakeRegistry, name: str) -> None:
        self._registry, self._name = registry, name

    def exists(self, digest: Digest) -> bool:
        self._registry.ask("head", self._name, digest)
        return digest in self._registry.manifests[self._name]

    def get(self, reference: str) -> Manifest:
        self._registry.ask("get", self._name, reference)
        registry = self._registry
        found = (
            registry.manifests[self._name].get(Digest(reference))
            if ":" in reference
            else registry.tags[self._name].get(reference)
        )
        if found is None:
            raise ManifestUnknownError("no such manifest", status=404, code="MANIFEST_UNKNOWN")
        return found

    def receive(self, reference: str) -> Callable[[], Manifest]:
        found = self.get(reference)
        return lambda: found

    def get_if_changed(self, reference: str, etag: str) -> Manifest | None:
        found = self._registry.tags[self._name].get(reference)
        if found is None or found.digest != etag:
            return self.get(reference)
        self._registry.ask("unchanged", self._name, reference)
        return None


class FakeReferrers:
    def __init__(self, registry: FakeRegistry, name: str) -> None:
        self._registry, self._name = registry, name

    def all(self, digest: Digest) -> tuple[Descriptor, ...]:
        return self.listed(digest) or ()

    def listed(self, digest: Digest) -> tuple[Descriptor, ...] | None:
        self._registry.ask("referrers", self._name, digest)
        listed = self._registry.referrers
        return None if listed is None else listed.get((self._name, digest), ())


class FakeBlobs:
    def __init__(self, registry: FakeRegistry, name: str) -> None:
        self._registry, self._name = registry, name

    def stat(self, digest: Digest) -> Descriptor:
        self._registry.ask("stat", self._name, digest)
        size = self._registry.sizes.get((self._name, digest), 1 if digest == LAYER_HERE else None)
        if size is None:
            raise BlobUnknownError("no such blob", status=404, code="BLOB_UNKNOWN")
        return Descriptor("application/octet-stream", digest, size)

    def get(self, digest: Digest, *, limit: int = CONFIG_LIMIT) -> bytes:
        self._registry.ask("config", self._name, digest)
        assert limit == 8 * 1024 * 1024
        found = self._registry.configs.get(digest)
        if found is None or (self._name, digest) in self._registry.lost:
            raise BlobUnknownError("no such blob", status=404, code="BLOB_UNKNOWN")
        return found

    def open(self, digest: Digest) -> io.BufferedIOBase:
        return io.BytesIO(self.get(digest))

    def read_range(self, blob: Descriptor, positions: range) -> bytes | None:
        self._registry.ask("range", self._name, blob.digest)
        if (self._name, blob.digest) not in self._registry.layers:
            raise BlobUnknownError("no such blob", status=404, code="BLOB_UNKNOWN")
        raw = self._registry.layers[self._name, blob.digest]
        if raw is not None and len(raw) != blob.size:
            raise SizeMismatchError("another size")
        return None if raw is None else raw[positions.start : positions.stop]


def elsewhere(*layers: Digest) -> ImageManifest:
    """An image whose layers name other places, where they lie as well, or only."""
    document = json.loads(image("elsewhere").raw)
    document["layers"] = [
        {**_descriptor(media_types.OCI_LAYER, b""), "digest": layer, "urls": ["https://x.example"]}
        for layer in layers
    ]
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, ImageManifest)
    return manifest
