"""Listings and tags against registries that are real: the sample registry and docker-registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.core.responses import failure
from regnb.errors import (
    DeletionDisabledError,
    ManifestUnknownError,
    RepositoryUnknownError,
    UntagUnsupportedError,
    UploadUnknownError,
)
from regnb.model.digest import Digest
from regnb.sample.server import serve
from tests.bench.planting import plant_repositories, plant_tags
from tests.bench.seeding import Seeder
from tests.core.samples import CONFIG, LAYER, MANIFEST, MANIFEST_DIGEST
from tests.servers import docker_registry

NAMES = 2500
SERVERS = ["sample", pytest.param("docker-registry", marks=pytest.mark.registry)]


@pytest.fixture(params=SERVERS)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    """An empty repository of a registry that deletes."""
    serving = serve(None) if request.param == "sample" else docker_registry(tmp_path)
    with serving as served:
        url = served if isinstance(served, str) else served.url
        with Registry(url) as registry:
            yield registry.repository("team/app")


def push(repository: Repository, *tags: str) -> None:
    """One small image under several tags."""
    seeder = Seeder(repository.registry.url)
    with seeder.session:
        for content in (CONFIG, LAYER):
            seeder.blob(repository.name, content)
    for tag in tags:
        repository.manifests.put(MANIFEST, tags=[tag])


def test_w_t1_a_tag_is_set_and_looked_up(repository: Repository) -> None:
    push(repository, "1.2", "other")
    assert repository.tags.tag("1.2", "stable").digest == MANIFEST_DIGEST
    assert repository.tags.get("stable").digest == MANIFEST_DIGEST
    assert set(repository.tags.lookup(MANIFEST_DIGEST)) == {"1.2", "other", "stable"}
    assert repository.tags.lookup(Digest.of(b"nothing")) == ()
    with pytest.raises(ManifestUnknownError):
        repository.tags.tag("1.3", "stable")


def test_w_t9_an_unknown_repository_is_told(repository: Repository) -> None:
    with pytest.raises(RepositoryUnknownError):
        repository.tags.all()


def test_w_e3_an_unknown_upload_is_told(repository: Repository) -> None:
    push(repository, "1.2")
    transport = repository.registry.transport
    url = f"{transport.address.api}team/app/blobs/uploads/00000000-0000-0000-0000-000000000000"
    answer = transport.exchange("GET", url, limit=100)
    assert type(failure(answer, unknown=UploadUnknownError)) is UploadUnknownError


def test_t9_a_tag_is_taken_away_and_its_manifest_stays() -> None:
    with serve(None) as sample, Registry(sample.url) as registry:
        repository = registry.repository("team/app")
        push(repository, "1.2", "stable")
        repository.tags.untag("1.2")
        assert repository.tags.all() == ("stable",)
        assert repository.manifests.exists(MANIFEST_DIGEST)
        with pytest.raises(ManifestUnknownError):
            repository.tags.untag("1.2")


@pytest.mark.registry
@pytest.mark.parametrize(("delete", "status"), [(True, 400), (False, 405)])
def test_w_m10_docker_registry_does_not_untag(tmp_path: Path, delete: bool, status: int) -> None:
    with docker_registry(tmp_path, delete=delete) as url, Registry(url) as registry:
        repository = registry.repository("team/app")
        push(repository, "1.2", "stable")
        with pytest.raises(UntagUnsupportedError) as caught:
            repository.tags.untag("1.2")
        assert caught.value.status == status
        assert set(repository.tags.all()) == {"1.2", "stable"}
        if not delete:
            with pytest.raises(DeletionDisabledError):
                repository.manifests.delete(MANIFEST_DIGEST)


@pytest.mark.registry
def test_w_c2_docker_registry_lists_thousands(tmp_path: Path) -> None:
    plant_repositories(tmp_path, NAMES)
    plant_tags(tmp_path, "many/tags", NAMES)
    with docker_registry(tmp_path) as url, Registry(url) as registry:
        names = list(registry.repositories())
        assert len(names) == len(set(names)) == NAMES + 1
        pages = list(registry.repository("many/tags").tags.pages())
        assert [len(page) for page in pages] == [NAMES]
        assert set(pages[0]) == {f"release-{number:06d}" for number in range(NAMES)}


@pytest.mark.parametrize("page_size", [1, 7, 1000])
def test_t2_every_page_of_the_sample_registry_is_read(page_size: int) -> None:
    with serve() as whole, serve(page_size=page_size) as paged:
        ours, theirs = Registry(paged.url), Registry(whole.url)
        with ours, theirs:
            names = list(ours.repositories())
            assert names == list(theirs.repositories())
            for name in names:
                pages = list(ours.repository(name).tags.pages())
                assert all(len(page) <= page_size for page in pages)
                tags = [tag for page in pages for tag in page]
                assert tags == list(theirs.repository(name).tags.all())
                assert tags == list(ours.repository(name).tags.all())
