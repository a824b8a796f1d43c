from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import responses
from responses.matchers import query_string_matcher

from regnb.core.paging import pages
from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BodyTooLargeError,
    NotARegistryError,
    ProtocolError,
    RegistryUnavailableError,
    RepositoryUnknownError,
    TooManyPagesError,
    UnsafeRedirectError,
)
from tests.core.fakes import API, registry

LISTING = f"{API}team/app/tags/list"


def page(
    web: responses.RequestsMock, query: str, items: object, link: str | None = None, **more: Any
) -> None:
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    web.get(
        LISTING, json={"tags": items}, headers=headers, match=[query_string_matcher(query)], **more
    )


def listed(client: Registry, query: str = "", asked: int | None = None) -> list[list[object]]:
    return list(pages(client.transport, LISTING + query, key="tags", scopes=(), asked=asked))


def test_t2_links_are_followed_to_the_end(web: responses.RequestsMock) -> None:
    page(web, "", ["a", "b"], "/v2/team/app/tags/list?last=b%2Fx&n=2")
    page(web, "last=b%2Fx&n=2", ["c"], f"{LISTING}?cursor=opaque%7E")
    page(web, "cursor=opaque%7E", ["d"])
    assert listed(registry()) == [["a", "b"], ["c"], ["d"]]
    assert web.calls[1].request.url == f"{LISTING}?last=b%2Fx&n=2"


def test_t3_pages_are_lazy_and_keep_what_came_before_an_error(
    web: responses.RequestsMock,
) -> None:
    page(web, "", ["a"], "?last=a")
    web.get(LISTING, status=500, match=[query_string_matcher("last=a")])
    listing = pages(registry().transport, LISTING, key="tags", scopes=())
    assert next(listing) == ["a"]
    assert len(web.calls) == 1
    with pytest.raises(RegistryUnavailableError):
        next(listing)


@pytest.mark.parametrize("document", [{"tags": None}, {"tags": []}, {"name": "x"}])
def test_w_c3_null_is_an_empty_listing(
    web: responses.RequestsMock, document: dict[str, object]
) -> None:
    web.get(LISTING, json=document)
    assert listed(registry()) == [[]]


@pytest.mark.parametrize("document", [[], "x", {"tags": "x"}, {"tags": {"a": 1}}, 5, None])
def test_w_c3_what_is_no_listing_is_refused(web: responses.RequestsMock, document: object) -> None:
    web.get(LISTING, body=json.dumps(document))
    with pytest.raises(ProtocolError, match="no list of tags"):
        listed(registry())


def test_w_e1_a_web_page_is_no_listing(web: responses.RequestsMock) -> None:
    web.get(LISTING, body="<html>", content_type="text/html")
    with pytest.raises(NotARegistryError):
        listed(registry())


def test_w_t9_an_unknown_repository_is_told(web: responses.RequestsMock) -> None:
    web.get(LISTING, status=404, json={"errors": [{"code": "NAME_UNKNOWN"}]})
    with pytest.raises(RepositoryUnknownError):
        listed(registry())


def test_s7_a_link_to_another_host_is_not_followed(web: responses.RequestsMock) -> None:
    page(web, "", ["a"], "http://169.254.169.254/latest/meta-data")
    with pytest.raises(UnsafeRedirectError, match="not in this registry"):
        listed(registry())


def test_s7_a_link_to_the_same_path_elsewhere_is_asked_for_here(
    web: responses.RequestsMock,
) -> None:
    page(web, "", ["a"], "http://internal:5000/v2/team/app/tags/list?last=a")
    page(web, "last=a", ["b"])
    assert listed(registry()) == [["a"], ["b"]]


def endless(web: responses.RequestsMock, limits: Limits | None = None) -> Sequence[str]:
    with pytest.raises(TooManyPagesError) as caught:
        listed(registry(limits=limits))
    assert caught.value.partial is not None
    return caught.value.partial


def test_s8_a_page_that_links_to_itself_ends(web: responses.RequestsMock) -> None:
    page(web, "", ["a"], LISTING)
    assert endless(web) == ["a"]
    assert len(web.calls) == 1


def test_s8_two_pages_that_link_to_each_other_end(web: responses.RequestsMock) -> None:
    page(web, "", ["a"], "?b")
    page(web, "b", ["b"], LISTING)
    assert endless(web) == ["a", "b"]


def _growing(web: responses.RequestsMock, items: list[str]) -> None:
    def reply(request: Any) -> tuple[int, dict[str, str], str]:
        number = len(web.calls)
        named = [item.format(number) for item in items]
        return 200, {"Link": f'<?cursor={number}>; rel="next"'}, json.dumps({"tags": named})

    web.add_callback("GET", LISTING, reply)


@pytest.mark.parametrize("items", [[], ["same"]])
def test_s8_a_growing_cursor_without_new_names_ends(
    web: responses.RequestsMock, items: list[str]
) -> None:
    _growing(web, items)
    assert endless(web) == items
    assert len(web.calls) <= 2


@pytest.mark.parametrize(
    ("limits", "names"),
    [(Limits(pages=4), 4), (Limits(items=3), 4), (Limits(listing=50), 3)],
)
def test_s8_pages_items_and_bytes_have_caps(
    web: responses.RequestsMock, limits: Limits, names: int
) -> None:
    _growing(web, ["name-{}"])
    assert endless(web, limits) == [f"name-{n}" for n in range(names)]


def test_s9_a_page_has_a_cap(web: responses.RequestsMock) -> None:
    page(web, "", ["a" * 100])
    with pytest.raises(BodyTooLargeError):
        listed(registry(limits=replace(Limits(), page=100)))


def test_w_c2_a_name_that_comes_twice_counts_once(web: responses.RequestsMock) -> None:
    page(web, "", ["a", "b", "b"], "?last=b")
    page(web, "last=b", ["b", "c", None])
    assert listed(registry()) == [["a", "b"], ["c", None]]


def test_general_a_full_page_without_a_link_is_followed_by_last(
    web: responses.RequestsMock,
) -> None:
    page(web, "n=2", ["a", "b/c"])
    page(web, "n=2&last=b%2Fc", ["d"])
    assert listed(registry(), "?n=2", asked=2) == [["a", "b/c"], ["d"]]


def test_general_the_guess_ends_where_the_page_repeats(web: responses.RequestsMock) -> None:
    page(web, "n=2", ["a", "b"])
    page(web, "n=2&last=b", ["a", "b"])
    assert listed(registry(), "?n=2", asked=2) == [["a", "b"], []]


@pytest.mark.parametrize("status", [400, 404, 405])
def test_w_c2_a_registry_may_refuse_the_guess(web: responses.RequestsMock, status: int) -> None:
    page(web, "n=2", ["a", "b"])
    web.get(LISTING, status=status, match=[query_string_matcher("n=2&last=b")])
    assert listed(registry(), "?n=2", asked=2) == [["a", "b"]]


def test_general_trouble_during_the_guess_is_told(web: responses.RequestsMock) -> None:
    page(web, "n=2", ["a", "b"])
    web.get(LISTING, status=503, match=[query_string_matcher("n=2&last=b")])
    with pytest.raises(RegistryUnavailableError):
        listed(registry(), "?n=2", asked=2)


@pytest.mark.parametrize("items", [["a"], ["a", "b", "c"]])
def test_general_a_page_of_another_length_is_the_last(
    web: responses.RequestsMock, items: list[str]
) -> None:
    page(web, "n=2", items)
    assert listed(registry(), "?n=2", asked=2) == [items]
