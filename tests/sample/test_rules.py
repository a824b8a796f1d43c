"""What a registry may decide for itself: pages, chunks, deletions."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from regnb.sample import Served, serve
from regnb.sample.names import digest_of
from regnb.sample.storage import Manifest, Storage

MINIMUM = 100
RAW = b"0123456789" * 25
SUBJECT = digest_of(b"subject")
TYPES = ["application/x-a+b", "application/x-c"]


@pytest.fixture
def chunked() -> Iterator[Served]:
    with serve(fill=None, chunk_minimum=MINIMUM) as served:
        yield served


def pages(session: requests.Session, url: str) -> Iterator[list[object]]:
    """The items of each page, as the Links lead on."""
    following: str | None = url
    while following:
        answer = session.get(following)
        assert answer.status_code == 200
        (items,) = (each for each in answer.json().values() if isinstance(each, list))
        yield items
        link = answer.links.get("next")
        following = urljoin(url, link["url"]) if link else None


# Pages


@pytest.mark.parametrize(("question", "size"), [("", 2), ("?n=1", 1), ("?n=1000", 2)])
@pytest.mark.parametrize("path", ["_catalog", "library/alpine/tags/list"])
def test_pages_are_no_larger_than_the_registry_likes(
    filled: Served, session: requests.Session, path: str, question: str, size: int
) -> None:
    (whole,) = pages(session, f"{filled.url}v2/{path}")
    with serve(page_size=2) as paging:
        found = list(pages(session, f"{paging.url}v2/{path}{question}"))
    assert len(found) > 1
    assert {len(page) for page in found[:-1]} == {size}
    assert [item for page in found for item in page] == whole


def refer(storage: Storage) -> None:
    for number in range(5):
        fields = {"subject": {"digest": SUBJECT}, "artifactType": TYPES[number % 2], "n": number}
        storage.put_manifest("app", Manifest.read(json.dumps(fields).encode(), "application/x"))


@pytest.mark.parametrize(
    ("question", "sizes"),
    [
        ("", [2, 2, 1]),
        ("?n=1", [1, 1, 1, 1, 1]),
        ("?n=0", [0]),
        ("?artifactType=application/x-a%2Bb", [2, 1]),
        ("?artifactType=application/x-c", [2]),
        ("?artifactType=application/x-d", [0]),
    ],
)
def test_pages_of_referrers_keep_their_filter(
    session: requests.Session, question: str, sizes: list[int]
) -> None:
    with serve(fill=refer, page_size=2) as paging:
        url = f"{paging.url}v2/app/referrers/{SUBJECT}{question}"
        found = list(pages(session, url))
    assert [len(page) for page in found] == sizes
    shown = [json.dumps(each) for page in found for each in page]
    assert len(set(shown)) == sum(sizes)


@pytest.mark.parametrize("n", ["-1", "many"])
def test_an_n_that_is_no_number_is_400(session: requests.Session, n: str) -> None:
    with serve(fill=refer) as served:
        url = f"{served.url}v2/app/referrers/{SUBJECT}"
        assert session.get(url, params={"n": n}).status_code == 400


def test_a_page_goes_on_after_a_referrer_that_is_gone(session: requests.Session) -> None:
    with serve(fill=refer, page_size=2) as served:
        url = f"{served.url}v2/app/referrers/{SUBJECT}"
        walk = pages(session, url)
        first = next(walk)
        for each in first:
            assert isinstance(each, dict)
            assert served.storage.delete_manifest("app", each["digest"])
        assert [len(page) for page in walk] == [2, 1]


# Chunks


def started(served: Served, session: requests.Session) -> requests.Response:
    answer = session.post(f"{served.url}v2/app/blobs/uploads/")
    assert answer.status_code == 202
    return answer


def follow(
    session: requests.Session, method: str, earlier: requests.Response, body: bytes
) -> requests.Response:
    query = {"digest": digest_of(RAW)} if method == "PUT" else {}
    url = urljoin(earlier.url, earlier.headers["Location"])
    return session.request(method, url, params=query, data=body)


def test_the_least_size_of_a_chunk_is_told_where_there_is_one(
    chunked: Served, empty: Served, session: requests.Session
) -> None:
    assert started(chunked, session).headers["OCI-Chunk-Min-Length"] == str(MINIMUM)
    assert "OCI-Chunk-Min-Length" not in started(empty, session).headers


@pytest.mark.parametrize(
    ("sizes", "closing"),
    [([], 250), ([100], 150), ([100, 100], 50), ([100, 100, 50], 0), ([249], 1), ([250], 0)],
)
def test_the_last_chunk_may_be_short(
    chunked: Served, session: requests.Session, sizes: list[int], closing: int
) -> None:
    answer, begin = started(chunked, session), 0
    for size in sizes:
        answer = follow(session, "PATCH", answer, RAW[begin : begin + size])
        assert answer.status_code == 202
        begin += size
    assert len(RAW) == begin + closing
    assert follow(session, "PUT", answer, RAW[begin:]).status_code == 201


def test_a_chunk_that_broke_off_is_gone_on_with(chunked: Served, session: requests.Session) -> None:
    answer = started(chunked, session)
    location = urljoin(answer.url, answer.headers["Location"])
    target = urlsplit(location)
    with socket.create_connection((target.hostname, target.port), 10) as connection:
        head = f"PATCH {target.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n"
        connection.sendall(head.encode() + RAW[:10])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    state = session.get(location)
    assert state.headers["Range"] == "0-9"
    assert follow(session, "PUT", state, RAW[10:]).status_code == 201


def test_a_short_chunk_that_is_not_the_last_is_400(
    chunked: Served, session: requests.Session
) -> None:
    short = follow(session, "PATCH", started(chunked, session), RAW[: MINIMUM - 1])
    assert short.status_code == 202
    for method in ("PATCH", "PUT"):
        refused = follow(session, method, short, RAW[MINIMUM - 1 :])
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["code"] == "SIZE_INVALID"


# Deletions


@pytest.mark.parametrize("path", ["manifests/1", f"manifests/{SUBJECT}", f"blobs/{SUBJECT}"])
def test_where_nothing_is_deleted_the_other_methods_are_named(
    session: requests.Session, path: str
) -> None:
    with serve(fill=None, delete=False) as served:
        answer = session.delete(f"{served.url}v2/app/{path}")
    assert answer.status_code == 405
    others = "GET, HEAD, PUT" if path.startswith("manifests") else "GET, HEAD"
    assert answer.headers["Allow"] == others
