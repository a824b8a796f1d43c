"""Registries whose manifests say what is not so about the sizes of blobs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import regnb
from regnb.audit.audit import Audit
from regnb.client import sharding
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


LAYER = b"A" * 1000


def lie(reg: SampleClient) -> int:
    """Two repositories whose manifests disagree on one layer; what is really stored."""
    documents = [
        push(reg, name, [(CONFIG, len(CONFIG)), (LAYER, said)])
        for name, said in (("lie/one", 1000), ("lie/two", 5000))
    ]
    return sum(documents) + len(CONFIG) + len(LAYER)


def assert_settled(audit: Audit, stored: int) -> None:
    assert audit.complete
    row = audit.blobs.set_index("digest").loc[Digest.of(LAYER)]
    assert (row["size"], row["size_source"], row["size_conflict"]) == (1000, "head", True)
    assert audit.usage("registry")["stored"].item() == stored
    plan = audit.plan_delete(repositories="lie/*")
    assert plan.freed == stored
    assert "Descriptors disagree" not in " ".join(plan.warnings)


def test_where_manifests_disagree_the_registry_is_asked() -> None:
    with regnb.sample.connect() as reg:
        stored = lie(reg)
        audit = reg.audit("lie/*", progress=False)
        assert_settled(audit, stored)
        assert "1 blob of which a descriptor states a wrong size" in audit.card().text()


def test_where_it_does_not_say_totals_are_marked() -> None:
    with regnb.sample.connect() as reg:
        stored = lie(reg)
        for name in ("lie/one", "lie/two"):
            reg.served.storage.delete_blob(name, Digest.of(LAYER))
        audit = reg.audit("lie/*", progress=False)
        assert not audit.complete
        assert audit.errors["stage"].tolist() == ["blob", "blob"]
        assert audit.errors["repository"].tolist() == ["lie/one", "lie/two"]
        assert audit.usage("registry")["stored"].item() == stored + 4000
        assert "the largest is counted: totals are not exact" in audit.card().text()
        assert "Descriptors disagree" in " ".join(audit.plan_delete(repositories="lie/*").warnings)


def test_what_workers_disagree_on_is_asked_for_in_the_end_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "SMALLEST", 1)
    with regnb.sample.connect() as reg, ThreadPoolExecutor(2) as workers:
        stored = lie(reg)
        audit = reg.audit("lie/*", executor=workers, folder=tmp_path, progress=False)
        assert_settled(audit, stored)
    loaded = regnb.load_audit(tmp_path)
    assert_settled(loaded, stored)
    pd.testing.assert_frame_equal(loaded.blobs, audit.blobs)
