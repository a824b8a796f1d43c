"""Wrong statuses, lengths, bodies and ranges are on the wire as their faults say."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import pytest

from tests.faults import wire
from tests.faults.answers import EndlessPages, Http10, Huge, IgnoreExpect, Status, http_date
from tests.faults.bodies import Corrupt, DuplicateLength, Gzip, NegativeLength, WrongLength
from tests.faults.conftest import BLOB
from tests.faults.fault import Fault
from tests.faults.menu import RETRY_AFTERS
from tests.faults.proxy import Proxy
from tests.faults.ranges import FullOnRange, Multipart, NotSatisfiable, WrongStart, WrongTotal
from tests.faults.scenario import ALWAYS, Rule, Scenario
from tests.faults.upstream import Upstream

TAGS = "/v2/team/app/tags/list"
RAW = bytes(range(256)) * 1024
SIZE = len(RAW)


@contextmanager
def _faulty(upstream: Upstream, fault: Fault, times: int = 1) -> Iterator[Proxy]:
    with Proxy(upstream.url, Scenario(Rule(fault, times=times))) as proxy:
        yield proxy


@pytest.mark.parametrize("burst", [1, 7])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_bursts_of_a_status(upstream: Upstream, status: int, burst: int) -> None:
    with _faulty(upstream, Status(status), burst) as proxy:
        heard = [wire.ask(proxy.url, "GET", BLOB) for _ in range(burst + 1)]
    assert [one.status for one in heard] == [status] * burst + [200]
    assert len(json.loads(heard[0].body)["errors"]) == 1
    assert len(upstream.heads) == 1


@pytest.mark.parametrize("after", [*RETRY_AFTERS, None])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_sent_as_it_stands(
    upstream: Upstream, status: int, after: str | None
) -> None:
    with _faulty(upstream, Status(status, after)) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB)
    assert heard.status == status
    assert heard.every("Retry-After") == ([] if after is None else [after])


def test_http_date_is_a_time_of_the_test() -> None:
    assert parsedate_to_datetime(http_date(1_000_000_123.0)).timestamp() == 1_000_000_123


@pytest.mark.parametrize("early", [False, True])
def test_a_status_comes_after_the_body_or_before_it(upstream: Upstream, early: bool) -> None:
    with _faulty(upstream, Status(503, early=early)) as proxy:
        with wire.connect(proxy.url) as connection:
            connection.sendall(wire.head(proxy.url, "PUT", "/up", "Content-Length: 9", keep=True))
            if not early:
                connection.sendall(b"123456789")
            assert wire.hear_body(connection, 1).status == 503
        (entry,) = proxy.seen()
    assert entry.received == (0 if early else 9)
    assert upstream.received == {}


def test_a_status_after_the_body_asks_for_the_body(upstream: Upstream) -> None:
    with _faulty(upstream, Status(503)) as proxy, wire.connect(proxy.url) as connection:
        headers = ("Content-Length: 4", "Expect: 100-continue")
        connection.sendall(wire.head(proxy.url, "PUT", "/up", *headers))
        assert wire.hear_body(connection, 0).status == 100
        connection.sendall(b"body")
        assert wire.hear(connection).status == 503


def test_huge_sends_as_much_as_one_reads(upstream: Upstream) -> None:
    with _faulty(upstream, Huge(1_000_000)) as proxy:
        heard = wire.ask(proxy.url, "GET", "/token")
        (entry,) = proxy.seen()
    assert heard.header("Transfer-Encoding") == "chunked"
    assert heard.body.startswith(b'b\r\n{"token": "\r\n')
    assert entry.sent == 1_000_000


def test_huge_ends_when_the_client_goes(upstream: Upstream) -> None:
    with _faulty(upstream, Huge(1 << 40)) as proxy:
        with wire.connect(proxy.url) as connection:
            connection.sendall(wire.head(proxy.url, "GET", TAGS))
            wire.hear_body(connection, 100_000)
        (entry,) = proxy.seen()
    assert 100_000 <= entry.sent < 1 << 26


@pytest.mark.parametrize("measured", [True, False])
def test_http10_closes_without_chunks(upstream: Upstream, measured: bool) -> None:
    with _faulty(upstream, Http10(measured), ALWAYS) as proxy:
        for target in (BLOB, f"{BLOB}?as=chunked"):
            heard = wire.exchange(proxy.url, wire.head(proxy.url, "GET", target, keep=True))
            assert heard.head.startswith("HTTP/1.0 200 OK\r\n")
            assert heard.every("Transfer-Encoding") == []
            assert heard.every("Content-Length") == ([str(SIZE)] if measured else [])
            assert heard.body == RAW


def test_ignored_expectation_brings_no_100(upstream: Upstream) -> None:
    with _faulty(upstream, IgnoreExpect()) as proxy, wire.connect(proxy.url) as connection:
        headers = ("Content-Length: 4", "Expect: 100-continue")
        connection.sendall(wire.head(proxy.url, "PUT", "/up", *headers))
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(wire.PATIENCE)
        connection.sendall(b"body")
        assert wire.hear(connection).status == 201
    assert upstream.received["/up"] == b"body"


@pytest.mark.parametrize(
    ("cursors", "expected"), [(1, "0 0 0"), (2, "1 0 1"), (0, "1 2 3")], ids=str
)
def test_endless_pages_lead_on(upstream: Upstream, cursors: int, expected: str) -> None:
    target, seen = TAGS, []
    with _faulty(upstream, EndlessPages(cursors=cursors, items=()), ALWAYS) as proxy:
        for _ in range(3):
            heard = wire.ask(proxy.url, "GET", target)
            assert json.loads(heard.body)["tags"] == []
            target = heard.header("Link").partition(">")[0].removeprefix("<")
            seen.append(target.partition("?last=")[2])
    assert " ".join(seen) == expected


@pytest.mark.parametrize("by", [-1, -500, 1, 7])
def test_wrong_length_lies_and_sends_all(upstream: Upstream, by: int) -> None:
    with _faulty(upstream, WrongLength(by), ALWAYS) as proxy:
        heard = wire.exchange(proxy.url, wire.head(proxy.url, "GET", BLOB, keep=by > 0))
        assert wire.ask(proxy.url, "HEAD", BLOB).header("Content-Length") == str(SIZE + by)
    assert heard.header("Content-Length") == str(SIZE + by)
    assert (heard.body, heard.reset) == (RAW, False)


def test_a_surplus_stands_before_the_next_response(upstream: Upstream) -> None:
    with _faulty(upstream, WrongLength(-5)) as proxy, wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", BLOB, keep=True))
        assert wire.hear_body(connection, SIZE).body == RAW
        connection.sendall(wire.head(proxy.url, "HEAD", BLOB))
        assert wire.hear(connection).status == 200


@pytest.mark.parametrize("by", [0, 1])
def test_duplicate_length(upstream: Upstream, by: int) -> None:
    with _faulty(upstream, DuplicateLength(by)) as proxy:
        heard = wire.exchange(proxy.url, wire.head(proxy.url, "GET", BLOB, keep=True))
    assert heard.every("Content-Length") == [str(SIZE), str(SIZE + by)]
    assert (heard.body, heard.reset) == (RAW, False)


def test_negative_length(upstream: Upstream) -> None:
    with _faulty(upstream, NegativeLength()) as proxy:
        heard = wire.exchange(proxy.url, wire.head(proxy.url, "GET", BLOB, keep=True))
    assert heard.every("Content-Length") == [str(-SIZE - 1)]
    assert (heard.body, heard.reset) == (RAW, False)


@pytest.mark.parametrize("at", [0, 65_535, 65_536, SIZE - 1])
def test_corrupt_flips_one_bit_once(upstream: Upstream, at: int) -> None:
    with _faulty(upstream, Corrupt(at, bit=3)) as proxy:
        wrong = wire.ask(proxy.url, "GET", BLOB).body
        assert wire.ask(proxy.url, "GET", BLOB).body == RAW
    assert len(wrong) == SIZE
    assert [n for n in range(SIZE) if wrong[n] != RAW[n]] == [at]
    assert wrong[at] ^ RAW[at] == 8


def test_corrupt_means_the_blob_where_a_range_is_sent(upstream: Upstream) -> None:
    with _faulty(upstream, Corrupt(1000), ALWAYS) as proxy:
        hit = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=990-1009")
        missed = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=1001-1009")
    assert [n for n in range(20) if hit.body[n] != RAW[990 + n]] == [10]
    assert missed.body == RAW[1001:1010]


def test_gzip_is_a_coding_nobody_asked_for(upstream: Upstream) -> None:
    with _faulty(upstream, Gzip()) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB)
    assert heard.header("Content-Encoding") == "gzip"
    assert heard.every("Content-Length") == []
    assert gzip.decompress(_unchunked(heard.body)) == RAW


def test_gzip_may_be_a_lie(upstream: Upstream) -> None:
    with _faulty(upstream, Gzip(encoded=False)) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB)
    assert heard.header("Content-Encoding") == "gzip"
    assert heard.body == RAW
    with pytest.raises(zlib.error):
        zlib.decompress(heard.body, wbits=31)


@pytest.mark.parametrize(("by", "start"), [(1, 101), (-1, 99), (-500, 0)])
def test_wrong_start_admitted(upstream: Upstream, by: int, start: int) -> None:
    with _faulty(upstream, WrongStart(by)) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=100-")
        assert wire.ask(proxy.url, "GET", BLOB).body == RAW
        assert proxy.seen()[0].headers.get("Range") == "bytes=100-"
    assert heard.status == 206
    assert heard.header("Content-Range") == f"bytes {start}-{SIZE - 1}/{SIZE}"
    assert heard.body == RAW[start:]


def test_wrong_start_concealed(upstream: Upstream) -> None:
    with _faulty(upstream, WrongStart(10, admitted=False)) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=100-199")
    assert heard.header("Content-Range") == f"bytes 100-189/{SIZE}"
    assert heard.body == RAW[110:200]


def test_wrong_total(upstream: Upstream) -> None:
    with _faulty(upstream, WrongTotal(-3)) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=100-")
    assert heard.header("Content-Range") == f"bytes 100-{SIZE - 1}/{SIZE - 3}"
    assert heard.body == RAW[100:]


def test_full_on_range(upstream: Upstream) -> None:
    with _faulty(upstream, FullOnRange()) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=100-")
    assert heard.status == 200
    assert heard.every("Content-Range") == []
    assert heard.body == RAW


def test_not_satisfiable_tells_the_true_total(upstream: Upstream) -> None:
    with _faulty(upstream, NotSatisfiable(), ALWAYS) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB, f"Range: bytes={SIZE - 1}-")
        assert wire.ask(proxy.url, "GET", BLOB).status == 200
    assert heard.status == 416
    assert heard.header("Content-Range") == f"bytes */{SIZE}"


def test_multipart_wraps_the_only_range(upstream: Upstream) -> None:
    with _faulty(upstream, Multipart()) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB, "Range: bytes=100-149")
    assert heard.status == 206
    assert heard.every("Content-Range") == []
    boundary = heard.header("Content-Type").removeprefix("multipart/byteranges; boundary=")
    part = f"--{boundary}\r\nContent-Range: bytes 100-149/{SIZE}\r\n\r\n".encode()
    assert heard.body == part + RAW[100:150] + f"\r\n--{boundary}--\r\n".encode()
    assert heard.header("Content-Length") == str(len(heard.body))


def _unchunked(raw: bytes) -> bytes:
    whole = b""
    while raw != b"0\r\n\r\n":
        size, _, rest = raw.partition(b"\r\n")
        whole, raw = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return whole
