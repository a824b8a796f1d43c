"""Region: a stretch of a file, and the blob in it as a stream that verifies itself."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regnb.errors import DigestMismatchError, OperationCancelledError
from regnb.model.digest import Digest, Verifier
from regnb.store.trouble import explained

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 1024 * 1024
"""Bytes that are read at once."""


class Region:
    """Some bytes of a file: all of it in a layout, one member in an archive.

    It is read by position, so that no two readers of one file disturb each other.

    Attributes:
        size: bytes of the region.
        path: of the file, and of the member in it, for people.
    """

    def __init__(
        self, file: int, *, size: int, path: str, start: int = 0, cancelled: threading.Event
    ) -> None:
        """Take over a file descriptor, which is closed together with the region.

        Args:
            file: the descriptor.
            size: bytes of the region.
            path: what messages call it.
            start: the position in the file of its first byte.
            cancelled: once it is set, reading raises `OperationCancelledError`.
        """
        self._file, self._start, self._cancelled = file, start, cancelled
        self.size, self.path = size, path

    def read_at(self, position: int, count: int) -> bytes:
        """Up to `count` bytes from a position; fewer only at the end.

        Raises:
            OperationCancelledError: another thread cancelled it.
            StorageError: the file cannot be read.
        """
        if self._cancelled.is_set():
            raise OperationCancelledError(f"Reading {self.path} was cancelled.")
        wanted = max(0, min(count, self.size - position))
        with explained(self.path, "read"):
            return _read(self._file, self._start + position, wanted)

    def pieces(self, position: int = 0) -> Iterator[bytes]:
        """The bytes from a position to the end, a piece at a time."""
        while piece := self.read_at(position, PIECE):
            position += len(piece)
            yield piece

    def matches(self, digest: Digest) -> bool:
        """Whether the bytes hash to `digest`; reads all of them."""
        verifier = digest.verifier()
        for piece in self.pieces():
            verifier.update(piece)
        return verifier.verified()

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _read(file: int, start: int, wanted: int) -> bytes:
    piece = os.pread(file, wanted, start)
    while piece and len(piece) < wanted and (more := _after(file, start, wanted, piece)):
        piece += more
    return piece


def _after(file: int, start: int, wanted: int, piece: bytes) -> bytes:
    return os.pread(file, wanted - len(piece), start + len(piece))


class _Held(Region):
    """Bytes in memory in the place of a file."""

    def __init__(self, data: bytes, *, path: str) -> None:
        super().__init__(-1, size=len(data), path=path, cancelled=threading.Event())
        self._data = data

    def read_at(self, position: int, count: int) -> bytes:
        return self._data[position : position + count]


def region_of(data: bytes, *, path: str) -> Region:
    """A region of bytes that are in memory."""
    return _Held(data, path=path)


def damaged(path: str, digest: Digest) -> DigestMismatchError:
    """The error for bytes on disk that are not those of their name."""
    return DigestMismatchError(
        f"{path} is not {digest}: its bytes are other ones. Delete the file and pull the image "
        "again, or have the archive made anew."
    )


class BlobFile(io.BufferedReader):
    """The bytes of one blob on disk as a binary file, to be read by one thread at a time.

    Whoever reads from the first byte to the last has the blob: its end is given out only when all
    of it has matched the digest (W-B1). What is read out of order is as good as the disk.

    Attributes:
        digest: of the blob.
    """

    def __init__(self, region: Region, digest: Digest) -> None:
        """Take over the region, which is closed together with the stream.

        Raises:
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
        """
        self.digest = digest
        super().__init__(_Bytes(region, digest), PIECE)

    def __repr__(self) -> str:
        """The digest."""
        return f"<BlobFile {self.digest.short}>"


class _Bytes(io.RawIOBase):
    """What `BlobFile` buffers: hashes what passes in order, and holds back a wrong end."""

    def __init__(self, region: Region, digest: Digest) -> None:
        super().__init__()
        self._region, self._digest, self._position = region, digest, 0
        self._verifier = digest.verifier()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._region.size}
        position = base[whence] + offset
        if position < 0:
            raise ValueError(f"A blob has no position {position:,}.")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        piece = self._region.read_at(self._position, len(target))
        if target:
            self._verify(piece)
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _verify(self, piece: bytes) -> None:
        passed = self._verifier if self._position else self._digest.verifier()
        if passed.size != self._position:
            return  # out of order: nothing can be said of it
        end = not piece or self._position + len(piece) >= self._region.size
        self._verifier = self._checked_end(passed, piece) if end else passed
        if not end:
            passed.update(piece)

    def _checked_end(self, passed: Verifier, piece: bytes) -> Verifier:
        whole = passed.copy()  # so that another try fails just as this one
        whole.update(piece)
        if not whole.verified():
            raise damaged(self._region.path, self._digest)
        return whole

    def close(self) -> None:
        self._region.close()
        super().close()
