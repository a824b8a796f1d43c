"""F6 and F7: a blob comes whole into what keeps it, from wherever that stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.errors import (
    BlobUnknownError,
    DigestMismatchError,
    DiskFullError,
    OperationCancelledError,
    RangesUnsupportedError,
    RegnbError,
    SizeMismatchError,
    UnreachableError,
)
from regnb.interfaces import OnPosition
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from tests.core.fakes import FakeTime, registry
from tests.core.faulty import (
    Asked,
    FaultyBlob,
    Way,
    chunked,
    cut,
    damaged,
    faulty,
    lengthless,
    says,
    whole,
    without_ranges,
)

CONTENT = random.Random(9).randbytes(1_000_000)
BLOB = Descriptor(media_type="a/b", digest=Digest.of(CONTENT), size=len(CONTENT))
HALF = len(CONTENT) // 2


@dataclass
class Kept:
    """A blob that is put together in memory; it is full after `room` bytes."""

    digest: Digest
    held: bytearray
    room: int = 10**9
    checks: int = 0

    @property
    def offset(self) -> int:
        return len(self.held)

    def write(self, data: bytes | memoryview) -> None:
        if self.offset + len(data) > self.room:
            raise DiskFullError("no space")
        self.held += data

    def fill(self, readinto: Callable[[memoryview], int]) -> int:
        room = memoryview(bytearray(min(50_000, BLOB.size - self.offset)))
        count = readinto(room) if room else 0
        self.write(room[:count])
        return count

    def restart(self) -> None:
        del self.held[:]

    def check(self) -> None:
        self.checks += 1
        verifier = self.digest.verifier()
        verifier.update(self.held)
        verifier.check()


@dataclass
class Fetched:
    """What came of a fetch."""

    server: FaultyBlob
    into: Kept
    seen: list[int] = field(default_factory=list)
    client: Registry = field(init=False)

    def run(
        self,
        *,
        time: FakeTime | None = None,
        limits: Limits | None = None,
        on_position: OnPosition | None = None,
    ) -> None:
        with registry(self.server.raw.url, time=time, limits=limits) as self.client:
            blobs = self.client.repository("a").blobs
            blobs.fetch(BLOB, self.into, on_position=on_position or self.seen.append)


@contextmanager
def fetched(*ways: Way, held: bytes = b"", content: bytes = CONTENT) -> Iterator[Fetched]:
    """A fetch that has not begun, from a server that answers in one way after the other."""
    with faulty(content, *ways, digest=BLOB.digest) as server:
        yield Fetched(server, Kept(BLOB.digest, bytearray(held)))


def assert_whole(*ways: Way, offsets: list[int | None], held: bytes = b"") -> list[int]:
    with fetched(*ways, held=held) as one:
        one.run()
        assert one.into.held == CONTENT
        assert one.into.checks
        assert one.server.offsets == offsets
        assert one.seen[-1] == len(CONTENT)
        return one.seen


def assert_fails(
    kind: type[RegnbError], *ways: Way, held: bytes = b"", content: bytes = CONTENT
) -> Fetched:
    with fetched(*ways, held=held, content=content) as one:
        with pytest.raises(kind):
            one.run()
        return one


@pytest.mark.parametrize("way", [whole, chunked(), lengthless()])
def test_f6_a_blob_comes_whole(way: Way) -> None:
    seen = assert_whole(way, offsets=[None])
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_w_b4_nothing_is_asked_for_where_all_is_there() -> None:
    assert assert_whole(whole, offsets=[], held=CONTENT) == [len(CONTENT)]


@pytest.mark.parametrize("way", [whole, chunked(), lengthless()])
def test_f7_only_what_is_missing_is_asked_for(way: Way) -> None:
    assert assert_whole(way, offsets=[HALF], held=CONTENT[:HALF])[0] == HALF


@pytest.mark.parametrize("broken", [cut(600_000), chunked(600_000), lengthless(600_000)])
def test_f6_it_goes_on_where_it_broke_off(broken: Way) -> None:
    assert_whole(broken, whole, offsets=[None, 600_000])


def test_f6_f14_no_end_of_breaks_and_no_byte_twice() -> None:
    assert_whole(cut(10_000), offsets=[None, *range(10_000, len(CONTENT), 10_000)])


def test_f6_without_progress_it_ends_and_keeps_what_came() -> None:
    one = assert_fails(UnreachableError, cut(600_000), cut(100))
    assert one.into.held == CONTENT[: one.into.offset]
    assert one.into.offset >= 600_000


def test_f6_wrong_bytes_are_asked_for_once_more_without_a_range() -> None:
    seen = assert_whole(damaged(whole, 5), whole, offsets=[None, None])
    assert seen.count(0) == 2


def test_f7_a_prefix_of_another_blob_is_thrown_away() -> None:
    assert_whole(whole, offsets=[HALF, None], held=b"x" * HALF)
    assert_whole(whole, offsets=[None], held=b"x" * len(CONTENT))


def test_f6_bytes_that_stay_wrong_are_asked_for_twice() -> None:
    one = assert_fails(DigestMismatchError, damaged(whole, 5))
    assert one.server.offsets == [None, None]


def test_w_b7_a_registry_without_ranges_is_read_past_a_short_prefix() -> None:
    assert_whole(without_ranges(whole), offsets=[HALF], held=CONTENT[:HALF])


def test_w_b7_and_from_the_start_where_the_prefix_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with fetched(without_ranges(whole), held=CONTENT[:HALF]) as one:
        one.run(limits=Limits(skipped=1000))
        assert one.into.held == CONTENT
        assert one.server.offsets == [HALF, None]


def test_w_b7_a_registry_without_ranges_that_breaks_again_and_again_is_told() -> None:
    broken = without_ranges(cut(600_000))
    with fetched(broken, held=CONTENT[:HALF]) as one:
        with pytest.raises(RangesUnsupportedError):
            one.run(limits=Limits(skipped=1000))
        assert one.into.held == CONTENT[:600_000]


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"!"])
@pytest.mark.parametrize("held", [b"", CONTENT[:HALF]])
def test_w_b1_a_blob_of_another_size_is_told_at_once(content: bytes, held: bytes) -> None:
    one = assert_fails(SizeMismatchError, whole, held=held, content=content)
    assert one.into.held == held
    assert len(one.server.asked) == 1


@pytest.mark.parametrize("way", [chunked(), lengthless()])
def test_w_b5_a_blob_that_ends_too_early_is_told_where_its_size_is_not(way: Way) -> None:
    one = assert_fails(SizeMismatchError, way, content=CONTENT[:-1])
    assert one.server.offsets == [None, len(CONTENT) - 1]
    one = assert_fails(RangesUnsupportedError, without_ranges(way), content=CONTENT[:-1])
    assert one.into.held == CONTENT[:-1]  # it may have been cut off, for all that is told


@pytest.mark.parametrize("way", [chunked(size=999), lengthless()])
def test_w_b5_no_more_is_taken_than_the_blob_has(way: Way) -> None:
    with fetched(way, whole, content=CONTENT + b"!" * 1000) as one:
        one.run()
        assert one.into.held == CONTENT
        assert one.server.offsets == [None]


def test_f6_small_pieces_are_collected_and_none_is_lost_in_a_break() -> None:
    def dripping(asked: Asked) -> bytes:
        return cut(30_001)(asked)

    seen = assert_whole(dripping, offsets=[None, *range(30_001, len(CONTENT), 30_001)])
    assert len(seen) < 100


def test_f5_a_blob_that_drips_is_shown_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with fetched(chunked(size=1000)) as one:
        one.run(time=FakeTime(step=1.0), limits=Limits(stall_window=10**6))
        assert one.into.held == CONTENT
        assert len(one.seen) > len(CONTENT) // 2000


def test_f10_a_cancelled_fetch_keeps_what_came() -> None:
    with fetched(whole) as one:

        def cancel(position: int) -> None:
            if position:
                one.client.cancel()

        with pytest.raises(OperationCancelledError):
            one.run(on_position=cancel)
        assert 0 < one.into.offset < len(CONTENT)
        assert one.into.held == CONTENT[: one.into.offset]


def test_f7_a_full_disk_keeps_what_came_and_ends_the_connection() -> None:
    with fetched(whole) as one:
        one.into.room = HALF
        with pytest.raises(DiskFullError, match="no space"):
            one.run()
        assert 0 < one.into.offset <= HALF
        assert one.server.offsets == [None]
        one.into.room = len(CONTENT)
        one.run()
        assert one.into.held == CONTENT


def test_b1_a_blob_that_is_not_there_is_told() -> None:
    one = assert_fails(BlobUnknownError, says("404 No"), held=CONTENT[:HALF])
    assert one.into.held == CONTENT[:HALF]
