"""BlobReader as a file: what is read, what it costs, and what is verified of it."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import tarfile
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import responses

from regnb.core.reader import BlobReader
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BlobUnknownError,
    DigestMismatchError,
    ProtocolError,
    RegistryError,
    UnreachableError,
)
from regnb.model.digest import Digest
from tests.core.fakes import API, FakeTime, registry
from tests.core.faulty import (
    Asked,
    FaultyBlob,
    Held,
    chunked,
    cut,
    damaged,
    faulty,
    head,
    lengthless,
    says,
    whole,
    without_ranges,
)

CONTENT = random.Random(7).randbytes(100_000)
DIGEST = Digest.of(CONTENT)
URL = f"{API}team/app/blobs/{DIGEST}"


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 1,000 bytes, so that a blob of 100,000 has a hundred."""
    monkeypatch.setattr("regnb.core.download.PIECE", 1000)
    monkeypatch.setattr("regnb.core.window.NEAR", 1000)


def mocked(digest: Digest = DIGEST) -> BlobReader:
    return registry().repository("team/app").blobs.open(digest)


def test_b6_an_open_blob_costs_nothing_before_the_first_read(web: responses.RequestsMock) -> None:
    stream = mocked()
    assert (stream.readable(), stream.seekable(), stream.writable()) == (True, True, False)
    assert (stream.size, stream.tell(), stream.verified) == (None, 0, False)
    web.get(URL, body=CONTENT, auto_calculate_content_length=True)
    assert stream.read(10) == CONTENT[:10]
    assert (stream.size, stream.tell(), stream.verified) == (len(CONTENT), 10, False)
    assert stream.read() == CONTENT[10:]
    assert stream.verified
    assert stream.read() == b""
    assert stream.read(1) == stream.read1() == stream.peek() == b""
    assert len(web.calls) == 1


def test_b7_w_b6_the_whole_is_asked_for_without_range_or_condition(
    web: responses.RequestsMock,
) -> None:
    web.get(URL, body=CONTENT, auto_calculate_content_length=True)
    mocked().read()
    sent = {name.lower() for name in web.calls[0].request.headers}
    assert sent == {"accept", "accept-encoding", "user-agent"}
    assert web.calls[0].request.headers["Accept-Encoding"] == "identity"


def test_b7_b8_a_later_beginning_is_asked_for_by_range() -> None:
    with faulty(CONTENT, whole) as server:
        stream = server.open()
        assert stream.seek(40_000) == 40_000
        assert stream.read(5) == CONTENT[40_000:40_005]
        assert (server.offsets, stream.size) == ([40_000], len(CONTENT))
        request = server.raw.requests[0].lower()
        assert b"\r\nrange: bytes=40000-\r\n" in request
        assert b"if-match" not in request
        assert b"if-range" not in request
        stream.close()


def read_all(stream: BlobReader) -> bytes:
    return stream.read()


def read_some(stream: BlobReader) -> bytes:
    return b"".join(iter(lambda: stream.read(777), b""))


def read_ones(stream: BlobReader) -> bytes:
    return b"".join(iter(stream.read1, b""))


def read_into(stream: BlobReader) -> bytes:
    buffer, pieces = bytearray(1500), []
    while count := stream.readinto(buffer):
        pieces.append(bytes(buffer[:count]))
    return b"".join(pieces)


def copy(stream: BlobReader) -> bytes:
    target = io.BytesIO()
    shutil.copyfileobj(stream, target, 3000)
    return target.getvalue()


def read_lines(stream: BlobReader) -> bytes:
    return b"".join(stream)


