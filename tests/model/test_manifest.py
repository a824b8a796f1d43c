from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.errors import DigestMismatchError, InvalidDocumentError, VerificationError
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, OpaqueManifest, parse_manifest
from tests.model.documents import ANYTHING, A, B, C, damaged, descriptor, image, index, written

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def test_m8_the_bytes_are_kept_and_the_digest_is_over_them() -> None:
    raw = b"  " + written(image()) + b"\n"
    manifest = parse_manifest(raw, media_type=media_types.OCI_MANIFEST)
    assert manifest.raw == raw
    assert manifest.digest == Digest.of(raw)
    assert manifest.size == len(raw)
    assert manifest.descriptor == Descriptor(media_types.OCI_MANIFEST, Digest.of(raw), len(raw))
    assert pickle.loads(pickle.dumps(manifest)) == manifest


def test_m11_references_are_the_config_and_then_the_layers() -> None:
    manifest = parse_manifest(written(image()))
    assert isinstance(manifest, ImageManifest)
    assert [r.digest for r in manifest.references()] == [C, A, B]
    assert manifest.kind == "image"
    assert manifest.artifact_type is None


def test_m11_references_of_an_index_carry_their_platform() -> None:
    manifest = parse_manifest(written(index()))
    assert isinstance(manifest, Index)
    assert [str(r.platform) for r in manifest.references()] == ["linux/arm64/v8"]


def test_w_m1_bytes_that_are_not_what_was_asked_for_are_refused() -> None:
    with pytest.raises(DigestMismatchError):
        parse_manifest(written(image()), digest=A)


def test_m6_parameters_of_the_content_type_do_not_matter() -> None:
    given_type = f"{media_types.OCI_INDEX.upper()}; charset=utf-8"
    assert parse_manifest(written(index()), media_type=given_type).kind == "index"


@pytest.mark.parametrize("media_type", [None, "", "application/json", "text/plain"])
def test_a_type_that_says_nothing_leaves_it_to_the_document(media_type: str | None) -> None:
    document = image()
    assert parse_manifest(written(document), media_type=media_type).kind == "image"
    del document["mediaType"]
    assert parse_manifest(written(document), media_type=media_type).kind == "image"


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        (image(manifests=[]), None),  # S14: an image, or an index?
        (index(config=descriptor()), None),
        (index(layers=[]), None),
        (index(layers=[]), media_types.OCI_INDEX),
        (index(fsLayers=[]), None),
        (index(blobs=[]), None),
        (image(fsLayers=[]), None),
        ({"schemaVersion": 1, "fsLayers": [], "manifests": []}, media_types.OCI_INDEX),
        ({"schemaVersion": 1, "fsLayers": [], "config": {}}, media_types.SCHEMA1),
        ({"schemaVersion": 1, "fsLayers": []}, media_types.OCI_MANIFEST),
        ({"schemaVersion": 1}, media_types.SCHEMA1),
        (index(), media_types.SCHEMA1_SIGNED),
        (index(), "application/vnd.example.thing.v1+json"),
        ({"manifests": [], "layers": []}, media_types.DOCKER_LIST),
        (image(), media_types.OCI_INDEX),  # W-M5: the registry says otherwise
        (index(), media_types.OCI_MANIFEST),
        (image(mediaType=media_types.DOCKER_MANIFEST), media_types.OCI_MANIFEST),
        (index(mediaType=media_types.OCI_MANIFEST), None),
        (image(mediaType=media_types.OCI_INDEX), None),
        ({"schemaVersion": 2}, None),
        ({"schemaVersion": 2, "layers": []}, media_types.OCI_MANIFEST),
        ({"schemaVersion": 2}, media_types.OCI_INDEX),
        ([], None),
        ("text", None),
        (None, None),
    ],
)
def test_w_m5_a_document_that_could_be_two_things_is_refused(
    document: Any, media_type: str | None
) -> None:
    with pytest.raises(InvalidDocumentError, match="refused"):
        parse_manifest(written(document), media_type=media_type)


@pytest.mark.parametrize("size", [-1, 1.0, True, "10", None, 2**63, [], float("1e30")])
def test_s10_a_size_is_a_number_of_bytes(size: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="size"):
        parse_manifest(written(image(config=descriptor(size=size))))


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None},
        {"config": []},
        {"layers": {}},
        {"layers": [1]},
        {"layers": [descriptor(digest="sha256:../../x")]},
        {"layers": [descriptor(digest="")]},
        {"annotations": {"a": 1}},
        {"annotations": []},
        {"subject": "sha256"},
        {"artifactType": 1},
        {"layers": [descriptor(urls="http://localhost")]},
        {"layers": [descriptor(platform=1)]},
        {"layers": [descriptor(data="not base64!")]},
    ],
)
def test_s10_a_field_of_the_wrong_kind_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocumentError):
        parse_manifest(written(image(**changes)))


def test_s10_100_000_layers_are_the_most() -> None:
    one = json.dumps(descriptor())
    many = f'{{"config": {one}, "layers": [{", ".join([one] * 100_001)}]}}'
    with pytest.raises(InvalidDocumentError, match="100,001"):
        parse_manifest(many.encode())


