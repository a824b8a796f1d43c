"""Uncompressed sizes that a real docker-registry tells, against the files on its disk."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import regnb
from regnb.audit.audit import Audit
from regnb.client.client import Client
from regnb.core.registry import Registry
from regnb.model import media_types
from regnb.model.digest import Digest
from tests.integration.conftest import noise
from tests.integration.filling import Filled, layout, push, run
from tests.servers import docker_registry, storage

pytestmark = pytest.mark.registry

ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


def told(audit: Audit) -> dict[str, tuple[int, str]]:
    """What the layers of an audit told of their uncompressed sizes, and how."""
    rows = audit.blobs.dropna(subset="uncompressed_source")
    columns = (rows["digest"], rows["uncompressed_size"], rows["uncompressed_source"])
    return {digest: (int(size), source) for digest, size, source in zip(*columns, strict=True)}


def unpacked(root: Path, audit: Audit) -> dict[str, int]:
    """The bytes of each layer that is compressed by gzip, unpacked from the disk."""
    blobs = root / "docker/registry/v2/blobs"
    layers = audit.blobs.loc[audit.blobs["compression"] == "gzip", "digest"]
    files = {
        one: blobs / "sha256" / Digest(one).encoded[:2] / Digest(one).encoded for one in layers
    }
    return {one: len(gzip.decompress((file / "data").read_bytes())) for one, file in files.items()}


def test_the_end_of_gzip_tells_what_unpacking_gives(client: Client, filled: Filled) -> None:
    audit = client.audit(uncompressed=True, progress=False)
    expected = unpacked(filled.root, audit)
    assert audit.complete
    assert len(expected) == 7
    assert told(audit) == {digest: (size, "isize") for digest, size in expected.items()}


def test_a_storage_that_the_registry_redirects_to_tells_as_much(tmp_path: Path) -> None:
    stored = tmp_path / "registry"
    with (
        storage(tmp_path / "storage", stored) as elsewhere,
        docker_registry(stored, blobs_at=elsewhere) as url,
        regnb.connect(url) as client,
    ):
        source = layout(tmp_path / "image", {"1": [{"a": noise("a", 999)}, {"b": bytes(70_000)}]})
        push(source, "1", client.name, "app:1")
        audit = client.audit(uncompressed=True, progress=False)
        expected = unpacked(stored, audit)
        assert len(expected) == 2
        assert told(audit) == {digest: (size, "isize") for digest, size in expected.items()}


def test_zstd_tells_only_where_its_frame_does(tmp_path: Path) -> None:
    """skopeo 1.9.3 compresses as it reads: it knows the size only of what fits into a block."""
    layers = [{"a": bytes(70_000)}, {"b": bytes(300_000)}]
    source, folder = layout(tmp_path / "image", {"1": layers}), tmp_path / "streamed"
    streamed = (
        "--dest-compress",
        "--dest-compress-format=zstd",
        f"oci:{source}:1",
        f"dir:{folder}",
    )
    run("skopeo", "copy", *streamed)
    manifest = json.loads((folder / "manifest.json").read_text())
    small, large = manifest["layers"]
    assert small["mediaType"] == large["mediaType"] == ZSTD
    tar = bytes(300_000)
    frame = bytes(pa.compress(tar, codec="zstd", asbytes=True))
    known = {"mediaType": ZSTD, "digest": Digest.of(frame), "size": len(frame)}
    plain = {"mediaType": media_types.OCI_LAYER, "digest": Digest.of(tar), "size": len(tar)}
    manifest["layers"] += [known, plain]
    manifest["mediaType"] = media_types.OCI_MANIFEST
    with docker_registry(tmp_path / "registry") as url, Registry(url) as registry:
        repository = registry.repository("app")
        for one in (small, large, manifest["config"]):
            repository.blobs.put(folder / Digest(one["digest"]).encoded)
        for raw in (frame, tar):
            repository.blobs.put(raw)
        repository.manifests.put(json.dumps(manifest).encode(), tags=["1"])
        with regnb.connect(url) as client:
            audit = client.audit(uncompressed=True, progress=False)
    assert audit.complete
    assert told(audit) == {
        small["digest"]: (71_024, "zstd-header"),
        known["digest"]: (300_000, "zstd-header"),
        plain["digest"]: (300_000, "stored"),
    }
    unknown = audit.blobs.set_index("digest").loc[large["digest"]]
    assert unknown["compression"] == "zstd"
    assert pd.isna(unknown["uncompressed_size"])


def test_a_layer_that_is_gone_is_an_error_and_no_size(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry") as url, regnb.connect(url) as client:
        source = layout(tmp_path / "image", {"1": [{"a": noise("a", 999)}]})
        push(source, "1", client.name, "app:1")
        (digest,) = client["app:1"].layers()["digest"]
        Registry(url).repository("app").blobs.delete(digest)
        assert client.audit(progress=False).complete
        audit = client.audit(uncompressed=True, progress=False)
    assert told(audit) == {}
    assert not audit.complete
    assert audit.errors[["stage", "reference", "http_status"]].to_numpy().tolist() == [
        ["blob", digest, 404]
    ]