READS: list[Callable[[BlobReader], bytes]] = [
    read_all,
    read_some,
    read_ones,
    read_into,
    copy,
    read_lines,
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("way", [whole, chunked(), lengthless(), without_ranges(whole)])
def test_w_b1_every_way_to_read_verifies(
    read: Callable[[BlobReader], bytes], way: Callable[..., bytes]
) -> None:
    with faulty(CONTENT, way) as server, server.open() as stream:
        assert read(stream) == CONTENT
        assert stream.verified
        assert stream.tell() == stream.size == len(CONTENT)
        assert server.offsets == [None]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("way", [whole, chunked(), lengthless()])
def test_w_b1_no_way_to_read_reaches_the_end_of_other_bytes(
    read: Callable[[BlobReader], bytes], way: Callable[..., bytes]
) -> None:
    with faulty(CONTENT, damaged(way, 17)) as server, server.open() as stream:
        with pytest.raises(DigestMismatchError, match="thrown away") as caught:
            read(stream)
        assert caught.value.url == f"{server.raw.url}/v2/a/blobs/{DIGEST}"
        assert not stream.verified
        with pytest.raises(DigestMismatchError):
            stream.read()


@pytest.mark.parametrize("way", [whole, chunked(), lengthless()])
def test_w_b1_the_last_piece_waits_for_the_digest(way: Callable[..., bytes]) -> None:
    received = io.BytesIO()
    with (
        faulty(CONTENT, damaged(way, 17)) as server,
        server.open() as stream,
        pytest.raises(DigestMismatchError),
    ):
        shutil.copyfileobj(stream, received, 700)
    assert received.tell() <= len(CONTENT) - 700


def test_w_b1_a_blob_of_one_piece_is_verified_before_its_first_byte() -> None:
    content = CONTENT[:900]
    with faulty(content, damaged(whole, 899)) as server, server.open() as stream:
        with pytest.raises(DigestMismatchError):
            stream.read(1)
        with pytest.raises(DigestMismatchError):
            stream.peek()


@pytest.mark.parametrize("way", [whole, chunked(), lengthless(), without_ranges(whole)])
def test_w_b1_bytes_beyond_the_blob_are_noticed(way: Callable[..., bytes]) -> None:
    with (
        faulty(CONTENT + b"!", way, digest=DIGEST) as server,
        server.open() as stream,
        pytest.raises(DigestMismatchError),
    ):
        stream.read()


def test_b6_a_blob_can_be_read_by_line(web: responses.RequestsMock) -> None:
    body = b"one\ntwo\nthree"
    digest = Digest.of(body)
    web.get(f"{API}team/app/blobs/{digest}", body=body)
    assert list(mocked(digest)) == [b"one\n", b"two\n", b"three"]


def test_b6_an_empty_blob_is_verified_too() -> None:
    with faulty(b"", whole) as server, server.open() as stream:
        assert stream.read() == b""
        assert stream.verified
    for way in (whole, chunked(), lengthless()):
        with (
            faulty(b"", way, digest=DIGEST) as server,
            server.open() as stream,
            pytest.raises(DigestMismatchError),
        ):
            stream.read(1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says("404 No"), BlobUnknownError),
        (says("416 No"), RegistryError),
        (says("302 Away"), ProtocolError),
        (says("500 Oops"), RegistryError),
    ],
)
def test_b12_a_refused_blob_is_told_at_the_first_read(
    answer: Callable[..., bytes], kind: type[Exception]
) -> None:
    with (
        faulty(CONTENT, answer) as server,
        server.open() as stream,
        pytest.raises(kind, match="was answered"),
    ):
        stream.read(1)


def test_b10_a_closed_blob_is_not_read(web: responses.RequestsMock) -> None:
    web.get(URL, body=CONTENT)
    stream = mocked()
    stream.read(1)
    stream.close()
    stream.close()
    uses: list[Callable[[], object]] = [
        stream.read,
        stream.read1,
        stream.peek,
        stream.tell,
        lambda: stream.readinto(bytearray(1)),
        lambda: stream.seek(0),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="closed"):
            use()


# Seeking


def test_b9_seeking_to_the_end_and_back_costs_nothing() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        assert stream.read(10) == CONTENT[:10]
        assert stream.seek(0, io.SEEK_END) == len(CONTENT)
        assert stream.seek(10) == 10
        assert stream.seek(5, io.SEEK_CUR) == 15
        assert stream.read() == CONTENT[15:]
        assert server.offsets == [None]


