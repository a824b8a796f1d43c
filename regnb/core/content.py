"""Content: bytes on their way out, to be read again from where the registry stands."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from regnb.errors import SizeMismatchError
from regnb.model.digest import Digest

File = IO[bytes] | io.RawIOBase | io.BufferedIOBase
"""A file that is open in binary mode, or what behaves like one."""

Source = bytes | bytearray | memoryview | str | os.PathLike[str] | File
"""Bytes, the path of a file, or a file."""

OnPiece = Callable[[int, bytes], object]
"""Is told the offset in the blob of a piece, and the piece, before it is sent."""

READ = 256 * 1024
"""Bytes that are read from a file at once."""


class SourceFailed(Exception):  # noqa: N818 - never leaves the core: it carries the error that does
    """Reading what is to be sent has failed.

    It carries the error past the code that would take it for trouble with the connection.
    """

    def __init__(self, error: Exception) -> None:
        """Take the error to raise in the end."""
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Some or all bytes of a blob, in a file.

    Attributes:
        file: binary and seekable.
        position: of the first of these bytes in the file.
        begin: offset of the first of these bytes in the blob.
        end: offset after the last of them in the blob.
    """

    file: File
    position: int
    begin: int
    end: int

    @classmethod
    def rest_of(cls, file: File, *, begin: int = 0) -> Content:
        """What lies between the position of a file and its end, as a blob from offset `begin`."""
        position = file.tell()
        size = max(file.seek(0, os.SEEK_END) - position, 0)
        file.seek(position)
        return cls(file, position, begin, begin + size)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.begin

    def digest(self, algorithm: str = "sha256") -> Digest:
        """What these bytes hash to; the file is read once.

        Raises:
            SizeMismatchError: the file became shorter meanwhile.
        """
        running = RunningDigest(algorithm)
        try:
            for _ in self.pieces(self.begin, self.end, on_piece=running.take):
                pass
        except SourceFailed as failed:
            error = failed.error
        else:
            return running.digest()
        raise error

    def pieces(self, start: int, stop: int, *, on_piece: OnPiece | None = None) -> Iterator[bytes]:
        """The bytes from one offset in the blob to another, a few hundred KiB at a time.

        Raises:
            SourceFailed: the file cannot be read, or ends too early.
        """
        self._seek(start)
        while start < stop:
            piece = self._read(start, min(READ, stop - start))
            if on_piece is not None:
                on_piece(start, piece)
            start += len(piece)
            yield piece

    def _seek(self, offset: int) -> None:
        try:
            self.file.seek(self.position + offset - self.begin)
        except Exception as error:  # a caller's file may raise anything
            raise SourceFailed(error) from None

    def _read(self, offset: int, size: int) -> bytes:
        try:
            piece = binary(self.file.read(size))
        except Exception as error:  # a caller's file may raise anything
            raise SourceFailed(error) from None
        if piece:
            return piece
        sentence = (
            f"The source ended {self.end - offset:,} bytes too early: it became shorter while it "
            "was sent. Nothing was stored."
        )
        raise SourceFailed(SizeMismatchError(sentence))


class RunningDigest:
    """Hashes the bytes of a blob in their order, though some may pass more than once."""

    __slots__ = ("_algorithm", "_hash", "_seen")

    def __init__(self, algorithm: str) -> None:
        """Start at offset 0; the algorithm is one of `regnb.model.digest.ALGORITHMS`."""
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._seen = 0

    def take(self, offset: int, piece: bytes | memoryview) -> None:
        """Take the bytes at an offset, of which none may be missing before them."""
        new = memoryview(piece)[self._seen - offset :]
        self._hash.update(new)
        self._seen += len(new)

    def digest(self) -> Digest:
        """What the bytes so far hash to."""
        return Digest(f"{self._algorithm}:{self._hash.hexdigest()}")


@contextmanager
def opened(source: Source) -> Iterator[File]:
    """A source as a file; one that was not open before is closed afterwards."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            yield file
    else:
        yield source


def is_seekable(file: File) -> bool:
    """Whether a file can be read again."""
    seekable = getattr(file, "seekable", None)
    return seekable is not None and bool(seekable())


def binary(data: object) -> bytes:
    """`data`, if it is what a file in binary mode gives.

    Raises:
        TypeError: it is text, or nothing at all.
    """
    if not isinstance(data, bytes):
        raise TypeError(f"The source gives {type(data).__name__}; open it in binary mode.")
    return data
