from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from responses.matchers import query_string_matcher

from regnb.core.referrers import Referrers
from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.core.wire.limits import Limits
from regnb.errors import (
    InvalidDigestError,
    InvalidDocumentError,
    ProtocolError,
    RateLimitedError,
    RegistryUnavailableError,
    RegnbError,
    RepositoryUnknownError,
    TooManyPagesError,
    TooManyReferrersError,
    UnsafeRedirectError,
)
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from regnb.model.reference import referrers_tag
from regnb.sample import serve
from tests.core.fakes import API, registry

REPOSITORY = f"{API}team/app/"
SUBJECT = Digest.of(b"subject")
URL = f"{REPOSITORY}referrers/{SUBJECT}"
TAGGED = f"{REPOSITORY}manifests/{referrers_tag(SUBJECT)}"
SBOM, SIGNATURE = "application/spdx+json", "application/vnd.dev.cosign.simplesigning.v1+json"


def entry(name: str, artifact_type: str = SBOM) -> dict[str, Any]:
    return {
        "mediaType": OCI_MANIFEST,
        "digest": Digest.of(name.encode()),
        "size": len(name),
        "artifactType": artifact_type,
    }


def index(*entries: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}


def answer(
    web: responses.RequestsMock, url: str, *entries: Any, query: str = "", **more: Any
) -> None:
    settings = {"content_type": OCI_INDEX, "match": [query_string_matcher(query)], **more}
    web.get(url, json=index(*entries), **settings)


def referrers(**limits: int) -> Referrers:
    return registry(limits=Limits(**limits)).repository("team/app").referrers


def digests(found: Any) -> list[str]:
    return [one.digest for one in found]


def test_r1_the_api_lists_referrers(web: responses.RequestsMock) -> None:
    answer(web, URL, entry("a"), entry("b", SIGNATURE))
    found = referrers().all(SUBJECT)
    assert digests(found) == [Digest.of(b"a"), Digest.of(b"b")]
    assert [one.artifact_type for one in found] == [SBOM, SIGNATURE]
    assert web.calls[0].request.headers["Accept"] == OCI_INDEX


def test_r1_an_empty_list_is_an_answer(web: responses.RequestsMock) -> None:
    answer(web, URL)
    assert referrers().all(SUBJECT) == ()


def test_r2_without_an_api_the_tag_is_read(web: responses.RequestsMock) -> None:
    web.get(URL, status=404, body="404 page not found")
    answer(web, TAGGED, entry("a"), entry("b", SIGNATURE))
    assert digests(referrers().all(SUBJECT, artifact_type=SIGNATURE)) == [Digest.of(b"b")]


@pytest.mark.parametrize("status", [400, 405, 406, 501])
def test_r3_other_refusals_mean_no_api_too(web: responses.RequestsMock, status: int) -> None:
    web.get(URL, status=status)
    answer(web, TAGGED, entry("a"))
    assert digests(referrers().all(SUBJECT)) == [Digest.of(b"a")]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("<html>", "text/html"), ("{}", "application/json"), ("[]", "text/json"), ("", "text/plain")],
)
def test_r3_a_false_200_means_no_api_too(
    web: responses.RequestsMock, body: str, content_type: str
) -> None:
    web.get(URL, body=body, content_type=content_type)
    answer(web, TAGGED, entry("a"))
    assert digests(referrers().all(SUBJECT)) == [Digest.of(b"a")]


@pytest.mark.parametrize("body", ["", "[]", json.dumps(index(entry("a")))[:-1], "<html>"])
def test_r3_an_index_that_is_garbled_does_not_mean_that_there_are_none(
    web: responses.RequestsMock, body: str
) -> None:
    web.get(URL, body=body, content_type=OCI_INDEX)
    with pytest.raises(ProtocolError):
        referrers().all(SUBJECT)


def test_r5_a_list_that_goes_on_as_something_else_is_not_taken_for_whole(
    web: responses.RequestsMock,
) -> None:
    answer(web, URL, entry("a"), headers={"Link": '<?last=a>; rel="next"'})
    web.get(f"{URL}?last=a", body="<html>", content_type="text/html")
    with pytest.raises(ProtocolError, match="no index"):
        referrers().all(SUBJECT)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 404), (b"{}", 200), (b"no JSON", 200), (json.dumps(entry("x")).encode(), 200)],
)
def test_r3_without_a_tag_that_holds_an_index_there_are_none(
    web: responses.RequestsMock, body: bytes, status: int
) -> None:
    web.get(URL, status=404)
    web.get(TAGGED, status=status, body=body, content_type=OCI_MANIFEST)
    assert referrers().all(SUBJECT) == ()


@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimitedError), (503, RegistryUnavailableError)]
)
def test_r2_an_api_in_trouble_is_not_missing(
    web: responses.RequestsMock, status: int, error: type[Exception]
) -> None:
    web.get(URL, status=status)
    with pytest.raises(error):
        referrers().all(SUBJECT)


