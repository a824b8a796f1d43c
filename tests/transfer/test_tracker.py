"""How far a transfer is, in numbers and in words."""

from __future__ import annotations

import pytest

from regnb.errors import OperationCancelledError
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.transfer.tracker import Progress, Tracker


def blob(text: str, size: int) -> Descriptor:
    return Descriptor(media_type="x/y", digest=Digest.of(text.encode()), size=size)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(), ""),
        (Progress(blobs_done=3, blobs_total=7), "3/7 blobs"),
        (Progress(blobs_total=1), "0/1 blob"),
        (Progress(blobs_skipped=1), "1 blob skipped"),
        (Progress(blobs_skipped=1600, blobs_mounted=2), "1,600 blobs skipped, 2 mounted"),
        (Progress(blobs_mounted=4), "4 blobs mounted"),
        (
            Progress(
                bytes_done=9_000_000,
                bytes_total=9_000_000,
                bytes_resumed=2_000_000,
                blobs_done=7,
                blobs_total=7,
                blobs_skipped=1,
                blobs_mounted=2,
            ),
            "7/7 blobs, 1 skipped, 2 mounted, 2.0 MB from before",
        ),
    ],
)
def test_the_words_leave_out_what_there_is_none_of(progress: Progress, words: str) -> None:
    assert str(progress) == words


def test_what_was_there_before_is_told_until_the_blob_begins_anew() -> None:
    tracker, one = Tracker(), blob("one", 10)
    tracker.expect(one)
    for position, resumed in ((6, 6), (8, 6), (0, 0), (9, 0)):
        tracker.position(one, position)
        state = tracker.progress()
        assert (state.bytes_done, state.bytes_resumed, state.bytes_total) == (position, resumed, 10)


def test_a_blob_that_turns_out_to_be_there_counts_no_bytes() -> None:
    tracker, one, two = Tracker(), blob("one", 10), blob("two", 5)
    tracker.expect(one)
    tracker.expect(two)
    tracker.position(one, 4)
    tracker.done(one, "mount")
    tracker.done(two, "transfer")
    assert tracker.progress() == Progress(
        bytes_done=5, bytes_total=5, blobs_done=1, blobs_total=1, blobs_mounted=1
    )


def test_a_stopped_transfer_ends_at_its_next_bytes() -> None:
    tracker = Tracker()
    tracker.stop()
    with pytest.raises(OperationCancelledError):
        tracker.position(blob("one", 10), 4)
