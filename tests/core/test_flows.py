"""The whole client against the sample registry, which shares no code with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regnb import interfaces
from regnb.core.registry import Registry
from regnb.errors import BlobUnknownError, ManifestUnknownError, RepositoryUnknownError
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index
from regnb.sample.server import serve

NOWHERE = Digest("sha256:" + "0" * 64)


@pytest.fixture(scope="module")
def client() -> Iterator[Registry]:
    with serve() as sample, Registry(sample.url) as registry:
        yield registry


def test_the_core_has_the_face_that_walks_expect(client: Registry) -> None:
    face: interfaces.Registry = client
    repository = face.repository("team/web")
    assert (face.name, repository.name) == (face.url.partition("//")[2], "team/web")
    manifest = repository.manifests.get("latest")
    assert repository.manifests.exists(manifest.digest)


def test_every_tag_of_every_repository_is_read_and_verified(client: Registry) -> None:
    kinds = set()
    for name in client.repositories():
        repository = client.repository(name)
        for tag in repository.tags.all():
            manifest = repository.manifests.get(tag)
            kinds.add(manifest.kind)
            assert Digest.of(manifest.raw) == manifest.digest
            assert repository.tags.get(tag).digest == manifest.digest
            assert repository.manifests.get_if_changed(tag, manifest.digest) is None
            assert repository.manifests.get(manifest.digest) == manifest
    assert kinds >= {"image", "index"}


def test_an_image_is_read_down_to_its_bytes(client: Registry) -> None:
    repository = client.repository("library/alpine")
    manifest = repository.manifests.get("latest")
    if isinstance(manifest, Index):
        manifest = repository.manifests.get(manifest.manifests[0].digest)
    assert isinstance(manifest, ImageManifest)
    config = repository.blobs.get(manifest.config.digest)
    assert len(config) == manifest.config.size
    layer = manifest.layers[0]
    assert repository.blobs.stat(layer.digest).size == layer.size
    with repository.blobs.open(layer.digest) as stream:
        content = stream.read()
        assert stream.size == layer.size
    assert Digest.of(content) == layer.digest


def test_pages_of_tags_meet(client: Registry) -> None:
    tags = client.repository("team/api").tags
    whole = tags.all()
    assert len(whole) > 3
    first = tags.list(n=3)
    second = tags.list(n=1000, last=first[-1])
    assert (first.more, second.more) == (True, False)
    assert first + second == whole


def test_what_is_not_there_is_told(client: Registry) -> None:
    client.ping()
    repository = client.repository("team/web")
    with pytest.raises(ManifestUnknownError):
        repository.manifests.get("nothing")
    with pytest.raises(ManifestUnknownError):
        repository.tags.get("nothing")
    with pytest.raises(BlobUnknownError):
        repository.blobs.get(NOWHERE)
    with pytest.raises(BlobUnknownError):
        repository.blobs.open(NOWHERE).read()
    with pytest.raises(RepositoryUnknownError):
        client.repository("no/where").tags.all()
    assert not repository.manifests.exists(NOWHERE)
