from __future__ import annotations

import json
import re
import socket
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from responses.matchers import query_string_matcher

from regnb.core.paging import pages
from regnb.core.registry import Registry
from regnb.core.wire.limits import MIB, Limits
from regnb.errors import (
    BodyTooLargeError,
    NotARegistryError,
    ProtocolError,
    RegistryError,
    RegistryUnavailableError,
    RepositoryUnknownError,
    TooManyPagesError,
    UnsafeRedirectError,
)
from tests.core.fakes import API, Script, raw_server, registry, reply

LISTING = f"{API}team/app/tags/list"


def page(
    web: responses.RequestsMock, query: str, items: object, link: str | None = None, **more: Any
) -> None:
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    web.get(
        LISTING, json={"tags": items}, headers=headers, match=[query_string_matcher(query)], **more
    )


def listed(client: Registry, query: str = "", asked: int | None = None) -> list[list[object]]:
    listing = pages(client.transport, LISTING + query, key="tags", scopes=(), asked=asked)
    return [page.items for page in listing]


def test_t2_links_are_followed_to_the_end(web: responses.RequestsMock) -> None:
    page(web, "", ["a", "b"], "/v2/team/app/tags/list?last=b%2Fx&n=2")
    page(web, "last=b%2Fx&n=2", ["c"], f"{LISTING}?cursor=opaque%7E")
    page(web, "cursor=opaque%7E", ["d"])
    assert listed(registry()) == [["a", "b"], ["c"], ["d"]]
    assert web.calls[1].request.url == f"{LISTING}?last=b%2Fx&n=2"


def test_t3_pages_are_lazy_and_give_what_came_before_an_error(
    web: responses.RequestsMock,
) -> None:
    page(web, "", ["a"], "?last=a")
    web.get(LISTING, status=500, match=[query_string_matcher("last=a")])
    listing = pages(registry().transport, LISTING, key="tags", scopes=())
    assert next(listing).items == ["a"]
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


def endless(web: responses.RequestsMock, limits: Limits | None = None) -> list[object]:
    """What comes of a listing before it is given up."""
    found: list[object] = []
    listing = pages(registry(limits=limits).transport, LISTING, key="tags", scopes=())

    def read() -> None:
        for page in listing:
            found.extend(page.items)

    with pytest.raises(TooManyPagesError, match="reading stopped there"):
        read()
    return found


def test_s8_a_page_that_links_to_itself_ends(web: responses.RequestsMock) -> None:
    page(web, "", ["a"], LISTING)
    assert endless(web) == ["a"]
    assert len(web.calls) == 1


def test_s8_two_pages_that_link_to_each_other_end(web: responses.RequestsMock) -> None:
    page(web, "", ["a"], "?b")
    page(web, "b", ["b"], LISTING)
    assert endless(web) == ["a", "b"]
    assert len(web.calls) == 2


def growing(web: responses.RequestsMock, named: Callable[[int], list[object]]) -> None:
    """Pages that never end, each with another cursor."""

    def reply(request: Any) -> tuple[int, dict[str, str], str]:
        number = len(web.calls)
        link = f'<?cursor={number}>; rel="next"'
        return 200, {"Link": link}, json.dumps({"tags": named(number)})

    web.add_callback("GET", LISTING, reply)


@pytest.mark.parametrize(
    ("cycle", "found", "requests"),
    [
        ([[]], [], 1),
        ([[None]], [], 1),
        ([["same"]], ["same"], 2),
        ([["a", "last"], ["last"]], ["a", "last"], 2),
        ([["a"], ["b"]], ["a", "b"], 3),
        ([["a", "b"], ["c"], ["b", "a"]], ["a", "b", "c"], 3),
        ([["a"], ["b"], ["c"]], ["a", "b", "c"], 4),
    ],
)
def test_s8_a_growing_cursor_without_new_names_ends(
    web: responses.RequestsMock, cycle: list[list[object]], found: list[object], requests: int
) -> None:
    growing(web, lambda number: cycle[number % len(cycle)])
    assert endless(web) == found
    assert len(web.calls) == requests


@pytest.mark.parametrize(
    ("limits", "names"), [(Limits(pages=4), 4), (Limits(items=3), 3), (Limits(listing=50), 2)]
)
def test_w_t3_and_s8_pages_items_and_bytes_have_caps(
    web: responses.RequestsMock, limits: Limits, names: int
) -> None:
    growing(web, lambda number: [f"name-{number}"])
    assert endless(web, limits) == [f"name-{n}" for n in range(names)]


NAMES = 5000  # on a page: enough that nothing else counts beside them