def test_b9_a_negative_position_is_refused_and_changes_nothing() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        stream.read(10)
        for offset, whence in ((-1, io.SEEK_SET), (-11, io.SEEK_CUR), (-100_001, io.SEEK_END)):
            with pytest.raises(ValueError, match="position"):
                stream.seek(offset, whence)
        with pytest.raises(ValueError, match="whence"):
            stream.seek(0, 7)
        assert stream.tell() == 10


def test_b9_the_end_of_a_blob_not_read_yet_is_asked_for_once(web: responses.RequestsMock) -> None:
    web.head(URL, headers={"Content-Length": str(len(CONTENT))})
    stream = mocked()
    assert stream.seek(-10, io.SEEK_END) == len(CONTENT) - 10
    assert stream.seek(0, io.SEEK_END) == len(CONTENT)
    assert stream.read() == b""
    assert len(web.calls) == 1


def test_b9_an_end_that_nobody_knows_is_unsupported(web: responses.RequestsMock) -> None:
    web.head(URL)
    web.get(URL, body=CONTENT)
    with pytest.raises(io.UnsupportedOperation, match="does not tell"):
        mocked().seek(0, io.SEEK_END)


def test_b9_a_blob_that_is_not_there_has_no_end(web: responses.RequestsMock) -> None:
    web.head(URL, status=404)
    with pytest.raises(BlobUnknownError):
        mocked().seek(0, io.SEEK_END)


@pytest.mark.parametrize("offset", [len(CONTENT), len(CONTENT) + 1, 10**12])
def test_w_b4_nothing_is_asked_for_at_or_behind_the_end(offset: int) -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        stream.read(1)
        stream.seek(offset)
        assert stream.read() == stream.read(1) == b""
        assert len(server.asked) == 1


@pytest.mark.parametrize("offset", [len(CONTENT), len(CONTENT) + 1])
@pytest.mark.parametrize("way", [whole, without_ranges(whole)])
def test_w_b4_behind_an_end_not_known_yet_is_nothing(
    offset: int, way: Callable[..., bytes]
) -> None:
    with faulty(CONTENT, way) as server, server.open() as stream:
        stream.seek(offset)
        assert stream.read() == b""
        assert (stream.size, stream.verified) == (len(CONTENT), False)
        stream.seek(0)
        assert stream.read() == CONTENT
        assert stream.verified


def test_b9_a_short_way_ahead_is_read_on() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        stream.read(10)
        stream.seek(1990)
        assert stream.read(100) == CONTENT[1990:2090]
        assert server.offsets == [None]
        stream.seek(90_000)
        assert stream.read(100) == CONTENT[90_000:90_100]
        assert server.offsets == [None, 90_000]


# What is verified


def test_w_b1_a_sniff_and_a_whole_read_are_verified() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        assert stream.peek(4)[:4] == stream.read(4)
        stream.seek(0)
        assert stream.read() == CONTENT
        assert stream.verified
        assert len(server.asked) == 1


def test_w_b1_a_look_ahead_does_not_disturb_the_order() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        assert stream.read(1234) == CONTENT[:1234]
        stream.seek(-22, io.SEEK_END)
        assert stream.read() == CONTENT[-22:]
        assert not stream.verified
        stream.seek(1234)
        assert stream.read() == CONTENT[1234:]
        assert stream.verified
        assert server.offsets == [None, len(CONTENT) - 22, 1234]


def test_w_b1_what_was_jumped_over_on_the_way_counts() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        for start in range(0, len(CONTENT), 1500):
            stream.seek(start)
            assert stream.read(500) == CONTENT[start : start + 500]
        stream.read()
        assert stream.verified
        assert server.offsets == [None]


def test_w_b1_earlier_bytes_that_come_again_prove_nothing() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        stream.read()
        stream.seek(50_000)
        assert stream.verified
        assert stream.read() == CONTENT[50_000:]
        assert not stream.verified
        stream.seek(0)
        stream.read()
        assert stream.verified


def test_w_b1_a_second_look_at_other_bytes_is_never_verified() -> None:
    """The registry tells the truth at first, and other bytes to the same reader later."""
    with faulty(CONTENT, whole, damaged(whole, 60_000)) as server, server.open() as stream:
        assert stream.read(70_000) == CONTENT[:70_000]
        stream.seek(50_000)
        assert stream.read() != CONTENT[50_000:]
        assert not stream.verified
        stream.seek(0)
        with pytest.raises(DigestMismatchError):
            read_some(stream)


