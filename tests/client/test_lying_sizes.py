"""Registries whose manifests say what is not so about the sizes of blobs."""

from __future__ import annotations

import json
from collections.abc import Iterable

import regnb
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from regnb.sample import SampleClient
from regnb.sample.storage import Manifest

CONFIG = json.dumps({"os": "linux", "architecture": "amd64"}).encode()


def push(reg: SampleClient, repository: str, blobs: Iterable[tuple[bytes, int]]) -> int:
    """Push an image of a config and layers, each with the size that is said; its bytes."""
    storage, named = reg.served.storage, []
    for (raw, said), kind in zip(blobs, [OCI_CONFIG, OCI_LAYER, OCI_LAYER], strict=False):
        storage.put_blob(repository, raw, digest=Digest.of(raw))
        named.append({"mediaType": kind, "digest": Digest.of(raw), "size": said})
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": named[0]}
    raw = json.dumps({**document, "layers": named[1:]}).encode()
    storage.put_manifest(repository, Manifest.read(raw, OCI_MANIFEST), tags=("1",))
    return len(raw)


def test_a_config_that_was_read_has_its_own_size_in_audits_and_details() -> None:
    layer = b"A" * 1000
    with regnb.sample.connect() as reg:
        document = push(reg, "lie", [(CONFIG, 1_000_000), (layer, 1000)])
        for _ in range(2):  # the second finds the config in the cache
            audit = reg.audit(["lie"], progress=False)
            assert audit.complete
            row = audit.blobs.set_index("digest").loc[Digest.of(CONFIG)]
            assert (row["size"], row["size_source"]) == (len(CONFIG), "document")
            assert row["size_conflict"]
            assert audit.usage("registry")["stored"].item() == document + len(CONFIG) + 1000
        details = reg["lie"].tags(details=True, progress=False)
        assert details["size"].tolist() == [document + len(CONFIG) + 1000]
        assert details["declared_size"].tolist() == [1_001_000]
