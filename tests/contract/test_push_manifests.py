"""Push of manifests by tag and digest, and what is refused (OCI distribution-spec 1.1, push)."""

from __future__ import annotations

import json

import pytest

from tests.contract.wire import (
    ABSENT,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Registry,
    codes,
    described,
)


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_pushed_by_tag_or_digest(registry: Registry, name: str, by: str) -> None:
    image = registry.push_image(name)
    reference = "1.0" if by == "tag" else image.digest
    answer = registry.put(name, reference, image.raw)
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == image.digest
    assert registry.follow("GET", answer).content == image.raw


def test_a_tag_moves_and_what_it_left_stays(registry: Registry, name: str) -> None:
    old, new = registry.push_image(name, "1"), registry.push_image(name, "1")
    assert registry.ask("GET", f"v2/{name}/manifests/1").content == new.raw
    assert registry.ask("GET", f"v2/{name}/manifests/{old.digest}").content == old.raw


def test_a_manifest_that_is_not_its_digest_is_refused(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    answer = registry.put(name, ABSENT, image.raw)
    assert answer.status_code == 400
    assert codes(answer) == ["DIGEST_INVALID"]


@pytest.mark.parametrize("raw", [b"", b"blah", b"[]", b'{"schemaVersion":2', b"[" * 9000])
def test_what_is_no_manifest_is_refused(registry: Registry, name: str, raw: bytes) -> None:
    answer = registry.put(name, "1", raw)
    assert answer.status_code == 400
    assert codes(answer) == ["MANIFEST_INVALID"]


def test_a_reference_that_is_no_digest_is_refused(registry: Registry, name: str) -> None:
    answer = registry.put(name, "sha256:totallywrong", b"blah")
    assert answer.status_code == 400


@pytest.mark.parametrize("tag", [".dot", "-dash", "a" * 129, "a+b"])
def test_what_is_no_tag_is_refused(registry: Registry, name: str, tag: str) -> None:
    image = registry.push_image(name)
    answer = registry.put(name, tag, image.raw)
    assert answer.status_code == registry.does("push of a tag of a wrong form", 400)


def test_a_manifest_whose_blobs_are_missing_is_refused(registry: Registry, name: str) -> None:
    registry.push_blob(name, b"{}")
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(b"{}", OCI_CONFIG),
        "layers": [described(b"not pushed", OCI_LAYER)],
    }
    answer = registry.put(name, "1", json.dumps(document).encode())
    assert answer.status_code == registry.does("manifest whose blobs are missing", 404)
    assert codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]


def test_a_manifest_may_have_no_layers(registry: Registry, name: str) -> None:
    registry.push_blob(name, b"{}")
    config = described(b"{}", OCI_CONFIG)
    document = {"mediaType": OCI_MANIFEST, "config": config, "layers": []}
    pushed = registry.push(name, document, "empty")
    assert registry.ask("GET", f"v2/{name}/manifests/empty").content == pushed.raw


def test_a_foreign_layer_needs_no_blob(registry: Registry, name: str) -> None:
    registry.push_blob(name, b"{}")
    foreign = {
        **described(b"far away", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
        "urls": ["https://layers.example.com/base.tar.gz"],
    }
    config = described(b"{}", OCI_CONFIG)
    document = {"mediaType": OCI_MANIFEST, "config": config, "layers": [foreign]}
    pushed = registry.push(name, document, "windows")
    assert registry.ask("GET", f"v2/{name}/manifests/windows").content == pushed.raw


def test_an_index_may_lack_a_child(registry: Registry, name: str) -> None:
    image = registry.push_image(name)
    gone = {**image.descriptor, "digest": ABSENT}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [image.descriptor, gone],
    }
    answer = registry.put(name, "sparse", json.dumps(document).encode(), OCI_INDEX)
    assert answer.status_code == registry.does("push of a sparse index", 201)


def test_an_index_of_an_index_is_taken(registry: Registry, name: str) -> None:
    image = registry.push_image(name)
    inner = registry.push(name, {"mediaType": OCI_INDEX, "manifests": [image.descriptor]})
    document = {"mediaType": OCI_INDEX, "manifests": [inner.descriptor]}
    outer = registry.push(name, document, "nested")
    answer = registry.ask("GET", f"v2/{name}/manifests/nested")
    assert (answer.content, answer.headers["Content-Type"]) == (outer.raw, OCI_INDEX)


def test_a_manifest_of_four_megabytes_is_taken_and_a_larger_one_is_not(
    registry: Registry, name: str
) -> None:
    registry.push_blob(name, b"{}")
    too_large = registry.does("manifest that is too large", 413)
    for padding, status in [(4 << 20, too_large), ((4 << 20) - 1000, 201)]:
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(b"{}", OCI_CONFIG),
            "layers": [],
            "annotations": {"padding": "x" * padding},
        }
        answer = registry.put(name, "large", json.dumps(document).encode())
        assert answer.status_code == status


@pytest.mark.parametrize("media_type", [OCI_INDEX, ""])
def test_a_media_type_that_is_not_the_content_type_is_refused(
    registry: Registry, name: str, media_type: str
) -> None:
    image = registry.push_image(name)
    answer = registry.put(name, "1", image.raw, media_type)
    assert answer.status_code == 400
    assert codes(answer) == ["MANIFEST_INVALID"]


def test_a_document_that_is_image_and_index_at_once_is_refused(
    registry: Registry, name: str
) -> None:
    image = registry.push_image(name)
    both = {**json.loads(image.raw), "manifests": [image.descriptor]}
    answer = registry.put(name, "1", json.dumps(both).encode())
    assert answer.status_code == 400
    assert codes(answer) == ["MANIFEST_INVALID"]


def test_a_subject_is_acknowledged(registry: Registry, name: str) -> None:
    image = registry.push_image(name, "1")
    about = {**json.loads(image.raw), "subject": image.descriptor}
    answer = registry.put(name, "about", json.dumps(about).encode())
    assert answer.status_code == 201
    told = registry.does("OCI-Subject", image.digest)
    assert answer.headers.get("OCI-Subject") == told


def test_one_push_may_set_many_tags(registry: Registry, name: str) -> None:
    image = registry.push_image(name)
    tags = [f"1.{minor}" for minor in range(10)]
    answer = registry.ask(
        "PUT",
        f"v2/{name}/manifests/{image.digest}",
        params={"tag": tags},
        data=image.raw,
        headers={"Content-Type": OCI_MANIFEST},
    )
    assert answer.status_code == 201
    told = answer.raw.headers.getlist("OCI-Tag")
    assert told == registry.does("OCI-Tag", tags)
    for tag in told:
        assert registry.ask("GET", f"v2/{name}/manifests/{tag}").content == image.raw