def test_r2_a_repository_that_is_not_there_is_told(web: responses.RequestsMock) -> None:
    unknown = {"errors": [{"code": "NAME_UNKNOWN"}]}
    web.get(URL, status=404, json=unknown)
    web.get(TAGGED, status=404, json=unknown)
    with pytest.raises(RepositoryUnknownError):
        referrers().all(SUBJECT)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"OCI-Filters-Applied": "other , artifactType"}, ["a", "b"]),
        ({"OCI-Filters-Applied": "artifacttype"}, ["a"]),
        ({}, ["a"]),
    ],
)
def test_r4_what_the_registry_did_not_filter_is_filtered_here(
    web: responses.RequestsMock, headers: dict[str, str], expected: list[str]
) -> None:
    query = "artifactType=application%2Fspdx%2Bjson"
    answer(web, URL, entry("a"), entry("b", SIGNATURE), query=query, headers=headers)
    found = referrers().all(SUBJECT, artifact_type=SBOM)
    assert digests(found) == [Digest.of(name.encode()) for name in expected]


def test_r5_all_pages_are_read(web: responses.RequestsMock) -> None:
    answer(web, URL, entry("a"), headers={"Link": f'<{URL}?next=1>; rel="next"'})
    answer(web, URL, entry("a"), entry("b"), query="next=1")
    assert digests(referrers().all(SUBJECT)) == [Digest.of(b"a"), Digest.of(b"b")]


@pytest.mark.parametrize(
    ("link", "error"),
    [("https://evil.example/x", UnsafeRedirectError), (URL, TooManyPagesError)],
)
def test_r5_pages_have_the_guards_of_all_listings(
    web: responses.RequestsMock, link: str, error: type[Exception]
) -> None:
    answer(web, URL, entry("a"), headers={"Link": f'<{link}>; rel="next"'})
    with pytest.raises(error):
        referrers().all(SUBJECT)


def test_r6_referrers_of_referrers_are_gone_through_once(web: responses.RequestsMock) -> None:
    answer(web, URL, entry("a"), entry("b", SIGNATURE))
    answer(web, f"{REPOSITORY}referrers/{Digest.of(b'a')}", entry("c", SIGNATURE), entry("subject"))
    answer(web, f"{REPOSITORY}referrers/{Digest.of(b'b')}", entry("a"))
    answer(web, f"{REPOSITORY}referrers/{Digest.of(b'c')}", entry("a"))
    found = list(referrers().walk(SUBJECT, artifact_type=SIGNATURE))
    assert [(r.subject, r.descriptor.digest, r.depth) for r in found] == [
        (SUBJECT, Digest.of(b"b"), 1),
        (Digest.of(b"a"), Digest.of(b"c"), 2),
    ]


@pytest.mark.parametrize("limit", ["referrers", "referrers_depth"])
def test_r6_referrers_without_end_are_told(web: responses.RequestsMock, limit: str) -> None:
    for number in range(10):
        name = Digest.of(b"%d" % number) if number else SUBJECT
        web.get(
            f"{REPOSITORY}referrers/{name}",
            json=index(entry(str(number + 1))),
            content_type=OCI_INDEX,
        )
    web.assert_all_requests_are_fired = False
    with pytest.raises(TooManyReferrersError, match="one level at a time"):
        list(referrers(**{limit: 5}).walk(SUBJECT))
    assert len(web.calls) <= 6


def test_u6_only_digests_are_asked_for(web: responses.RequestsMock) -> None:
    with pytest.raises(InvalidDigestError):
        referrers().all("../../x")  # type: ignore[arg-type]  # what a user may try
    assert len(web.calls) == 0


@given(st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists), max_size=3))
def test_s10_no_list_of_referrers_breaks_the_parser(entries: list[Any]) -> None:
    with responses.RequestsMock() as web:
        answer(web, URL, *entries)
        if entries:
            with pytest.raises(InvalidDocumentError):
                referrers().all(SUBJECT)
        else:
            assert referrers().all(SUBJECT) == ()


@given(st.binary(max_size=60))
def test_s10_no_body_breaks_the_parser(body: bytes) -> None:
    with responses.RequestsMock() as web:
        web.assert_all_requests_are_fired = False
        web.get(URL, body=body, content_type=OCI_INDEX)
        web.get(TAGGED, body=body, content_type=OCI_INDEX)
        with contextlib.suppress(RegnbError):
            assert referrers().all(SUBJECT) == ()


# The sample registry, which has the API


def artifact(subject: Digest, number: int) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": SBOM if number % 2 else SIGNATURE,
        "config": {"mediaType": OCI_EMPTY, "digest": Digest.of(b"{}"), "size": 2},
        "layers": [],
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 7},
        "annotations": {"number": str(number)},
    }
    return json.dumps(document).encode()


@pytest.fixture
def paged() -> Iterator[Repository]:
    with serve(fill=None, page_size=2) as served, Registry(served.url) as client:
        served.storage.put_blob("team/app", b"{}", digest=Digest.of(b"{}"))
        yield client.repository("team/app")


def test_r5_a_registry_with_pages_lists_all_that_was_put(paged: Repository) -> None:
    pushed = [paged.manifests.put(artifact(SUBJECT, number)) for number in range(5)]
    assert set(digests(paged.referrers.all(SUBJECT))) == {one.digest for one in pushed}
    signed = paged.referrers.all(SUBJECT, artifact_type=SIGNATURE)
    assert set(digests(signed)) == {one.digest for one in pushed[::2]}
    assert paged.tags.all() == ()


def test_w_m8_a_referrer_that_is_deleted_is_off_the_list(paged: Repository) -> None:
    first, second = (paged.manifests.put(artifact(SUBJECT, number)) for number in range(2))
    paged.manifests.delete(first.digest)
    assert digests(paged.referrers.all(SUBJECT)) == [second.digest]
