"""Whole images under seeded faults: right byte for byte, or a typed error and a second call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from regnb.errors import RegnbError
from regnb.sample.storage import Storage
from tests.faults import moving
from tests.faults.moving import Moves, Trip

NAME = "team/app"


def test_f14_images_are_moved_whole_or_end_in_a_typed_error() -> None:
    results = moving.moves(60, seed=4)
    assert sum(one.tried for one in results.values()) == 60
    for one in results.values():
        assert (one.silent, one.untyped) == ([], [])
        assert one.whole + one.mended == one.tried
        assert one.whole > one.errors.total() > 0


def in_turn(*outcomes: Exception | None) -> Callable[[], None]:
    coming: Iterator[Exception | None] = iter(outcomes)

    def go() -> None:
        if (error := next(coming)) is not None:
            raise error

    return go


def judged(*outcomes: Exception | None, arrived: bool = True, sound: bool = True) -> Moves:
    result = Moves()
    trip = Trip(in_turn(*outcomes), lambda: arrived, lambda: sound)
    moving.attempt(result, 7, trip, lambda: None)
    return result


def test_f14_how_a_move_ended_is_counted() -> None:
    assert judged(None).whole == 1
    assert judged(None, arrived=False).silent == [7]
    assert judged(ValueError()).untyped == [(7, "ValueError()")]
    assert judged(RegnbError(), None).mended == 1
    assert judged(RegnbError(), None, sound=False).silent == [7]
    assert judged(RegnbError(), None, arrived=False).silent == [7]
    assert judged(RegnbError(), RegnbError()).untyped[0][0] == 7


def test_what_is_wrong_in_a_layout_is_seen(tmp_path: Path) -> None:
    moved = moving.load([b"one", b"two"], [b"three"])
    folder = moved.laid(tmp_path / "layout")
    assert moving.is_in_layout(moved, folder)
    assert moving.is_sound(folder)
    (folder / ".regnb").mkdir()
    assert not moving.is_in_layout(moved, folder)
    assert moving.is_sound(folder)
    (folder / ".regnb").rmdir()
    blob = folder / "blobs/sha256" / next(iter(moved.blobs)).encoded
    blob.write_bytes(b"x")
    assert not moving.is_in_layout(moved, folder)
    assert not moving.is_sound(folder)
    blob.unlink()
    assert not moving.is_sound(folder)


def test_what_is_wrong_in_a_registry_is_seen() -> None:
    moved, storage = moving.drawn(Random(3)), Storage()
    assert moving.names_only_what_is_there(storage, NAME)
    moved.into(storage, NAME)
    assert moving.is_in_registry(moved, storage, NAME)
    assert moving.names_only_what_is_there(storage, NAME)
    storage.delete_blob(NAME, next(iter(moved.blobs)))
    assert not moving.is_in_registry(moved, storage, NAME)
    assert not moving.names_only_what_is_there(storage, NAME)
