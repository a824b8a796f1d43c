from __future__ import annotations

import pytest
import responses

from regnb.core.repository import Repository
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    InvalidReferenceError,
    ManifestUnknownError,
    RateLimitedError,
    RegistryError,
    UnreachableError,
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
    web.head(TAG, status=status)
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


@pytest.mark.parametrize("tag", ["", "../x", "a/b", "a\r\nX: y", "-a", "a" * 129, "a?b", "a b"])
def test_t10_what_is_no_tag_never_reaches_a_url(tag: str) -> None:
    with pytest.raises(InvalidReferenceError):
        repository().tags.get(tag)
