from __future__ import annotations

import pickle
from typing import Any

import pytest
import responses
from responses.matchers import query_string_matcher

from regnb.core.repository import Repository
from regnb.errors import (
    AuthenticationRequiredError,
    BudgetSpentError,
    DeletionDisabledError,
    DeniedError,
    DigestMismatchError,
    InvalidDigestError,
    InvalidReferenceError,
    ManifestUnknownError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    RepositoryUnknownError,
    TooManyPagesError,
    UnreachableError,
    UntagUnsupportedError,
)
from regnb.interfaces import TagList
from regnb.model.digest import Digest
from regnb.model.media_types import ACCEPT, OCI_MANIFEST
from tests.core.fakes import API, registry
from tests.core.samples import MANIFEST, MANIFEST_DIGEST

LISTING = f"{API}team/app/tags/list"
TAG = f"{API}team/app/manifests/1.2"
FULL = {
    "Content-Type": f"{OCI_MANIFEST}; charset=utf-8",
    "Docker-Content-Digest": MANIFEST_DIGEST,
    "Content-Length": str(len(MANIFEST)),
}


def repository() -> Repository:
    return registry().repository("team/app")


def test_t1_all_tags_are_listed_in_the_order_of_the_registry(web: responses.RequestsMock) -> None:
    web.get(LISTING, json={"name": "team/app", "tags": ["b", "a"]})
    tags = repository().tags.all()
    assert isinstance(tags, TagList)
    assert (tags, tags.invalid) == (("b", "a"), ())
    assert web.calls[0].request.url == LISTING


def test_t2_tags_come_page_by_page_as_they_are_asked_for(web: responses.RequestsMock) -> None:
    web.get(LISTING, json={"tags": ["a", "b", None]}, headers={"Link": '<?last=b>; rel="next"'})
    web.get(f"{LISTING}?last=b", json={"tags": ["b", "c"]})
    pages = repository().tags.pages()
    assert len(web.calls) == 0
    first = next(pages)
    assert (first, first.invalid, first.more) == (("a", "b"), ("null",), True)
    assert len(web.calls) == 1
    second = next(pages)
    assert (second, second.invalid, second.more) == (("c",), (), False)
    assert list(pages) == []


def test_t1_all_pages_are_put_together_each_tag_once(web: responses.RequestsMock) -> None:
    listing: dict[str, list[object]] = {"": ["a", "b"], "2": ["c", 1], "3": ["d", "a"]}
    for asked, following in (("", "2"), ("2", "3"), ("3", "")):
        headers = {"Link": f"<?{following}>; rel=next"} if following else {}
        matching = [query_string_matcher(asked)]
        web.get(LISTING, json={"tags": listing[asked]}, headers=headers, match=matching)
    tags = repository().tags.all()
    assert (tags, tags.invalid) == (("a", "b", "c", "d"), ("1",))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"status": 500}, RegistryUnavailableError),
        ({"status": 404}, RepositoryUnknownError),
        ({"body": ConnectionResetError()}, UnreachableError),
        ({"json": {"tags": 7}}, ProtocolError),
        ({"json": {"tags": []}, "headers": {"Link": "<?2>; rel=next"}}, TooManyPagesError),
    ],
)
def test_t3_an_error_in_the_middle_carries_the_tags_so_far(
    web: responses.RequestsMock, reply: dict[str, Any], kind: type[RegistryError]
) -> None:
    first = [query_string_matcher("")]
    headers = {"Link": "<?1>; rel=next"}
    web.get(LISTING, json={"tags": ["a", "b", None]}, headers=headers, match=first)
    web.get(LISTING, match=[query_string_matcher("1")], **reply)
    with pytest.raises(kind) as caught:
        repository().tags.all()
    so_far = caught.value.partial
    assert isinstance(so_far, TagList)
    assert (so_far, so_far.invalid) == (("a", "b"), ("null",))
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.partial == ("a", "b")


def test_w_t8_what_is_no_tag_is_set_apart(web: responses.RequestsMock) -> None:
    sent = ["ok", None, "sha256:" + "a" * 64, "-ot-beta-jmx", "", "a" * 129, 7, "x\n", "ü", "fine"]
    web.get(LISTING, json={"tags": sent})
    tags = repository().tags.all()
    assert list(tags) == ["ok", "fine"]
    assert tags.invalid == (
        "null",
        "sha256:" + "a" * 64,
        "-ot-beta-jmx",
        "",
        "a" * 129,
        "7",
        "x\n",
        "ü",
    )


def test_t4_one_page_is_asked_for_by_n_and_last(web: responses.RequestsMock) -> None:
    link = {"Link": '<?n=2&last=b>; rel="next"'}
    web.get(f"{LISTING}?n=2&last=a%2B", json={"tags": ["b", "c"]}, headers=link)
    page = repository().tags.list(n=2, last="a+")
    assert (page, page.more) == (("b", "c"), True)