def many_pages(count: int) -> list[bytes]:
    """A raw server's listing of so many pages."""
    listing = []
    for number in range(count):
        names = [f"release-{number:06d}-{name:06d}" for name in range(NAMES)]
        more = (f'Link: <?page={number + 1}>; rel="next"',) if number + 1 < count else ()
        listing.append(reply(json.dumps({"tags": names}).encode(), *more))
    return listing


def peak_of(count: int) -> int:
    """Bytes that Python held at most while it walked a listing of so many pages."""
    with raw_server(*many_pages(count)) as server:
        tags = registry(server.url).repository("team/app").tags
        tracemalloc.start()
        try:
            names = sum(len(page) for page in tags.pages())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert names == count * NAMES
    return peak


def test_s8_a_long_listing_takes_the_memory_of_one_page() -> None:
    peak_of(1)  # what is imported and cached once is not counted
    assert peak_of(30) < 1.5 * peak_of(3)


def test_w_t4_and_s9_a_page_has_a_cap(web: responses.RequestsMock) -> None:
    page(web, "", ["a" * 100])
    with pytest.raises(BodyTooLargeError):
        listed(registry(limits=Limits(page=100)))


def endless_chunks(status: str) -> Script:
    """An answer that never stops, and announces no length."""

    def serve(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        while True:
            connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")

    return serve


@pytest.mark.parametrize(
    ("status", "kind"),
    [("200 OK", BodyTooLargeError), ("404 Not Found", RepositoryUnknownError)],
)
def test_s9_an_endless_answer_takes_no_more_memory_than_its_cap(
    status: str, kind: type[RegistryError]
) -> None:
    cap = 4 * MIB
    with raw_server(endless_chunks(status)) as server:
        tags = registry(server.url, limits=Limits(page=cap)).repository("team/app").tags
        tracemalloc.start()
        try:
            with pytest.raises(kind):
                tags.all()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < cap + 2 * MIB


def test_s10_json_attacks_on_a_listing_are_refused(web: responses.RequestsMock) -> None:
    bodies = [b"[" * 100_000, b'{"tags": [%s]}' % (b"9" * 5000), b'{"tags": ["\\ud800"]}']
    for body in bodies:
        web.get(LISTING, body=body)
        with pytest.raises(ProtocolError, match="cannot be read"):
            listed(registry())


_listings = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["tags", "name", "manifest"]), inner)
    ),
    max_leaves=12,
)


@given(
    body=st.binary(max_size=200) | _listings.map(lambda value: json.dumps(value).encode()),
    link=st.text('<>;,="? relnxt/:@.0', max_size=40),
)
def test_s8_no_page_breaks_the_listing(body: bytes, link: str) -> None:
    """Whatever a page and its Link hold, there are tags or a typed error, and an end."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        web.get(re.compile(".*"), body=body, headers={"Link": link})
        tags = registry(limits=Limits(pages=20)).repository("team/app").tags
        try:
            found = tags.all()
        except ProtocolError:
            return
        assert all(isinstance(name, str) for name in (*found, *found.invalid))


def test_w_t8_a_page_of_nulls_is_told(web: responses.RequestsMock) -> None:
    page(web, "", [None, None])
    assert listed(registry()) == [[None, None]]


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


def test_general_no_guess_after_a_registry_that_links(web: responses.RequestsMock) -> None:
    page(web, "n=2", ["a", "b"], "?n=2&last=b")
    page(web, "n=2&last=b", ["c", "d"])
    assert listed(registry(), "?n=2", asked=2) == [["a", "b"], ["c", "d"]]
    assert len(web.calls) == 2


def test_general_a_page_that_comes_again_later_brings_nothing(
    web: responses.RequestsMock,
) -> None:
    page(web, "n=2", ["a", "b"])
    page(web, "n=2&last=b", ["c", "d"])
    page(web, "n=2&last=d", ["b", "a"])
    assert listed(registry(), "?n=2", asked=2) == [["a", "b"], ["c", "d"], []]


def test_general_the_guess_goes_on_page_by_page(web: responses.RequestsMock) -> None:
    page(web, "n=2", ["a", "b"])
    page(web, "n=2&last=b", ["c", "d"])
    page(web, "n=2&last=d", [])
    assert listed(registry(), "?n=2", asked=2) == [["a", "b"], ["c", "d"], []]


def test_general_nothing_is_guessed_from_what_is_no_name(web: responses.RequestsMock) -> None:
    page(web, "n=2", ["a", None])
    assert listed(registry(), "?n=2", asked=2) == [["a", None]]


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
