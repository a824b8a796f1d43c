"""Images in memory, put into layouts piece by piece."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, parse_manifest
from regnb.store.layout_repository import LayoutRepository


def noise(name: str, length: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(length)


def layer_tar(name: str, length: int = 3000) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        member = tarfile.TarInfo(f"opt/{name}")
        member.size = length
        tar.addfile(member, io.BytesIO(noise(name, length)))
    return held.getvalue()


class Built:
    """An image and its blobs: a config, and a gzipped layer for each name."""

    def __init__(self, *names: str, subject: Manifest | None = None, length: int = 3000) -> None:
        tars = [layer_tar(name, length) for name in names]
        layers = [gzip.compress(tar, mtime=0) for tar in tars]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(tar) for tar in tars]},
        }
        raw = json.dumps(config).encode()
        self.blobs = {Digest.of(one): one for one in (raw, *layers)}
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": described(raw, media_types.OCI_CONFIG),
            "layers": [described(one, media_types.OCI_LAYER_GZIP) for one in layers],
        }
        if subject is not None:
            document["artifactType"] = "application/x.signature"
            document["annotations"] = {"made": "of " + subject.digest.short}
            document["subject"] = described(subject.raw, subject.media_type)
        manifest = parse_manifest(json.dumps(document).encode())
        assert isinstance(manifest, ImageManifest)
        self.manifest = manifest

    def into(self, repository: LayoutRepository, *tags: str) -> Descriptor:
        put_blobs(repository, self.blobs)
        return repository.manifests.put(self.manifest, tags=tags)


def put_blobs(repository: LayoutRepository, blobs: Mapping[Digest, bytes]) -> None:
    for digest, raw in blobs.items():
        descriptor = Descriptor("application/octet-stream", digest, len(raw))
        with repository.blobs.part(descriptor) as part:
            part.write(raw)
            part.commit()


def described(raw: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": Digest.of(raw), "size": len(raw)}


def index(manifests: Iterable[Manifest], **more: Any) -> Index:
    listed = [described(one.raw, one.media_type) for one in manifests]
    document = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": listed, **more}
    found = parse_manifest(json.dumps(document).encode())
    assert isinstance(found, Index)
    return found


def index_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "index.json").read_bytes())
    return found


def hand_made(folder: Path, *entries: Mapping[str, Any], blobs: Iterable[bytes] = ()) -> Path:
    """A layout that another program may have made."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    for raw in blobs:
        (folder / "blobs" / "sha256" / Digest.of(raw).encoded).write_bytes(raw)
    return folder


def entry(manifest: Manifest, **annotations: str) -> dict[str, Any]:
    found = described(manifest.raw, manifest.media_type)
    return {**found, "annotations": annotations} if annotations else found
