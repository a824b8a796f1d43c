"""Manifests that regnb writes into a real docker-registry, as skopeo and the disk see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regnb.core.registry import Registry
from regnb.errors import (
    DeletionDisabledError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestUnknownError,
)
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_EMPTY, OCI_MANIFEST
from regnb.model.reference import referrers_tag
from tests.integration.conftest import noise
from tests.integration.filling import layout, push, run
from tests.servers import docker_registry

pytestmark = pytest.mark.registry


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Registry]:
    with docker_registry(tmp_path / "registry") as url, Registry(url) as registry:
        source = layout(tmp_path / "image", {"1": [{"a": noise("a", 999)}, {"b": noise("b", 99)}]})
        push(source, "1", registry.name, "team/app:1")
        yield registry


def skopeo(client: Registry, reference: str) -> Any:
    return json.loads(
        run(
            "skopeo",
            "inspect",
            "--tls-verify=false",
            "--raw",
            f"docker://{client.name}/{reference}",
        )
    )


def about(subject: Digest, size: int, blob: Digest, number: int) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/spdx+json",
        "config": {"mediaType": OCI_EMPTY, "digest": blob, "size": size},
        "layers": [],
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": size},
        "annotations": {"number": str(number)},
    }
    return json.dumps(document).encode()


def test_m9_and_w_m9_a_manifest_gets_all_its_tags(client: Registry) -> None:
    repository = client.repository("team/app")
    manifest = repository.manifests.get("1")
    put = repository.manifests.put(manifest, tags=["2", "3", "latest"])
    assert put == manifest.descriptor
    assert len(manifest.references()) > 2
    assert set(repository.tags.all()) == {"1", "2", "3", "latest"}
    assert skopeo(client, "team/app:latest") == json.loads(manifest.raw)


def test_w_m8_and_r2_the_referrers_tag_is_kept(client: Registry) -> None:
    repository = client.repository("team/app")
    subject = repository.manifests.get("1")
    config = subject.references()[0]
    pushed = [
        repository.manifests.put(about(subject.digest, config.size, config.digest, number))
        for number in range(3)
    ]
    listed = repository.referrers.all(subject.digest)
    assert [one.digest for one in listed] == [one.digest for one in pushed]
    assert {one.artifact_type for one in listed} == {"application/spdx+json"}
    entries = skopeo(client, f"team/app:{referrers_tag(subject.digest)}")["manifests"]
    assert [entry["annotations"] for entry in entries] == [{"number": str(n)} for n in range(3)]
    repository.manifests.delete(pushed[1].digest)
    left = [one.digest for one in repository.referrers.all(subject.digest)]
    assert left == [pushed[0].digest, pushed[2].digest]


def test_m10_a_deleted_manifest_takes_its_tags_along(client: Registry) -> None:
    repository = client.repository("team/app")
    manifest = repository.manifests.get("1")
    repository.manifests.put(manifest, tags=["2"])
    repository.manifests.delete(manifest.digest)
    assert repository.tags.all() == ()
    with pytest.raises(ManifestUnknownError):
        repository.manifests.delete(manifest.digest)


def test_w_m10_without_deletion_it_is_told(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry", delete=False) as url, Registry(url) as registry:
        source = layout(tmp_path / "image", {"1": [{"a": noise("a", 999)}, {"b": noise("b", 99)}]})
        push(source, "1", registry.name, "team/app:1")
        manifests = registry.repository("team/app").manifests
        manifest = manifests.get("1")
        assert len(manifest.references()) > 2
        with pytest.raises(DeletionDisabledError):
            manifests.delete(manifest.digest)
        assert manifests.exists(manifest.digest)


def test_b_e5_a_manifest_whose_layers_are_missing_is_refused(client: Registry) -> None:
    manifest = client.repository("team/app").manifests.get("1")
    with pytest.raises((ManifestBlobUnknownError, ManifestInvalidError)):
        client.repository("team/other").manifests.put(manifest, tags=["1"])


def test_m8_odd_bytes_are_stored_as_they_are(client: Registry) -> None:
    manifests = client.repository("team/app").manifests
    odd = json.dumps(json.loads(manifests.get("1").raw), indent=7).encode()
    put = manifests.put(odd, tags=["odd"])
    assert manifests.get("odd").raw == odd
    assert put.digest == Digest.of(odd)