@pytest.mark.parametrize(
    ("document", "docker", "oci"),
    [
        (image(), media_types.DOCKER_MANIFEST, media_types.OCI_MANIFEST),
        (index(), media_types.DOCKER_LIST, media_types.OCI_INDEX),
    ],
)
def test_m7_types_of_docker_stand_in_the_document_and_those_of_oci_may(
    document: dict[str, Any], docker: str, oci: str
) -> None:
    named = parse_manifest(written({**document, "mediaType": docker}), media_type=docker)
    assert named.media_type == docker
    del document["mediaType"]
    assert parse_manifest(written(document), media_type=oci).media_type == oci
    with pytest.raises(InvalidDocumentError, match="call itself"):
        parse_manifest(written(document), media_type=docker)


@pytest.mark.parametrize("digest", [Digest.of(written(image()), "sha512")])
def test_s13_a_digest_of_the_other_algorithm_stays_the_digest(digest: Digest) -> None:
    assert parse_manifest(written(image()), digest=digest).digest == digest


def test_s10_what_is_no_document_is_refused_under_every_type() -> None:
    for media_type in (None, media_types.SCHEMA1_SIGNED, media_types.OCI_ARTIFACT):
        with pytest.raises(InvalidDocumentError, match="refused"):
            parse_manifest(b"{", media_type=media_type)


def test_w_m7_schema_1_is_kept_as_it_is() -> None:
    document = {"schemaVersion": 1, "fsLayers": [{"blobSum": A}], "signatures": []}
    for media_type in (media_types.SCHEMA1_SIGNED, media_types.SCHEMA1, "text/plain", None):
        manifest = parse_manifest(written(document), media_type=media_type)
        assert isinstance(manifest, OpaqueManifest)
        assert manifest.kind == "schema1"
        assert manifest.references() == ()
        assert "schema 1" in manifest.reason
        assert manifest.reason in manifest.card().text()


def test_an_unknown_kind_of_manifest_is_kept_as_it_is() -> None:
    document = {"mediaType": media_types.OCI_ARTIFACT, "blobs": [], "artifactType": "x/y"}
    manifest = parse_manifest(written(document), media_type=media_types.OCI_ARTIFACT)
    assert manifest.kind == "unknown"
    assert manifest.artifact_type == "x/y"
    assert isinstance(manifest, OpaqueManifest)
    assert media_types.OCI_ARTIFACT in manifest.reason


def test_an_artifact_is_an_image_manifest_with_another_config() -> None:
    document = image(config=descriptor(media_type="application/vnd.cncf.helm.config.v1+json"))
    helm = parse_manifest(written(document))
    assert helm.kind == "artifact"
    assert helm.artifact_type == "application/vnd.cncf.helm.config.v1+json"
    named = parse_manifest(written({**document, "artifactType": "x/y", "subject": descriptor()}))
    assert named.artifact_type == "x/y"
    assert named.subject is not None
    assert named.subject.digest == A


def test_sizes_of_an_image_count_as_the_audit_defines_them() -> None:
    layers = [descriptor(A, 1000), descriptor(A, 1000), descriptor(B, 300, FOREIGN)]
    manifest = parse_manifest(written(image(layers=layers)))
    assert isinstance(manifest, ImageManifest)
    assert manifest.declared_size == 5 + 1000 + 1000 + 300
    assert manifest.stored_size == manifest.size + 5 + 1000


def test_cards_show_layers_platforms_and_annotations_in_both_forms() -> None:
    note = {"org.opencontainers.image.title": "a title"}
    for manifest, shown in (
        (parse_manifest(written(image(annotations=note))), "tar+gzip"),
        (parse_manifest(written(image(annotations=note, subject=descriptor(B)))), B),
        (parse_manifest(written(index(annotations=note))), "linux/arm64/v8"),
    ):
        for rendering in (manifest.card().text(), manifest.card().html()):
            assert shown in rendering
            assert "a title" in rendering
        assert repr(manifest).startswith("<")
        assert "\n" not in repr(manifest)


def read(raw: bytes) -> Manifest | None:
    try:
        return parse_manifest(raw)
    except (InvalidDocumentError, VerificationError):
        return None


@given(st.binary())
def test_any_bytes_are_a_manifest_or_refused(raw: bytes) -> None:
    manifest = read(raw)
    assert manifest is None or manifest.raw == raw


@given(st.sampled_from([image(), index()]), st.data())
def test_a_document_damaged_on_the_way_is_a_manifest_or_refused(
    document: dict[str, Any], data: st.DataObject
) -> None:
    raw = written(document)
    sent = damaged(data, raw)
    manifest = read(sent)
    assert manifest is None or manifest.raw == sent
    if sent != raw:
        with pytest.raises(DigestMismatchError):
            parse_manifest(sent, digest=Digest.of(raw))


FIELDS = st.sampled_from(
    ["mediaType", "config", "layers", "manifests", "subject", "annotations", "schemaVersion"]
)


@given(st.sampled_from([image(), index()]), st.dictionaries(FIELDS, ANYTHING, max_size=3))
def test_a_document_with_anything_in_its_fields_is_a_manifest_or_refused(
    document: dict[str, Any], changes: dict[str, Any]
) -> None:
    raw = json.dumps({**document, **changes}).encode("utf-8", "surrogatepass")
    manifest = read(raw)
    if manifest is not None:
        assert manifest.card().html()
        assert all(type(r.size) is int for r in manifest.references())
