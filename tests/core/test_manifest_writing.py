from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import responses
from responses.matchers import query_string_matcher

from regnb.core.manifests import Manifests
from regnb.core.registry import Registry
from regnb.errors import (
    DigestMismatchError,
    InvalidDigestError,
    InvalidDocumentError,
    InvalidReferenceError,
    ManifestUnknownError,
    ReferrersTagError,
    RegistryError,
)
from regnb.model.digest import Digest
from regnb.model.manifest import parse_manifest
from regnb.model.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, SCHEMA1_SIGNED
from regnb.model.reference import referrers_tag
from regnb.sample import serve
from regnb.sample.server import Served
from tests.core.fakes import API, registry
from tests.core.samples import CONFIG, LAYER, MANIFEST, MANIFEST_DIGEST, descriptor, manifest

MANIFESTS = f"{API}team/app/manifests/"
BY_DIGEST = MANIFESTS + MANIFEST_DIGEST
SUBJECT = parse_manifest(MANIFEST)
ARTIFACT = json.dumps(
    {
        **json.loads(MANIFEST),
        "subject": descriptor(OCI_MANIFEST, MANIFEST),
        "annotations": {"made": "by hand"},
    }
).encode()
ARTIFACT_DIGEST = Digest.of(ARTIFACT)
LIST = MANIFESTS + referrers_tag(MANIFEST_DIGEST)
ENTRY = {
    "mediaType": OCI_MANIFEST,
    "digest": ARTIFACT_DIGEST,
    "size": len(ARTIFACT),
    "artifactType": OCI_CONFIG,
    "annotations": {"made": "by hand"},
}
OTHER_ENTRY = descriptor(OCI_MANIFEST, manifest(other="yes"))


def manifests() -> Manifests:
    return registry().repository("team/app").manifests


def stored(web: responses.RequestsMock, url: str, **headers: str) -> None:
    web.put(url, status=201, headers=headers)


def index(*entries: dict[str, Any], **more: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}
    return json.dumps(document).encode()


def body(web: responses.RequestsMock, number: int) -> Any:
    return json.loads(web.calls[number].request.body or b"")


def asked(web: responses.RequestsMock) -> list[str]:
    return [f"{c.request.method} {str(c.request.url).removeprefix(MANIFESTS)}" for c in web.calls]


def test_m9_without_tags_a_manifest_is_put_by_digest(web: responses.RequestsMock) -> None:
    stored(web, BY_DIGEST, **{"Docker-Content-Digest": MANIFEST_DIGEST})
    put = manifests().put(MANIFEST)
    assert (put.digest, put.size, put.media_type) == (MANIFEST_DIGEST, len(MANIFEST), OCI_MANIFEST)
    sent = web.calls[0].request
    assert sent.body == MANIFEST
    assert sent.headers["Content-Type"] == OCI_MANIFEST
    assert sent.headers["Content-Length"] == str(len(MANIFEST))


def test_m9_one_tag_is_one_put(web: responses.RequestsMock) -> None:
    stored(web, f"{MANIFESTS}1.2")
    manifests().put(SUBJECT, tags=["1.2", "1.2"])
    assert asked(web) == ["PUT 1.2"]


def test_m8_the_bytes_that_are_put_are_those_that_were_read(web: responses.RequestsMock) -> None:
    odd = MANIFEST.replace(b": ", b" :\t")
    stored(web, MANIFESTS + Digest.of(odd))
    manifests().put(parse_manifest(odd))
    assert web.calls[0].request.body == odd


def test_w_m7_schema_1_is_put_as_it_is(web: responses.RequestsMock) -> None:
    raw = b'{"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": []}'
    stored(web, f"{MANIFESTS}old")
    manifests().put(raw, tags=["old"], media_type=SCHEMA1_SIGNED)
    assert web.calls[0].request.headers["Content-Type"] == SCHEMA1_SIGNED


def test_w_m3_an_answer_without_digest_is_believed(web: responses.RequestsMock) -> None:
    stored(web, BY_DIGEST)
    assert manifests().put(MANIFEST).digest == MANIFEST_DIGEST


def test_w_m3_a_digest_of_another_algorithm_is_not_compared(web: responses.RequestsMock) -> None:
    stored(web, BY_DIGEST, **{"Docker-Content-Digest": Digest.of(b"x", "sha512")})
    manifests().put(MANIFEST)


def test_w_m3_another_digest_is_an_error(web: responses.RequestsMock) -> None:
    stored(web, BY_DIGEST, **{"Docker-Content-Digest": Digest.of(b"x")})
    with pytest.raises(DigestMismatchError, match="says that it stored"):
        manifests().put(MANIFEST)


def test_w_m9_only_acknowledged_tags_count(web: responses.RequestsMock) -> None:
    with_tags = query_string_matcher("tag=a&tag=b&tag=c")
    acknowledged = [("OCI-Tag", "a"), ("OCI-Tag", "c")]
    answer = responses.Response("PUT", BY_DIGEST, status=201, match=[with_tags])
    answer.headers = acknowledged  # type: ignore[assignment]  # several of one name
    web.add(answer)
    stored(web, f"{MANIFESTS}b")
    manifests().put(MANIFEST, tags=["a", "b", "c"])
    assert asked(web)[1:] == ["PUT b"]


