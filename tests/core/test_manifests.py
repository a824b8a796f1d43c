from __future__ import annotations

import json

import pytest
import responses

from regnb.core.manifests import Manifests
from regnb.errors import (
    BodyTooLargeError,
    DeniedError,
    DigestMismatchError,
    InvalidDigestError,
    InvalidDocumentError,
    InvalidReferenceError,
    ManifestUnknownError,
    NotARegistryError,
    RateLimitedError,
    RepositoryUnknownError,
    SizeMismatchError,
    TagMovedError,
    UnsupportedDigestError,
)
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, OpaqueManifest
from regnb.model.media_types import ACCEPT, OCI_INDEX, OCI_MANIFEST, SCHEMA1_SIGNED
from tests.core.fakes import API, registry
from tests.core.samples import CONFIG_DIGEST, MANIFEST, MANIFEST_DIGEST, manifest

MANIFESTS = f"{API}team/app/manifests/"
BY_TAG = f"{MANIFESTS}1.2"
BY_DIGEST = MANIFESTS + MANIFEST_DIGEST
OTHER = manifest(moved="yes")
OTHER_DIGEST = Digest.of(OTHER)


def manifests() -> Manifests:
    return registry().repository("team/app").manifests


def answer(
    web: responses.RequestsMock,
    url: str,
    body: bytes = MANIFEST,
    *,
    digest: str | None = None,
    media_type: str = OCI_MANIFEST,
) -> None:
    headers = {} if digest is None else {"Docker-Content-Digest": digest}
    web.get(url, body=body, headers=headers, content_type=media_type)


@pytest.mark.parametrize(("status", "there"), [(200, True), (204, True), (404, False)])
def test_m1_a_manifest_exists_or_not(web: responses.RequestsMock, status: int, there: bool) -> None:
    web.head(BY_DIGEST, status=status)
    assert manifests().exists(MANIFEST_DIGEST) is there
    assert web.calls[0].request.headers["Accept"] == ACCEPT


def test_m1_whether_it_exists_may_stay_unknown(web: responses.RequestsMock) -> None:
    web.head(BY_DIGEST, status=429)
    with pytest.raises(RateLimitedError):
        manifests().exists(MANIFEST_DIGEST)


def test_w_e4_a_refused_head_is_asked_by_get(web: responses.RequestsMock) -> None:
    web.head(BY_DIGEST, status=405)
    answer(web, BY_DIGEST)
    assert manifests().exists(MANIFEST_DIGEST)


def test_w_e4_a_get_tells_why_a_head_is_denied(web: responses.RequestsMock) -> None:
    web.head(BY_DIGEST, status=403)
    web.get(BY_DIGEST, status=403, body="only robots")
    with pytest.raises(DeniedError, match="only robots"):
        manifests().exists(MANIFEST_DIGEST)


def test_m8_a_manifest_keeps_its_bytes(web: responses.RequestsMock) -> None:
    answer(web, BY_DIGEST)
    found = manifests().get(MANIFEST_DIGEST)
    assert isinstance(found, ImageManifest)
    assert (found.raw, found.digest, found.media_type) == (MANIFEST, MANIFEST_DIGEST, OCI_MANIFEST)
    assert found.config.digest == CONFIG_DIGEST


def test_m3_and_w_m4_all_types_are_accepted_in_one_line(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG)
    manifests().get("1.2")
    assert web.calls[0].request.headers["Accept"] == ACCEPT


def test_w_m1_a_manifest_that_does_not_hash_to_its_digest_is_refused(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_DIGEST, OTHER)
    with pytest.raises(DigestMismatchError, match=r"registry\.example.*hash") as caught:
        manifests().get(MANIFEST_DIGEST)
    assert len(web.calls) == 2
    assert (caught.value.method, caught.value.url) == ("GET", BY_DIGEST)


def test_s13_two_different_wrong_answers_by_digest_are_a_mismatch_too(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_DIGEST, OTHER)
    answer(web, BY_DIGEST, manifest(moved="again"))
    with pytest.raises(DigestMismatchError):
        manifests().get(MANIFEST_DIGEST)