def test_w_b1_a_part_is_not_verified() -> None:
    with faulty(CONTENT, whole) as server, server.open() as stream:
        stream.seek(10)
        stream.read()
        assert not stream.verified


# After an error


def test_f6_after_an_error_reading_goes_on_where_the_failed_call_began() -> None:
    limits = Limits(attempts=1)
    ways = (cut(5000), says("404 No"), whole)
    with faulty(CONTENT, *ways) as server, server.open(limits=limits) as stream:
        assert stream.read(700) == CONTENT[:700]
        with pytest.raises(UnreachableError):
            stream.read()
        assert stream.tell() == 700
        with pytest.raises(BlobUnknownError):
            stream.read()
        assert stream.tell() == 700
        assert stream.read() == CONTENT[700:]
        assert stream.verified
        assert server.offsets == [None, 700, 700]


class CtrlC(FakeTime):
    """Time in which the first wait is interrupted."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not self.slept:
            self.slept.append(seconds)
            raise KeyboardInterrupt
        return super().wait(event, seconds)


def test_f10_after_an_interrupt_reading_goes_on_where_the_call_began() -> None:
    with faulty(CONTENT, cut(5000), whole) as server, server.open(time=CtrlC()) as stream:
        assert stream.read(700) == CONTENT[:700]
        with pytest.raises(KeyboardInterrupt):
            stream.read()
        assert stream.read() == CONTENT[700:]
        assert stream.verified
        assert server.offsets == [None, 700]


# As a file for others


def test_b9_a_zip_and_a_tar_are_read_from_a_blob() -> None:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive, tarfile.open(fileobj=tarred, mode="w") as tar:
        for number in range(5):
            body = CONTENT[number * 9000 : (number + 1) * 9000]
            archive.writestr(f"{number}", body)
            member = tarfile.TarInfo(f"{number}")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    with (
        faulty(zipped.getvalue(), whole) as server,
        server.open() as stream,
        zipfile.ZipFile(stream) as archive,
    ):
        assert archive.read("3") == CONTENT[27_000:36_000]
    with (
        faulty(tarred.getvalue(), whole) as server,
        server.open() as stream,
        tarfile.open(fileobj=stream) as tar,
    ):
        found = tar.extractfile("4")
        assert found is not None
        assert found.read() == CONTENT[36_000:45_000]
    with (
        faulty(gzip.compress(CONTENT), whole) as server,
        server.open() as stream,
        gzip.open(stream) as unzipped,
    ):
        assert unzipped.read() == CONTENT


def test_a_reader_shows_its_digest_and_position() -> None:
    stream = mocked()
    stream.seek(1234)
    assert repr(stream) == f"<BlobReader {DIGEST.short} at byte 1,234>"


# Connections


def idle_connections(server: FaultyBlob, stream: BlobReader) -> int:
    transport = stream._download._transport
    pools: Any = transport._connections._adapter.poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 - it is no mapping
    return sum(
        connection is not None and not connection.is_closed for connection in pool.pool.queue
    )


def test_f12_a_blob_read_to_its_end_leaves_its_connection_to_others() -> None:
    answer = head("200 OK", f"Content-Length: {len(CONTENT)}") + CONTENT
    with faulty(CONTENT, lambda asked: Held(answer)) as server:
        for size, kept in ((100, 0), (-1, 1)):
            stream = server.open()
            stream.read(size)
            stream.close()
            assert idle_connections(server, stream) == kept
            stream._download._transport.close()


def test_f14_nothing_of_a_large_blob_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regnb.core.download.PIECE", 100_000)
    content = bytes(16_000_000)
    answer = whole(Asked(content))  # made before the counting begins
    with faulty(content, lambda _: answer) as server, server.open() as stream:
        buffer = bytearray(150_000)
        tracemalloc.start()
        while stream.readinto(buffer):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert stream.verified
    assert peak < 1_000_000