def test_w_t9_n_zero_is_sent_and_a_negative_one_refused(web: responses.RequestsMock) -> None:
    web.get(f"{LISTING}?n=0", json={"tags": []})
    page = repository().tags.list(n=0)
    assert (page, page.more) == ((), False)
    with pytest.raises(ValueError, match="negative"):
        repository().tags.list(n=-1)


def test_t5_a_tag_is_resolved_by_one_head(web: responses.RequestsMock) -> None:
    web.head(TAG, headers=FULL)
    found = repository().tags.get("1.2")
    assert (found.media_type, found.digest, found.size) == (
        OCI_MANIFEST,
        MANIFEST_DIGEST,
        len(MANIFEST),
    )
    assert isinstance(found.digest, Digest)
    assert web.calls[0].request.headers["Accept"] == ACCEPT
    assert len(web.calls) == 1


@pytest.mark.parametrize("status", [400, 403, 405, 501])
def test_w_t7_a_head_that_is_refused_costs_a_get(web: responses.RequestsMock, status: int) -> None:
    web.head(TAG, status=status)
    web.get(TAG, body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    assert repository().tags.get("1.2").digest == MANIFEST_DIGEST


@pytest.mark.parametrize(
    "change",
    [
        {"Docker-Content-Digest": ""},
        {"Docker-Content-Digest": "sha256:" + "A" * 64},
        {"Docker-Content-Digest": "sha256:" + "a" * 32},
        {"Content-Length": ""},
        {"Content-Length": "many"},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_w_t5_a_head_without_the_facts_costs_a_get(
    web: responses.RequestsMock, change: dict[str, str]
) -> None:
    web.head(TAG, headers={name: value for name, value in {**FULL, **change}.items() if value})
    web.get(TAG, body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    found = repository().tags.get("1.2")
    assert (found.digest, found.size) == (MANIFEST_DIGEST, len(MANIFEST))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationRequiredError),
        (404, ManifestUnknownError),
        (429, RateLimitedError),
    ],
)
def test_w_t7_other_refusals_of_a_head_are_final(
    web: responses.RequestsMock, status: int, kind: type[RegistryError]
) -> None:
    web.head(TAG, status=status, headers={"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(kind):
        repository().tags.get("1.2")
    assert {call.request.method for call in web.calls} == {"HEAD"}


def test_w_e4_a_get_tells_why_a_head_is_denied(web: responses.RequestsMock) -> None:
    web.head(TAG, status=403)
    web.get(TAG, status=403, json={"errors": [{"code": "DENIED", "message": "only robots"}]})
    with pytest.raises(DeniedError, match="only robots"):
        repository().tags.get("1.2")


def test_t7_a_broken_head_costs_no_get(web: responses.RequestsMock) -> None:
    web.head(TAG, body=ConnectionResetError())
    with pytest.raises(UnreachableError):
        repository().tags.get("1.2")
    assert {call.request.method for call in web.calls} == {"HEAD"}


def test_w_t6_the_body_of_a_get_is_hashed(web: responses.RequestsMock) -> None:
    web.head(TAG, status=405)
    headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": Digest.of(b"other")}
    web.get(TAG, body=MANIFEST, headers=headers)
    with pytest.raises(DigestMismatchError):
        repository().tags.get("1.2")


def test_t6_a_missing_tag_is_told_by_the_get_that_a_refused_head_costs(
    web: responses.RequestsMock,
) -> None:
    web.head(TAG, status=405)
    web.get(TAG, status=404, json={"errors": [{"code": "MANIFEST_UNKNOWN", "message": "gone"}]})
    with pytest.raises(ManifestUnknownError, match="gone"):
        repository().tags.get("1.2")


def test_t8_the_parameters_of_a_media_type_are_left_out(web: responses.RequestsMock) -> None:
    web.head(TAG, headers={**FULL, "Content-Type": f"{OCI_MANIFEST} ; charset=utf-8"})
    assert repository().tags.get("1.2").media_type == OCI_MANIFEST


def test_w_t1_a_tag_is_set_by_storing_the_same_bytes_again(web: responses.RequestsMock) -> None:
    web.get(TAG, body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    web.put(f"{API}team/app/manifests/stable", status=201)
    stored = repository().tags.tag("1.2", "stable")
    assert stored.digest == MANIFEST_DIGEST
    assert [call.request.method for call in web.calls] == ["GET", "PUT"]
    assert web.calls[1].request.body == MANIFEST
    assert web.calls[1].request.headers["Content-Type"] == OCI_MANIFEST


def test_w_t1_a_tag_can_be_set_to_a_digest(web: responses.RequestsMock) -> None:
    by_digest = f"{API}team/app/manifests/{MANIFEST_DIGEST}"
    web.get(by_digest, body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    web.put(f"{API}team/app/manifests/stable", status=201)
    assert repository().tags.tag(MANIFEST_DIGEST, "stable").digest == MANIFEST_DIGEST


def test_w_t1_a_tag_is_not_set_to_what_is_not_there(web: responses.RequestsMock) -> None:
    web.get(TAG, status=404)
    with pytest.raises(ManifestUnknownError):
        repository().tags.tag("1.2", "stable")
    with pytest.raises(InvalidReferenceError):
        repository().tags.tag("1.2", "no tag")
    assert len(web.calls) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
def test_t9_a_tag_is_taken_away_by_its_name(web: responses.RequestsMock, status: int) -> None:
    web.delete(TAG, status=status)
    repository().tags.untag("1.2")
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(400, "DIGEST_INVALID"), (400, "UNSUPPORTED"), (405, "UNSUPPORTED")]
)
def test_w_m11_untagging_is_never_emulated(
    web: responses.RequestsMock, status: int, code: str
) -> None:
    web.delete(TAG, status=status, json={"errors": [{"code": code}]})
    with pytest.raises(UntagUnsupportedError, match="takes all of its tags away") as caught:
        repository().tags.untag("1.2")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert isinstance(caught.value, DeletionDisabledError)
    assert len(web.calls) == 1


@pytest.mark.parametrize(("status", "kind"), [(404, ManifestUnknownError), (403, DeniedError)])
def test_w_m10_other_refusals_to_untag_are_told(
    web: responses.RequestsMock, status: int, kind: type[RegistryError]
) -> None:
    web.delete(TAG, status=status)
    with pytest.raises(kind) as caught:
        repository().tags.untag("1.2")
    assert type(caught.value) is kind


@pytest.mark.parametrize("tag", ["", "../x", "sha256:" + "a" * 64, "a\r\nX: y"])
def test_t10_what_is_no_tag_is_never_deleted(tag: str) -> None:
    with pytest.raises(InvalidReferenceError):
        repository().tags.untag(tag)


def pointing(web: responses.RequestsMock, **tags: Digest | int) -> None:
    """A listing of tags, and what a HEAD brings for each: a digest or a status."""
    web.get(LISTING, json={"tags": list(tags)})
    for tag, target in tags.items():
        url = f"{API}team/app/manifests/{tag}"
        if isinstance(target, int):
            web.head(url, status=target)
        else:
            web.head(url, headers={**FULL, "Docker-Content-Digest": target})


OTHER = Digest.of(b"other")


def test_w_t1_the_tags_of_a_digest_are_found_by_asking_for_each(
    web: responses.RequestsMock,
) -> None:
    pointing(web, a=MANIFEST_DIGEST, b=OTHER, gone=404, c=MANIFEST_DIGEST)
    assert repository().tags.lookup(MANIFEST_DIGEST) == ("a", "c")
    assert len(web.calls) == 5


def test_w_t1_no_more_tags_are_looked_at_than_allowed(web: responses.RequestsMock) -> None:
    web.get(LISTING, json={"tags": ["a", "b", "c"]})
    for tag in "ab":
        web.head(f"{API}team/app/manifests/{tag}", headers=FULL)
    with pytest.raises(BudgetSpentError, match="more than 2 tags") as caught:
        repository().tags.lookup(MANIFEST_DIGEST, most_tags=2)
    assert caught.value.partial == ("a", "b")
    assert len(web.calls) == 3


def test_w_t1_what_was_found_before_an_error_is_kept(web: responses.RequestsMock) -> None:
    pointing(web, a=MANIFEST_DIGEST, b=500)
    with pytest.raises(RegistryUnavailableError) as caught:
        repository().tags.lookup(MANIFEST_DIGEST)
    assert caught.value.partial == ("a",)


def test_w_t1_a_digest_of_another_algorithm_is_computed(web: responses.RequestsMock) -> None:
    pointing(web, a=MANIFEST_DIGEST)
    web.get(f"{API}team/app/manifests/a", body=MANIFEST, headers={"Content-Type": OCI_MANIFEST})
    assert repository().tags.lookup(Digest.of(MANIFEST, "sha512")) == ("a",)


def test_w_t1_only_a_digest_is_looked_up() -> None:
    with pytest.raises(InvalidDigestError):
        repository().tags.lookup("latest")


@pytest.mark.parametrize("tag", ["", "../x", "a/b", "a\r\nX: y", "-a", "a" * 129, "a?b", "a b"])
def test_t10_what_is_no_tag_never_reaches_a_url(tag: str) -> None:
    with pytest.raises(InvalidReferenceError):
        repository().tags.get(tag)