def test_f2_one_wrong_answer_is_forgiven(web: responses.RequestsMock) -> None:
    answer(web, BY_DIGEST, MANIFEST[:-1] + b" ")
    answer(web, BY_DIGEST)
    assert manifests().get(MANIFEST_DIGEST).raw == MANIFEST


@pytest.mark.parametrize("digest", [None, "", "sha256:short", "blake3:" + "a" * 64])
def test_m2_without_a_usable_digest_a_tag_has_that_of_its_bytes(
    web: responses.RequestsMock, digest: str | None
) -> None:
    answer(web, BY_TAG, digest=digest)
    assert manifests().get("1.2").digest == MANIFEST_DIGEST
    assert len(web.calls) == 1


def test_m5_and_s13_the_digest_of_the_registry_is_kept(web: responses.RequestsMock) -> None:
    longer = Digest.of(MANIFEST, "sha512")
    answer(web, BY_TAG, digest=longer)
    assert manifests().get("1.2").digest == longer


def test_s13_a_pinned_digest_is_not_replaced_by_that_of_the_header(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_DIGEST, digest=Digest.of(MANIFEST, "sha512"))
    assert manifests().get(MANIFEST_DIGEST).digest == MANIFEST_DIGEST


def test_w_m1_a_tag_whose_bytes_differ_from_its_header_is_refused(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_TAG, digest=OTHER_DIGEST)
    with pytest.raises(DigestMismatchError):
        manifests().get("1.2")
    assert len(web.calls) == 2


def test_s13_a_tag_that_moved_between_looks_is_read_again(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG, digest=OTHER_DIGEST)
    answer(web, BY_TAG, OTHER, digest=OTHER_DIGEST)
    assert manifests().get("1.2").digest == OTHER_DIGEST


def test_s13_a_tag_that_keeps_moving_is_told(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG, digest=OTHER_DIGEST)
    answer(web, BY_TAG, OTHER, digest=MANIFEST_DIGEST)
    with pytest.raises(TagMovedError, match="two looks"):
        manifests().get("1.2")


def test_s13_what_cannot_be_verified_is_not_given_out(web: responses.RequestsMock) -> None:
    answer(web, f"{MANIFESTS}blake3:{'a' * 64}")
    with pytest.raises(UnsupportedDigestError):
        manifests().get("blake3:" + "a" * 64)


def test_what_is_received_is_asked_for_once_and_read_when_it_is_wanted(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_TAG, digest=MANIFEST_DIGEST)
    read = manifests().receive("1.2")
    assert len(web.calls) == 1
    assert read().digest == read().digest == MANIFEST_DIGEST
    assert len(web.calls) == 1


def test_w_e3_what_is_not_there_is_told_when_it_is_asked_for(web: responses.RequestsMock) -> None:
    web.get(BY_TAG, status=404)
    with pytest.raises(ManifestUnknownError):
        manifests().receive("1.2")


def test_w_m5_what_is_no_manifest_is_told_when_it_is_read(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_TAG, b"no manifest")
    read = manifests().receive("1.2")
    with pytest.raises(InvalidDocumentError):
        read()
    assert len(web.calls) == 1


def test_w_m1_what_is_received_has_passed_its_digest(web: responses.RequestsMock) -> None:
    answer(web, BY_DIGEST, OTHER)
    with pytest.raises(DigestMismatchError):
        manifests().receive(MANIFEST_DIGEST)
    assert len(web.calls) == 2, "asked once more"


@pytest.mark.parametrize("etag", [MANIFEST_DIGEST, f'"{MANIFEST_DIGEST}"', 'W/"x"'])
def test_m4_an_unchanged_manifest_is_none(web: responses.RequestsMock, etag: str) -> None:
    web.get(BY_TAG, status=304)
    assert manifests().get_if_changed("1.2", etag) is None
    quoted = etag if etag.endswith('"') else f'"{etag}"'
    assert web.calls[0].request.headers["If-None-Match"] == quoted


