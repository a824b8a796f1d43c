"""Unpacking: a compressed archive as a temporary file that can be read from anywhere."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from regnb.errors import LayoutError, printable
from regnb.store.region import PIECE
from regnb.store.trouble import explained

OUTPUT_LIMIT = 20 * 1024**3
"""Bytes that an archive may unpack to (S11)."""

RATIO_LIMIT = 1000
"""How many times larger it may become, once it is more than `RATIO_FROM` bytes (S11)."""

RATIO_FROM = 10 * 1024**2

_XZ_MEMORY = 128 * 1024**2
_ZSTD = b"\x28\xb5\x2f\xfd"
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def open_unpacked(path: Path) -> int:
    """A file descriptor of an archive, unpacked if it is compressed.

    What is unpacked has no name, and goes when the descriptor is closed.

    Raises:
        LayoutError: the compression is not known here, damaged, or made to fill the disk.
        StorageError: the file cannot be read, or the temporary file not be written.
    """
    shown = printable(path)
    with explained(path, "read"):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        magic = os.pread(file, 6, 0)
    unpack = next((one for start, one in _FORMATS.items() if magic.startswith(start)), None)
    if unpack is None and not magic.startswith(_ZSTD):
        return file
    with open(file, "rb") as packed:
        if unpack is None:
            raise LayoutError(
                f"{shown} is compressed with zstd, which is not read here. {_by_hand('zstd', path)}"
            )
        return _unpacked(packed, unpack, path)


def _by_hand(program: str, path: Path) -> str:
    return f"Unpack it: {program} -d -k -- {printable(path)}"


def _unpacked(packed: IO[bytes], unpack: Callable[[IO[bytes]], Iterator[bytes]], path: Path) -> int:
    written = 0
    with explained(path, "unpacked to a temporary file"), tempfile.TemporaryFile() as unpacked:
        for piece in _undamaged(unpack(packed), path):
            written += len(piece)
            _check_size(written, packed.tell(), path)
            unpacked.write(piece)
        unpacked.flush()
        return os.dup(unpacked.fileno())


def _undamaged(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from pieces
    except _DAMAGED as error:
        raise _damaged(path, error) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(path, error) from None  # bz2 and gzip say so of their data


def _damaged(path: Path, error: Exception) -> LayoutError:
    return LayoutError(
        f"{printable(path)} cannot be unpacked: {printable(error, 200)}. Have it made anew, or "
        "copied again."
    )


def _check_size(written: int, read: int, path: Path) -> None:
    if written > OUTPUT_LIMIT or (written > RATIO_FROM and written > RATIO_LIMIT * read):
        raise LayoutError(
            f"{printable(path)} unpacks to more than {written:,} bytes out of {read:,}, and may be "
            "made to fill the disk. If you trust it, unpack it by hand: gzip, bzip2 or xz -d -k, "
            "and open the .tar file."
        )


def _gunzip(packed: IO[bytes]) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed, mode="rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def _bunzip2(packed: IO[bytes]) -> Iterator[bytes]:
    return _streams(packed, bz2.BZ2Decompressor)


def _unxz(packed: IO[bytes]) -> Iterator[bytes]:
    return _streams(packed, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))


def _streams(packed: IO[bytes], begin: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """What one compressed stream after the other holds."""
    data = packed.read(PIECE)
    while data:
        stream = begin()
        while not stream.eof:
            if stream.needs_input and not data:
                data = packed.read(PIECE)
                if not data:
                    raise EOFError("it ends in the middle")
            yield stream.decompress(data, PIECE)
            data = b""
        data = stream.unused_data or packed.read(PIECE)


_FORMATS: dict[bytes, Callable[[IO[bytes]], Iterator[bytes]]] = {
    b"\x1f\x8b": _gunzip,
    b"BZh": _bunzip2,
    b"\xfd7zXZ\x00": _unxz,
}
