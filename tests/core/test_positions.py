"""How far an upload is, as whoever sends it is told (F7, F8)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest
import responses

from regnb.core.writer import BlobWriter
from regnb.model.digest import Digest
from tests.core.fakes import URL, registry
from tests.core.scripted import (
    DROPPED,
    FIRST,
    RESET,
    SECOND,
    THIRD,
    Step,
    begun,
    forgotten,
    script,
    stands,
    stored,
    taken,
)

DATA = bytes(range(256)) * 4
DIGEST = Digest.of(DATA)
FOURTH = "/v2/team/app/blobs/uploads/d"


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regnb.core.content.READ", 200)
    monkeypatch.setattr("regnb.core.writer.READ", 200)


class Once(io.BytesIO):
    """A file that cannot be read again."""

    def seekable(self) -> bool:
        return False


def send(
    writer: BlobWriter, source: io.BytesIO, told: Callable[[int], object] | None = None
) -> list[tuple[int, int, str]]:
    """What was told: the position, and where the state puts the upload by then."""
    seen: list[tuple[int, int, str]] = []

    def look(position: int) -> None:
        if told is not None:
            told(position)
        state = writer.state()
        seen.append((position, int(state["offset"]), str(state["location"]).removeprefix(URL)))

    assert writer.read_from(source, on_position=look) == len(DATA)
    return seen


def create(chunk_size: int = 600) -> BlobWriter:
    return registry().repository("team/app").blobs.create(chunk_size=chunk_size)


def test_f7_positions_and_the_state_follow_the_upload(web: responses.RequestsMock) -> None:
    script(web, begun(), taken(600, SECOND), taken(1024, THIRD), stored())
    with create() as writer:
        assert send(writer, io.BytesIO(DATA)) == [
            *((position, 0, FIRST) for position in (0, 200, 400, 600)),
            *((position, 600, SECOND) for position in (600, 800, 1000, 1024)),
            (1024, 1024, THIRD),
        ]
        assert writer.commit().digest == DIGEST


def test_f8_positions_go_back_to_where_the_registry_stands(web: responses.RequestsMock) -> None:
    steps = [("PATCH", RESET, 400), stands(150, SECOND), taken(1024, THIRD), stored()]
    played = script(web, begun(), *steps)
    with create(1024) as writer:
        seen = send(writer, io.BytesIO(DATA))
        writer.commit()
    assert seen[0] == (0, 0, FIRST)
    assert [position for position, *_ in seen[-7:]] == [150, 350, 550, 750, 950, 1024, 1024]
    assert seen[-7:-1] == [(position, 150, SECOND) for position, *_ in seen[-7:-1]]
    assert b"".join(patch.body for patch in played.only("PATCH")[1:]) == DATA[150:]


def test_f8_positions_begin_anew_with_a_new_session(web: responses.RequestsMock) -> None:
    steps = [taken(600, SECOND), ("PATCH", RESET), forgotten("GET"), begun(THIRD)]
    script(web, begun(), *steps, taken(600, FOURTH), taken(1024, FOURTH), stored())
    with create() as writer:
        seen = send(writer, io.BytesIO(DATA))
        assert writer.commit().digest == DIGEST
    again = seen.index((0, 0, THIRD))
    assert max(position for position, *_ in seen[:again]) > 600
    assert seen[again:] == [
        *((position, 0, THIRD) for position in (0, 200, 400, 600)),
        *((position, 600, FOURTH) for position in (600, 800, 1000, 1024)),
        (1024, 1024, FOURTH),
    ]


def test_f7_of_a_file_that_is_read_once_the_end_comes_with_the_commit(
    web: responses.RequestsMock,
) -> None:
    script(web, begun(), taken(600, SECOND), taken(1024, THIRD), stored())
    with create() as writer:
        seen = send(writer, Once(DATA))
        assert [position for position, *_ in seen] == [0, 200, 400, 600, 600]
        assert seen[-1] == (600, 600, SECOND)
        writer.commit(DIGEST)


def test_f7_a_resumed_upload_is_told_from_where_it_stands(web: responses.RequestsMock) -> None:
    script(web, begun(), stands(400), taken(1000), taken(1024, THIRD), stored())
    blobs = registry().repository("team/app").blobs
    with contextlib.closing(blobs.create()) as first:
        state = first.state()
    source, seen = io.BytesIO(DATA), list[int]()
    with blobs.resume(state, chunk_size=600) as writer:
        source.seek(writer.offset)
        writer.read_from(source, on_position=seen.append)
        assert seen == [400, 600, 800, 1000, 1000, 1024, 1024]
        writer.commit(DIGEST)


@pytest.mark.parametrize("error", [OSError("mine"), ValueError("mine"), TimeoutError("mine")])
@pytest.mark.parametrize(
    ("position", "steps"), [(0, []), (400, [taken(512)]), (1024, [taken(512), taken(1024)])]
)
@pytest.mark.parametrize("source", [io.BytesIO, Once])
def test_p_what_the_caller_raises_is_no_trouble_with_the_connection(
    web: responses.RequestsMock,
    error: Exception,
    position: int,
    steps: list[Step],
    source: type[io.BytesIO],
) -> None:
    played = script(web, begun(), *steps, DROPPED)

    def fail(now: int) -> None:
        if now == position:
            raise error

    with pytest.raises(type(error), match="mine") as caught, create(512) as writer:
        writer.read_from(source(DATA + b"!"), on_position=fail)
    assert caught.value is error
    assert played.steps == []