def test_m4_a_changed_manifest_is_read_and_verified(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG, digest=MANIFEST_DIGEST)
    found = manifests().get_if_changed("1.2", OTHER_DIGEST)
    assert found is not None
    assert found.digest == MANIFEST_DIGEST


def test_w_m6_an_etag_is_of_one_call_alone(web: responses.RequestsMock) -> None:
    web.get(BY_TAG, status=304)
    answer(web, BY_TAG)
    client = manifests()
    client.get_if_changed("1.2", MANIFEST_DIGEST)
    assert client.get("1.2").digest == MANIFEST_DIGEST
    assert "If-None-Match" not in web.calls[1].request.headers


def test_s26_what_was_read_once_is_asked_for_again(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG)
    web.get(BY_TAG, status=404)
    client = manifests()
    client.get("1.2")
    with pytest.raises(ManifestUnknownError):
        client.get("1.2")


@pytest.mark.parametrize("difference", [0, -1, 1])
def test_w_m12_a_manifest_is_as_large_as_its_descriptor_says(
    web: responses.RequestsMock, difference: int
) -> None:
    answer(web, BY_DIGEST)
    descriptor = Descriptor(OCI_MANIFEST, MANIFEST_DIGEST, len(MANIFEST) + difference)
    if difference:
        with pytest.raises(SizeMismatchError, match="points to it"):
            manifests().get(descriptor)
    else:
        assert manifests().get(descriptor).raw == MANIFEST


def test_w_m2_a_manifest_has_a_size_limit(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG, b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(BodyTooLargeError):
        manifests().get("1.2")


def test_w_m5_and_s14_a_manifest_of_two_kinds_is_refused(web: responses.RequestsMock) -> None:
    both = json.dumps({**json.loads(MANIFEST), "manifests": []}).encode()
    answer(web, BY_TAG, both)
    with pytest.raises(InvalidDocumentError):
        manifests().get("1.2")


def test_w_m5_and_s14_a_manifest_sent_as_something_else_is_refused(
    web: responses.RequestsMock,
) -> None:
    answer(web, BY_TAG, media_type=OCI_INDEX)
    with pytest.raises(InvalidDocumentError):
        manifests().get("1.2")


def test_w_m7_schema_1_is_kept_but_not_read(web: responses.RequestsMock) -> None:
    legacy = b'{"schemaVersion": 1, "fsLayers": [], "signatures": []}'
    answer(web, BY_TAG, legacy, digest=OTHER_DIGEST, media_type=SCHEMA1_SIGNED)
    found = manifests().get("1.2")
    assert isinstance(found, OpaqueManifest)
    assert found.raw == legacy


def test_w_e1_a_web_page_is_no_manifest(web: responses.RequestsMock) -> None:
    answer(web, BY_TAG, b"<html>", media_type="text/html")
    with pytest.raises(NotARegistryError):
        manifests().get("1.2")


def test_w_e3_an_unknown_manifest_and_an_unknown_repository_differ(
    web: responses.RequestsMock,
) -> None:
    web.get(BY_TAG, status=404, json={"errors": [{"code": "MANIFEST_UNKNOWN"}]})
    web.get(BY_TAG, status=404, json={"errors": [{"code": "NAME_UNKNOWN"}]})
    with pytest.raises(ManifestUnknownError):
        manifests().get("1.2")
    with pytest.raises(RepositoryUnknownError):
        manifests().get("1.2")


@pytest.mark.parametrize(
    "digest", ["sha256:../../x", "sha256:" + "A" * 64, "sha256:a", "a:b:c", ":"]
)
def test_s13_what_is_no_digest_never_reaches_a_url(digest: str) -> None:
    with pytest.raises(InvalidDigestError):
        manifests().get(digest)


@pytest.mark.parametrize("tag", ["..", "a/../b", "a\n", "", "a%2fb"])
def test_u6_what_is_no_tag_never_reaches_a_url(tag: str) -> None:
    with pytest.raises(InvalidReferenceError):
        manifests().get(tag)
