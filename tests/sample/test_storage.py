"""What the storage counts, and what it makes of documents that are none."""

from __future__ import annotations

import pytest

from regnb.sample.names import digest_of
from regnb.sample.storage import FullError, Manifest, Storage


def test_bytes_are_counted_once_however_many_repositories_hold_them() -> None:
    storage = Storage()
    digest = digest_of(b"content")
    for name in ("one", "two"):
        storage.put_blob(name, b"content", digest=digest)
    assert storage.mount("three", digest, source="one")
    assert storage.held == len(b"content")
    assert storage.blob("three", digest) == b"content"


def test_an_upload_counts_until_it_ends() -> None:
    storage = Storage(capacity=10)
    upload = storage.start("app")
    upload.append([b"12345", b"67890"])
    with pytest.raises(FullError):
        upload.append([b"x"])
    assert (storage.held, bytes(upload.data)) == (10, b"1234567890")
    upload.cut(4)
    assert storage.held == 4
    storage.end("app", upload)
    storage.end("app", upload)
    assert storage.held == 0


def test_manifests_count_as_well() -> None:
    storage = Storage(capacity=20)
    manifest = Manifest.read(b'{"schemaVersion":2}', "application/json")
    storage.put_manifest("app", manifest, tags=["1"])
    storage.put_manifest("app", manifest, tags=["2"])
    assert storage.held == 19
    with pytest.raises(FullError):
        storage.put_manifest("app", Manifest.read(b"{ }", "application/json"))
    assert storage.delete_manifest("app", manifest.digest)
    assert (storage.held, storage.tags("app")) == (0, [])


def test_looking_does_not_make_a_repository() -> None:
    storage = Storage()
    storage.start("app")
    assert storage.tags("app") == []
    assert storage.manifest("app", "1") is None
    assert not storage.delete_tag("app", "1")
    assert storage.names() == []


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", b"[]", b'"text"', b"{", b'{"a":NaN}', b"[" * 100_000, b"1" * 5000],
)
def test_what_is_no_json_object_says_nothing(raw: bytes) -> None:
    manifest = Manifest.read(raw, "application/json")
    assert manifest.document == {}
    assert manifest.subject is None
    assert manifest.digest == digest_of(raw)


def test_odd_fields_are_left_out_of_a_descriptor() -> None:
    raw = b'{"subject":[],"config":"x","artifactType":7,"annotations":{"a":1,"b":"c"}}'
    manifest = Manifest.read(raw, "application/json")
    assert manifest.subject is None
    assert manifest.descriptor() == {
        "mediaType": "application/json",
        "digest": digest_of(raw),
        "size": len(raw),
        "annotations": {"b": "c"},
    }
