"""F6 and what belongs to it: a blob arrives whole over connections that do not."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import socket
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.core.wire.limits import MIB, Limits
from regnb.errors import (
    BlobUnknownError,
    DeniedError,
    DigestMismatchError,
    OperationCancelledError,
    ProtocolError,
    RangesUnsupportedError,
    RegistryError,
    RegistryTimeoutError,
    RegistryUnavailableError,
    UnreachableError,
)
from regnb.model.digest import Digest
from tests.core.fakes import FakeTime, raw_server, registry, reply
from tests.core.faulty import (
    Asked,
    Way,
    chunked,
    cut,
    damaged,
    faulty,
    head,
    lengthless,
    says,
    silent,
    whole,
    without_ranges,
)

CONTENT = random.Random(8).randbytes(100_000)
DIGEST = Digest.of(CONTENT)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regnb.core.download.PIECE", 1000)
    monkeypatch.setattr("regnb.core.window.NEAR", 1000)


def assert_whole(*ways: Way, offsets: list[int | None], limits: Limits | None = None) -> None:
    """A stream copied piece by piece is the blob, after requests that began at `offsets`."""
    with faulty(CONTENT, *ways) as server, server.open(limits=limits) as stream:
        target = io.BytesIO()
        shutil.copyfileobj(stream, target, 700)
        assert target.getvalue() == CONTENT
        assert stream.verified
        assert server.offsets == offsets


def assert_fails(kind: type[RegistryError], *ways: Way, offsets: list[int | None]) -> None:
    """The same, but it ends in an error, and never in what looks like the blob."""
    with faulty(CONTENT, *ways) as server, server.open() as stream:
        target = io.BytesIO()
        with pytest.raises(kind):
            shutil.copyfileobj(stream, target, 700)
        assert len(target.getvalue()) < len(CONTENT)
        assert server.offsets == offsets


# Going on


@pytest.mark.parametrize("broken", [cut(60_000), chunked(60_000), lengthless(60_000)])
@pytest.mark.parametrize("after", [whole, chunked(), lengthless()])
def test_w_b2_and_f6_a_blob_goes_on_where_it_broke_off(broken: Way, after: Way) -> None:
    assert_whole(broken, after, offsets=[None, 60_000])


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 99_999])
def test_f6_it_may_break_off_anywhere(count: int) -> None:
    assert_whole(cut(count), whole, offsets=[None, count or None])


def test_f6_a_reset_is_a_break_like_any_other() -> None:
    def reset(connection: socket.socket) -> None:
        connection.sendall(cut(5000)(Asked(CONTENT)))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with raw_server(reset, reset, reply(CONTENT)) as server:
        stream = registry(server.url).repository("a").blobs.open(DIGEST)
        assert stream.read() == CONTENT
        stream.close()


def test_f6_there_is_no_end_of_breaks_that_bring_the_blob_forward() -> None:
    assert_whole(cut(1000), offsets=[None, *range(1000, 100_000, 1000)])


def test_f6_without_progress_there_are_five_more_attempts() -> None:
    offsets: list[int | None] = [None, 999, 1998, 2997, 3996, 4995]
    assert_fails(UnreachableError, cut(999), offsets=offsets)


def test_f6_a_mib_is_progress_whatever_the_size() -> None:
    content = CONTENT * 25
    limits = Limits(progress=20_000)
    with faulty(content, cut(20_000)) as server, server.open(limits=limits) as stream:
        assert stream.read() == content
        assert len(server.asked) == 125
    assert Limits().progress == MIB


def test_f6_time_in_which_bytes_came_is_not_counted_as_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regnb.core.download.PIECE", 10)
    time, limits = FakeTime(step=10.0), Limits(stall_window=10**6)
    ways = (cut(500), cut(500), whole)
    with faulty(CONTENT, *ways) as server, server.open(time=time, limits=limits) as stream:
        assert stream.read(1500) == CONTENT[:1500]
        assert time.slept
        assert server.offsets == [None, 500, 1000]
        assert time.seconds > 3 * limits.retry_budget


def test_f6_what_stands_in_the_way_meanwhile_is_waited_for() -> None:
    trouble = [says("503 Busy", "Retry-After: 7"), says("429 Slow", "Retry-After: 9"), cut(0)]
    time = FakeTime(chance=0.0)
    with faulty(CONTENT, cut(60_000), *trouble, whole) as server, server.open(time=time) as stream:
        assert stream.read() == CONTENT
        assert server.offsets == [None, 60_000, 60_000, 60_000, 60_000]
        assert {7.0, 9.0} <= set(time.slept)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says("404 No"), BlobUnknownError),
        (says("403 No"), DeniedError),
        (says("416 No"), RegistryError),
        (says("500 No"), RegistryUnavailableError),
    ],
)
def test_f6_what_will_not_change_is_told(answer: Way, kind: type[RegistryError]) -> None:
    with (
        faulty(CONTENT, cut(60_000), answer) as server,
        server.open() as stream,
        pytest.raises(kind),
    ):
        stream.read()


def test_f10_a_cancelled_download_ends() -> None:
    with faulty(CONTENT, cut(5000)) as server, server.open() as stream:
        stream.read(700)
        stream._download._transport.cancel()
        with pytest.raises(OperationCancelledError):
            stream.read()
        assert len(server.asked) == 1
        assert stream.tell() == 700


def test_f6_a_damaged_blob_is_read_once_more_if_nothing_was_given_out() -> None:
    with faulty(CONTENT, damaged(whole, 5), whole) as server, server.open() as stream:
        assert stream.read() == CONTENT
        assert stream.verified
        assert server.offsets == [None, None]
    with faulty(CONTENT, damaged(whole, 5)) as server, server.open() as stream:
        with pytest.raises(DigestMismatchError):
            stream.readinto(bytearray(200_000))
        assert server.offsets == [None, None]
        with pytest.raises(DigestMismatchError):
            stream.read()
        assert server.offsets == [None, None, None]


def test_f6_the_second_time_is_without_ranges_as_long_as_nothing_breaks() -> None:
    ways = (cut(60_000), damaged(whole, 70_000), whole)
    with faulty(CONTENT, *ways) as server, server.open() as stream:
        assert stream.read() == CONTENT
        assert server.offsets == [None, 60_000, None]


def test_f6_a_damaged_blob_of_which_bytes_were_given_out_is_an_error() -> None:
    assert_fails(DigestMismatchError, damaged(whole, 5), whole, offsets=[None])


def test_f14_a_resumed_blob_costs_hardly_more_than_a_whole_one() -> None:
    content = CONTENT * 80
    limits = Limits(progress=40_000)
    with faulty(content, cut(40_000)) as server, server.open(limits=limits) as stream:
        assert stream.readinto(bytearray(len(content))) == len(content)
        assert len(server.asked) == 200
        assert server.sent < len(content) * 1.05


# What is no part of the blob


def part(text: str, body: bytes = CONTENT[60_000:], *more: str) -> Way:
    length = f"Content-Length: {len(body)}"
    told = (f"Content-Range: {text}",) if text else ()
    answer = head("206 Partial Content", length, "Connection: close", *told, *more) + body
    return lambda asked: answer


WRONG_PARTS = [
    part("bytes 60001-99999/100000"),
    part("bytes 0-99999/100000", CONTENT),
    part("bytes 60000-99999/100001"),
    part("bytes 60000-99998/100000", CONTENT[60_000:-1]),
    part("bytes 60000-99999/100000", CONTENT[60_000:] + b"more"),
    part("bytes 60000-99999/100000", CONTENT[60_000:70_000]),
    part("bytes 60000-100000/100001", CONTENT[60_000:] + b"!"),
    part("bytes */100000"),
    part("octets 60000-99999/100000"),
    part(""),
    part("", b"--x\r\n", "Content-Type: multipart/byteranges; boundary=x"),
    part("bytes 60000-99999/100000", gzip.compress(b"x"), "Content-Encoding: gzip"),
    says("416 No", "Content-Range: bytes */100000"),
    says("416 No", "Content-Range: bytes */50000"),
]


@pytest.mark.parametrize("wrong", WRONG_PARTS)
def test_b8_a_wrong_part_is_not_taken_and_the_whole_is_asked_for(wrong: Way) -> None:
    assert_whole(cut(60_000), wrong, whole, offsets=[None, 60_000, None])


def test_b8_a_part_of_unknown_total_is_taken() -> None:
    assert_whole(cut(60_000), part("bytes 60000-99999/*"), offsets=[None, 60_000])


def test_w_b7_a_registry_without_ranges_is_read_past_what_is_known() -> None:
    assert_whole(cut(60_000), without_ranges(whole), offsets=[None, 60_000])
    assert_whole(cut(60_000), without_ranges(chunked()), offsets=[None, 60_000])


def test_w_b7_but_only_once() -> None:
    broken = without_ranges(cut(60_000))
    assert_fails(RangesUnsupportedError, cut(50_000), broken, offsets=[None, 50_000, 60_000])


@pytest.mark.parametrize(("count", "skips"), [(2000, True), (5000, True), (5001, False)])
def test_w_b7_and_only_over_8_mib_or_a_twentieth_of_the_blob(count: int, *, skips: bool) -> None:
    limits = Limits(skipped=1000)
    ways = (cut(count), without_ranges(whole))
    with faulty(CONTENT, *ways) as server, server.open(limits=limits) as stream:
        stream.read(1)
        if skips:
            assert stream.read() == CONTENT[1:]
        else:
            with pytest.raises(RangesUnsupportedError, match="byte 5,001"):
                stream.read()
    assert Limits().skipped == 8 * MIB


def test_w_b7_else_a_whole_read_begins_anew() -> None:
    limits = Limits(skipped=1000)
    ways = (cut(60_000), without_ranges(whole), whole)
    with faulty(CONTENT, *ways) as server, server.open(limits=limits) as stream:
        assert stream.read() == CONTENT
        assert server.offsets == [None, 60_000, None]


def test_w_b7_a_break_on_the_way_there_is_told() -> None:
    broken = without_ranges(cut(30_000))
    assert_fails(RangesUnsupportedError, cut(60_000), broken, offsets=[None, 60_000, 60_000])


def test_w_b7_a_whole_of_another_size_is_not_taken() -> None:
    longer = says("200 OK", body=CONTENT + b"more")
    assert_fails(ProtocolError, cut(60_000), longer, offsets=[None, *[60_000] * 5])


def test_w_b4_a_416_at_the_end_is_the_end() -> None:
    """Without a length and without an honest digest, only the registry knows the end."""
    with faulty(CONTENT, lengthless()) as server, server.open() as stream:
        stream.seek(50_000)
        assert stream.read() == CONTENT[50_000:]
        assert stream.size == len(CONTENT)


def test_w_b5_a_body_without_length_that_ends_early_goes_on() -> None:
    assert_whole(lengthless(60_000), lengthless(20_000), whole, offsets=[None, 60_000, 80_000])


@pytest.mark.parametrize("beyond", [whole, says("404 No"), without_ranges(whole)])
def test_w_b5_the_digest_decides_where_nothing_else_does(beyond: Way) -> None:
    ways = (damaged(lengthless(), 3), beyond)
    assert_fails(DigestMismatchError, *ways, offsets=[None, 100_000])


def test_w_b5_a_part_without_length_that_ends_early_is_noticed() -> None:
    """Nothing can be verified here; the bytes are counted all the same."""
    with faulty(CONTENT, lengthless(20_000), whole) as server, server.open() as stream:
        stream.seek(50_000)
        assert stream.read() == CONTENT[50_000:]
        assert server.offsets == [50_000, 70_000]


def test_w_b5_a_whole_without_length_that_ends_early_is_noticed_out_of_order_too() -> None:
    ways = (without_ranges(lengthless(80_000)), whole)
    with faulty(CONTENT, *ways) as server, server.open() as stream:
        stream.seek(50_000)
        assert stream.read() == CONTENT[50_000:]
        assert server.offsets == [50_000, 80_000]


# Encodings


def gzipped(count: int = 10**9) -> Way:
    body = gzip.compress(CONTENT)
    length = f"Content-Length: {len(body)}"
    front = head("200 OK", length, "Connection: close", "Content-Encoding: gzip")
    return lambda asked: front + body[:count]


def test_w_b3_s12_an_encoded_blob_is_decoded_and_verified() -> None:
    assert_whole(gzipped(), offsets=[None])


def test_w_b3_an_encoded_blob_is_never_resumed_by_range() -> None:
    assert_whole(gzipped(60_000), gzipped(), offsets=[None, None])
    assert_whole(gzipped(60_000), whole, offsets=[None, None])


def test_w_b3_an_encoded_whole_on_a_range_is_decoded() -> None:
    assert_whole(cut(60_000), gzipped(), offsets=[None, 60_000])


def test_s11_what_a_bomb_decodes_to_is_not_kept() -> None:
    body = gzip.compress(bytes(10**7))
    bomb = says("200 OK", "Content-Encoding: gzip", body=body)
    with faulty(CONTENT, bomb) as server, server.open() as stream:
        assert stream.read(10) == bytes(10)
        assert len(stream._window.piece) <= 1000


def test_s12_another_encoding_is_refused() -> None:
    answer = says("200 OK", "Content-Encoding: br", body=b"x")
    with (
        faulty(CONTENT, answer) as server,
        server.open() as stream,
        pytest.raises(ProtocolError, match="Content-Encoding"),
    ):
        stream.read()


# Stalls


def test_f5_a_blob_that_drips_goes_on_over_another_connection() -> None:
    time = FakeTime(step=7.0)  # of waiting, for each piece
    with faulty(CONTENT, whole) as server, server.open(time=time) as stream:
        assert stream.read() == CONTENT
        assert server.offsets == [None, *range(8000, 100_000, 8000)]
    enough = Limits(stall_bytes=5000)
    with faulty(CONTENT, whole) as server, server.open(time=time, limits=enough) as stream:
        assert stream.read() == CONTENT
        assert server.offsets == [None]


def test_f5_a_blob_that_only_drips_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regnb.core.download.PIECE", 10)
    with faulty(CONTENT, whole) as server, server.open(time=FakeTime(step=7.0)) as stream:
        with pytest.raises(RegistryTimeoutError, match="bytes in"):
            stream.read()
        assert len(server.asked) == 6


def test_f5_silence_in_the_middle_is_a_break() -> None:
    limits = Limits(read_timeout=0.05)
    assert_whole(
        silent(60_000), silent(20_000), whole, offsets=[None, 60_000, 80_000], limits=limits
    )


# Elsewhere


def test_f6_an_expired_place_is_asked_for_anew() -> None:
    """A redirect to storage whose signature has expired, and a fresh one."""
    expired = reply(b"expired", status="403 Forbidden")
    with raw_server(reply(CONTENT[:60_000], length=100_000), expired, expired) as storage:

        def away(connection: socket.socket) -> None:
            number = len(storage.requests)
            place = f"Location: {storage.url}/blob?signature={number}"
            connection.sendall(reply(b"", place, status="307 Away"))

        rest = part("bytes 60000-99999/100000")(Asked(CONTENT))
        with raw_server(away, away, rest) as server:
            stream = registry(server.url).repository("a").blobs.open(DIGEST)
            assert stream.read() == CONTENT
            assert len(server.requests) == 3
            assert [b"Range" in one for one in server.requests] == [False, True, True]
        assert b"\r\nRange: bytes=60000-\r\n" in storage.requests[1]
        with raw_server(away) as server, pytest.raises(DeniedError):
            registry(server.url).repository("a").blobs.open(DIGEST).read()
        assert len(server.requests) == 2


def test_f9_a_login_that_is_asked_for_in_the_middle_is_given() -> None:
    challenge = says("401 No", 'WWW-Authenticate: Basic realm="x"')
    with faulty(CONTENT, cut(60_000), challenge, whole) as server:
        client = registry(server.raw.url, password="hunter2")
        with client.repository("a").blobs.open(DIGEST) as stream:
            assert stream.read() == CONTENT
        assert server.offsets == [None, 60_000, 60_000]
        assert [b"Authorization" in one for one in server.raw.requests] == [False, False, True]


# All of it at once

WAYS = st.one_of(
    st.integers(0, 3000).map(cut),
    st.integers(0, 3000).map(lambda count: chunked(count, size=100)),
    st.integers(0, 3000).map(lengthless),
    st.sampled_from([whole, chunked(size=70), lengthless(), says("503 No"), says("206 What")]),
    st.integers(0, 3000).map(lambda count: without_ranges(cut(count))),
)
STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 4000)),
    st.tuples(st.just("read1"), st.integers(-1, 4000)),
    st.tuples(st.just("readinto"), st.integers(0, 4000)),
    st.tuples(st.just("readline"), st.integers(-1, 4000)),
    st.tuples(st.just("set"), st.integers(0, 4000)),
    st.tuples(st.just("move"), st.integers(-2000, 2000)),
    st.tuples(st.just("end"), st.integers(-3000, 10)),
)


@settings(max_examples=150)
@given(st.binary(max_size=3000), st.lists(WAYS, max_size=5), st.lists(STEPS, max_size=12))
def test_f14_whatever_breaks_a_blob_reads_like_a_file(
    content: bytes, ways: list[Way], steps: list[tuple[str, int]]
) -> None:
    with faulty(content, *ways, whole) as server, server.open() as stream:
        truth = io.BytesIO(content)
        for what, number in steps:
            compare(stream, truth, what, number)
        assert read_in_the_end(stream) == content
        assert stream.verified


def read_in_the_end(stream: io.BufferedIOBase) -> bytes:
    """Bodies without length that end early may look like other bytes, again and again."""
    stream.seek(0)
    with suppress(DigestMismatchError):
        return stream.read()
    return read_in_the_end(stream)


def compare(stream: io.BufferedIOBase, truth: io.BytesIO, what: str, number: int) -> None:
    """One step on both; where the stream fails with a type it knows, both stay where they are."""
    before = truth.tell()
    try:
        found = step(stream, what, number)
    except (RegistryError, io.UnsupportedOperation):
        assert stream.tell() == before
        return
    if what == "read1":
        assert found == truth.read(len(found))
        assert found or not number or before >= len(truth.getvalue())
    else:
        assert found == step(truth, what, number)
    assert stream.tell() == truth.tell()


def step(file: io.BufferedIOBase, what: str, number: int) -> bytes:
    if what == "readinto":
        buffer = bytearray(number)
        return bytes(buffer[: file.readinto(buffer)])
    if what in {"read", "read1", "readline"}:
        found: bytes = getattr(file, what)(number)
        return found
    size = len(file.getvalue()) if isinstance(file, io.BytesIO) else None
    return move(file, what, number, size)


def move(file: io.BufferedIOBase, what: str, number: int, size: int | None) -> bytes:
    if what == "move":
        file.seek(max(file.tell() + number, 0))
    elif what == "end":
        end = file.seek(0, io.SEEK_END)
        file.seek(max(end + number, 0))
    else:
        file.seek(number)
    return b""
