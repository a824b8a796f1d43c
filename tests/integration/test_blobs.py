"""Blobs of a real docker-registry, read whole, in part and out of order."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.errors import BlobUnknownError, DigestMismatchError
from regnb.model.digest import Digest
from tests.integration.conftest import noise
from tests.servers import docker_registry

pytestmark = pytest.mark.registry

CONTENT = noise("blob", 3 * 1024 * 1024 + 7)
DIGEST = Digest.of(CONTENT)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def repository(root: Path) -> Iterator[Repository]:
    with docker_registry(root) as url, Registry(url) as client:
        found = client.repository("team/app")
        assert found.blobs.put(io.BytesIO(CONTENT)).digest == DIGEST
        assert found.blobs.put(b"").size == 0
        yield found


def test_w_b1_a_blob_is_read_and_verified(repository: Repository) -> None:
    with repository.blobs.open(DIGEST) as blob:
        assert blob.read() == CONTENT
        assert (blob.verified, blob.size) == (True, len(CONTENT))


def test_b7_and_b9_parts_are_read_by_ranges(repository: Repository) -> None:
    with repository.blobs.open(DIGEST) as blob:
        for position, size in ((1_000_000, 10), (5, 70_000), (len(CONTENT) - 3, 99), (0, 1)):
            assert blob.seek(position) == position
            assert blob.read(size) == CONTENT[position : position + size]
        assert blob.seek(0, os.SEEK_END) == len(CONTENT)
        assert blob.read() == b""
        assert blob.seek(-1, os.SEEK_END) == len(CONTENT) - 1
        assert blob.read(5) == CONTENT[-1:]


def test_w_p9_an_empty_blob_is_read(repository: Repository) -> None:
    digest = Digest.of(b"")
    assert repository.blobs.get(digest) == b""
    assert repository.blobs.stat(digest).size == 0


def test_b1_what_is_not_there_is_told(repository: Repository) -> None:
    with repository.blobs.open(Digest.of(b"missing")) as blob, pytest.raises(BlobUnknownError):
        blob.read(1)


def test_s13_a_blob_that_rots_on_disk_is_noticed(repository: Repository, root: Path) -> None:
    rotten = noise("rotten", 700_000)
    digest = repository.blobs.put(rotten).digest
    hexadecimal = digest.encoded
    data = root / f"docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"
    data.write_bytes(rotten[:350_000] + b"?" + rotten[350_001:])
    with repository.blobs.open(digest) as blob:
        with pytest.raises(DigestMismatchError):
            blob.read()
        assert not blob.verified
