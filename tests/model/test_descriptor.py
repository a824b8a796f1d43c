from __future__ import annotations

import base64
import pickle
from typing import Any

import pytest

from regnb.errors import InvalidDocumentError
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from tests.model.documents import A, B, descriptor


def test_a_descriptor_holds_all_that_is_said() -> None:
    written = descriptor(
        A,
        1,
        annotations={"k": "v"},
        urls=["https://example.com/a"],
        platform={"os": "linux", "architecture": "arm", "variant": "v7", "os.features": ["x"]},
        artifactType="x/y",
        data=base64.b64encode(b"a").decode(),
    )
    found = Descriptor.from_json(written)
    assert (found.media_type, found.digest, found.size) == ("a/b", A, 1)
    assert (found.annotations, found.urls) == ({"k": "v"}, ("https://example.com/a",))
    assert (str(found.platform), found.artifact_type) == ("linux/arm/v7", "x/y")
    assert found.data == b"a"
    assert pickle.loads(pickle.dumps(found)) == found


def test_equal_descriptors_are_one_in_a_set() -> None:
    plain = Descriptor.from_json(descriptor())
    noted = Descriptor.from_json(descriptor(annotations={"a": "b"}, platform={"os": "linux"}))
    assert len({plain, Descriptor.from_json(descriptor())}) == 1
    assert plain != noted
    assert hash(plain) == hash(noted)


@pytest.mark.parametrize(
    ("digest", "size", "data"),
    [
        (A, 1, b"b"),
        (A, 2, b"a"),
        (A, 0, b"a"),
        (Digest("blake3:" + "a" * 64), 1, b"a"),  # nobody here can tell
    ],
)
def test_s13_what_is_embedded_is_what_the_digest_says(
    digest: Digest, size: int, data: bytes
) -> None:
    embedded = base64.b64encode(data).decode()
    with pytest.raises(InvalidDocumentError, match="data"):
        Descriptor.from_json(descriptor(digest, size, data=embedded))


@pytest.mark.parametrize("digest", ["", "sha256:../../x", "sha256:" + "A" * 64, 5, None])
def test_s13_a_digest_that_is_none_makes_an_invalid_document(digest: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="digest"):
        Descriptor.from_json(descriptor(digest))


@pytest.mark.parametrize(
    ("layer", "foreign"),
    [
        (descriptor(), False),
        (descriptor(urls=["https://example.com/x"]), False),
        (descriptor(media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), True),
        (descriptor(media_type="application/vnd.oci.image.layer.nondistributable.v1.tar"), True),
    ],
)
def test_w_b10_a_foreign_layer_is_known_as_one(layer: Any, foreign: bool) -> None:
    assert Descriptor.from_json(layer).foreign is foreign


def test_attestations_are_told_from_images() -> None:
    note = {"vnd.docker.reference.type": "attestation-manifest"}
    assert Descriptor.from_json(descriptor(annotations=note)).is_attestation
    unknown = {"os": "unknown", "architecture": "unknown"}
    assert Descriptor.from_json(descriptor(platform=unknown)).is_attestation
    assert not Descriptor.from_json(descriptor()).is_attestation


@pytest.mark.parametrize("platform", [{}, {"os": "", "architecture": ""}, None])
def test_a_platform_that_says_nothing_is_none_and_makes_no_attestation(platform: Any) -> None:
    found = Descriptor.from_json(descriptor(platform=platform))
    assert found.platform is None
    assert not found.is_attestation


def test_the_card_shows_what_is_known() -> None:
    found = Descriptor.from_json(
        descriptor(B, 2_500_000, urls=["https://example.com/b"], annotations={"title": "a tool"})
    )
    assert repr(found) == f"<Descriptor {B.short} 2.5 MB a/b>"
    for rendering in (found.card().text(), found.card().html()):
        for shown in (B, "2.5 MB", "a tool", "https://example.com/b"):
            assert shown in rendering
