from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.content import (
    READ,
    Content,
    RunningDigest,
    Source,
    SourceFailed,
    is_seekable,
    opened,
)
from regnb.errors import SizeMismatchError
from regnb.model.digest import Digest

DATA = bytes(range(256)) * 4


def test_what_is_left_of_a_file_is_its_content() -> None:
    file = io.BytesIO(b"skipped" + DATA)
    file.seek(7)
    content = Content.rest_of(file, begin=100)
    assert (content.begin, content.end, content.size) == (100, 1124, 1024)
    assert file.tell() == 7
    assert b"".join(content.pieces(100, 1124)) == DATA
    assert b"".join(content.pieces(1000, 1010)) == DATA[900:910]
    assert list(content.pieces(1124, 1124)) == []


def test_a_position_behind_the_end_leaves_nothing() -> None:
    file = io.BytesIO(b"abc")
    file.seek(10)
    content = Content.rest_of(file)
    assert (content.size, content.digest()) == (0, Digest.of(b""))


def test_content_hashes_from_its_position() -> None:
    file = io.BytesIO(b"skipped" + DATA)
    file.seek(7)
    assert Content.rest_of(file).digest() == Digest.of(DATA)
    file.seek(7)
    assert Content.rest_of(file).digest("sha512") == Digest.of(DATA, "sha512")


def test_large_content_comes_in_large_pieces(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(40 * 1024**3)
    with path.open("rb") as file:
        content = Content.rest_of(file)
        pieces = content.pieces(content.end - 600_000, content.end)
        assert [len(piece) for piece in pieces] == [READ, READ, 600_000 - 2 * READ]


def test_a_file_that_became_shorter_is_told() -> None:
    file = io.BytesIO(DATA)
    content = Content.rest_of(file)
    file.truncate(1000)
    with pytest.raises(SizeMismatchError, match="24 bytes too early"):
        content.digest()
    with pytest.raises(SourceFailed):
        list(content.pieces(0, 1024))


def test_what_a_source_raises_is_carried_through() -> None:
    file = io.BytesIO(DATA)
    content = Content.rest_of(file)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        content.digest()
    text = Content(io.StringIO("text"), 0, 0, 4)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="binary mode"):
        text.digest()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30))))
def test_bytes_that_pass_twice_are_hashed_once(starts: list[tuple[int, int]]) -> None:
    running, reached = RunningDigest("sha256"), 0
    for start, size in starts:
        begin = min(start, reached)
        running.take(begin, DATA[begin : begin + size])
        reached = max(reached, begin + size)
    assert running.digest() == Digest.of(DATA[:reached])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_source_may_be_bytes(kind: Callable[[bytes], Source]) -> None:
    with opened(kind(DATA)) as file:
        assert file.read(-1) == DATA


@pytest.mark.parametrize("kind", [str, Path])
def test_a_source_may_be_a_path_whose_file_is_closed(tmp_path: Path, kind: type[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with opened(kind(path)) as file:
        assert file.read(-1) == DATA
    assert file.closed


def test_a_source_may_be_a_file_which_stays_open() -> None:
    mine = io.BytesIO(DATA)
    with opened(mine) as file:
        assert file is mine
    assert not mine.closed


def test_a_pipe_cannot_be_read_again() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        os.close(writing)
        assert not is_seekable(pipe)
    assert is_seekable(io.BytesIO())
    assert not is_seekable(object())  # type: ignore[arg-type]