@pytest.mark.parametrize("status", [400, 414])
def test_w_m9_a_registry_that_refuses_the_query_is_asked_one_by_one(
    web: responses.RequestsMock, status: int
) -> None:
    web.put(BY_DIGEST, status=status, match=[query_string_matcher("tag=a&tag=b")])
    for reference in (MANIFEST_DIGEST, "a", "b"):
        stored(web, MANIFESTS + reference)
    manifests().put(MANIFEST, tags=["a", "b"])
    assert asked(web)[1:] == [f"PUT {MANIFEST_DIGEST}", "PUT a", "PUT b"]


@pytest.mark.parametrize(
    ("given", "tags", "error"),
    [
        (MANIFEST, ["good", "bad tag"], InvalidReferenceError),
        (MANIFEST, ["sha256:" + "0" * 64], InvalidReferenceError),
        (b"{", [], InvalidDocumentError),
        (b'{"config": {}, "manifests": []}', [], InvalidDocumentError),
    ],
)
def test_u6_nothing_is_sent_that_is_not_right(
    web: responses.RequestsMock, given: bytes, tags: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        manifests().put(given, tags=tags)
    assert len(web.calls) == 0


def test_f1_a_put_that_broke_is_sent_again(web: responses.RequestsMock) -> None:
    web.put(BY_DIGEST, body=requests.ConnectionError(ConnectionResetError()))
    stored(web, BY_DIGEST)
    manifests().put(MANIFEST)
    assert [call.request.body for call in web.calls] == [MANIFEST, MANIFEST]


# Subjects


def test_w_m8_a_registry_that_names_the_subject_keeps_the_list_itself(
    web: responses.RequestsMock,
) -> None:
    stored(web, f"{MANIFESTS}sig", **{"OCI-Subject": MANIFEST_DIGEST})
    manifests().put(ARTIFACT, tags=["sig"])
    assert asked(web) == ["PUT sig"]


def test_w_m8_else_the_referrers_tag_is_made(web: responses.RequestsMock) -> None:
    stored(web, MANIFESTS + ARTIFACT_DIGEST)
    web.get(LIST, status=404)
    stored(web, LIST)
    web.get(LIST, body=index(ENTRY), content_type=OCI_INDEX)
    manifests().put(ARTIFACT)
    assert body(web, 2) == json.loads(index(ENTRY))


def test_w_m8_entries_of_others_and_what_else_is_there_are_kept(
    web: responses.RequestsMock,
) -> None:
    stored(web, MANIFESTS + ARTIFACT_DIGEST)
    before = index(OTHER_ENTRY, {**OTHER_ENTRY, "digest": Digest.of(b"x"), "extra": [1]}, note="x")
    web.get(LIST, body=before, content_type=OCI_INDEX)
    stored(web, LIST)
    web.get(LIST, body=index(OTHER_ENTRY, ENTRY), content_type=OCI_INDEX)
    manifests().put(ARTIFACT)
    expected = json.loads(before)
    expected["manifests"].append(ENTRY)
    assert body(web, 2) == expected


def test_w_m8_an_entry_is_not_made_twice(web: responses.RequestsMock) -> None:
    stored(web, MANIFESTS + ARTIFACT_DIGEST)
    web.get(LIST, body=index(ENTRY), content_type=OCI_INDEX)
    manifests().put(ARTIFACT)
    assert asked(web)[1:] == [f"GET {referrers_tag(MANIFEST_DIGEST)}"]


def test_w_m8_a_list_that_another_client_overwrote_is_written_again(
    web: responses.RequestsMock,
) -> None:
    stored(web, MANIFESTS + ARTIFACT_DIGEST)
    web.get(LIST, status=404)
    stored(web, LIST)
    web.get(LIST, body=index(OTHER_ENTRY), content_type=OCI_INDEX)
    web.get(LIST, body=index(OTHER_ENTRY, ENTRY), content_type=OCI_INDEX)
    manifests().put(ARTIFACT)
    assert [e["digest"] for e in body(web, 4)["manifests"]] == [
        OTHER_ENTRY["digest"],
        ARTIFACT_DIGEST,
    ]


def test_w_m8_a_list_that_others_overwrite_for_ever_is_told(web: responses.RequestsMock) -> None:
    stored(web, MANIFESTS + ARTIFACT_DIGEST)
    stored(web, LIST)
    web.get(LIST, body=index(OTHER_ENTRY), content_type=OCI_INDEX)
    with pytest.raises(ReferrersTagError, match="by others 3 times"):
        manifests().put(ARTIFACT)


@pytest.mark.parametrize(("held", "of"), [(MANIFEST, OCI_MANIFEST), (b"{}", OCI_INDEX)])
def test_w_m8_a_tag_that_holds_something_else_is_left_alone(
    web: responses.RequestsMock, held: bytes, of: str
) -> None:
    stored(web, MANIFESTS + ARTIFACT_DIGEST)
    web.get(LIST, body=held, content_type=of)
    with pytest.raises(ReferrersTagError, match="left as it is"):
        manifests().put(ARTIFACT)


# Deleting


def gone(web: responses.RequestsMock, digest: str, status: int = 202) -> None:
    web.delete(MANIFESTS + digest, status=status)


def test_m10_a_manifest_is_deleted_by_digest(web: responses.RequestsMock) -> None:
    gone(web, MANIFEST_DIGEST)
    manifests().delete(SUBJECT)
    assert asked(web) == [f"DELETE {MANIFEST_DIGEST}"]


def test_m10_and_w_m11_a_tag_is_no_digest_and_deletes_nothing(web: responses.RequestsMock) -> None:
    with pytest.raises(InvalidDigestError):
        manifests().delete("latest")  # type: ignore[arg-type]  # what a user may try
    assert len(web.calls) == 0


def test_m10_by_digest_the_subject_is_looked_up_and_its_list_kept_right(
    web: responses.RequestsMock,
) -> None:
    web.get(MANIFESTS + ARTIFACT_DIGEST, body=ARTIFACT, content_type=OCI_MANIFEST)
    gone(web, ARTIFACT_DIGEST)
    web.get(LIST, body=index(OTHER_ENTRY, ENTRY), content_type=OCI_INDEX)
    stored(web, LIST)
    web.get(LIST, body=index(OTHER_ENTRY), content_type=OCI_INDEX)
    manifests().delete(ARTIFACT_DIGEST)
    assert body(web, 3) == json.loads(index(OTHER_ENTRY))


def test_m10_a_manifest_that_cannot_be_read_can_be_deleted(web: responses.RequestsMock) -> None:
    broken = b'{"config": {}, "manifests": []}'
    digest = Digest.of(broken)
    web.get(MANIFESTS + digest, body=broken, content_type=OCI_INDEX)
    gone(web, digest)
    manifests().delete(digest)


def test_m10_what_is_not_there_cannot_be_deleted(web: responses.RequestsMock) -> None:
    gone(web, MANIFEST_DIGEST, status=404)
    with pytest.raises(ManifestUnknownError):
        manifests().delete(SUBJECT)


def test_f1_a_deletion_whose_answer_was_lost_has_happened(web: responses.RequestsMock) -> None:
    web.delete(BY_DIGEST, body=requests.ConnectionError(ConnectionResetError()))
    gone(web, MANIFEST_DIGEST, status=404)
    manifests().delete(SUBJECT)
    assert len(web.calls) == 2


@pytest.mark.parametrize(("status", "done"), [(429, False), (503, False), (502, True), (504, True)])
def test_f1_a_refused_deletion_has_not_happened(
    web: responses.RequestsMock, status: int, done: bool
) -> None:
    gone(web, MANIFEST_DIGEST, status=status)
    gone(web, MANIFEST_DIGEST, status=404)
    if done:
        manifests().delete(SUBJECT)
    else:
        with pytest.raises(ManifestUnknownError):
            manifests().delete(SUBJECT)
    assert len(web.calls) == 2


@pytest.mark.parametrize("status", [301, 403, 405, 500])
def test_w_m10_a_deletion_that_is_refused_is_an_error(
    web: responses.RequestsMock, status: int
) -> None:
    gone(web, MANIFEST_DIGEST, status=status)
    with pytest.raises(RegistryError) as caught:
        manifests().delete(SUBJECT)
    assert caught.value.status == status


# The sample registry


@pytest.fixture
def empty() -> Any:
    with serve(fill=None) as served:
        yield served


def test_m9_what_was_put_can_be_got(empty: Served) -> None:
    empty.storage.put_blob("team/app", CONFIG, digest=Digest.of(CONFIG))
    empty.storage.put_blob("team/app", LAYER, digest=Digest.of(LAYER))
    with Registry(empty.url) as client:
        repository = client.repository("team/app")
        repository.manifests.put(MANIFEST, tags=["1.2", "latest"])
        assert set(repository.tags.all()) == {"1.2", "latest"}
        assert repository.manifests.get("latest").raw == MANIFEST
        repository.manifests.put(ARTIFACT)
        assert set(repository.tags.all()) == {"1.2", "latest"}
        repository.manifests.delete(MANIFEST_DIGEST)
        assert not repository.manifests.exists(MANIFEST_DIGEST)


def test_w_m9_sha512_is_put_by_digest_with_its_tag(empty: Served) -> None:
    digest = Digest.of(MANIFEST, "sha512")
    empty.storage.put_blob("team/app", CONFIG, digest=Digest.of(CONFIG))
    empty.storage.put_blob("team/app", LAYER, digest=Digest.of(LAYER))
    with Registry(empty.url) as client:
        repository = client.repository("team/app")
        repository.manifests.put(parse_manifest(MANIFEST, digest=digest), tags=["1.2"])
        assert repository.tags.get("1.2").digest == digest
