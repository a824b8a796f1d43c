"""BlobReader: a blob as a file that verifies itself."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from regnb.core.download import Download
from regnb.core.window import Window
from regnb.model.digest import Digest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PEEKED = 8 * 1024


class BlobReader(io.BufferedIOBase):
    """The bytes of one blob as a binary file, to be read by one thread at a time.

    Whoever reads from the first byte to the last has the blob: its end is given out only when all
    of it has matched the digest (W-B1). Whoever meets a `DigestMismatchError` must throw away what
    came before. After any other error the stream stands where it stood before the failed call, and
    can be read on.

    A connection that breaks or stalls is replaced, and the blob goes on where it broke off, for as
    long as that brings it forward (F6). A blob that turns out wrong at its end is read once more
    from its beginning, if the same call began there, so that nothing of it has been given out.

    Seeking costs nothing; reading at another position costs a request. A digest proves only the
    whole: what is read out of order is as good as the registry and the way to it.

    Attributes:
        digest: of the blob.
    """

    def __init__(
        self, download: Download, digest: Digest, *, find_size: Callable[[], int | None]
    ) -> None:
        """Make no request yet.

        Args:
            download: of the blob, at its first byte; it is closed together with the stream.
            digest: of the blob.
            find_size: asks the registry for the size, where it has to be known before a read.

        Raises:
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
        """
        super().__init__()
        self.digest = digest
        self._download = download
        self._find_size = find_size
        self._window = Window(download, digest)

    def __repr__(self) -> str:
        """Digest and position."""
        return f"<BlobReader {self.digest.short} at byte {self._window.position:,}>"

    @property
    def size(self) -> int | None:
        """Bytes of the blob; None as long as the registry has not told."""
        return self._download.size

    @property
    def verified(self) -> bool:
        """Whether all bytes, from the first to the last, have passed in order and match the digest.

        Bytes that were jumped over count where they came along anyway. Bytes that were read ahead
        of the order are not meant. False again once earlier bytes had to be asked for once more.
        """
        return self._window.verified

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always, though a registry may fail to send a blob from its middle on."""
        return True

    def tell(self) -> int:
        """The position of the next byte."""
        self._check_open()
        return self._window.position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to another position.

        No request, except where the end is meant and the registry has not told the size: then one
        HEAD, and where that does not tell it a GET of the first byte.

        Raises:
            ValueError: the position would be negative.
            io.UnsupportedOperation: the registry does not tell the size.
        """
        self._check_open()
        position = self._base(whence) + offset
        if position < 0:
            raise ValueError(f"A blob has no position {position:,}.")
        self._window.position = position
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes, all that are left by default; fewer only at the end.

        Raises:
            BlobUnknownError: the repository has no such blob.
            DigestMismatchError: the bytes are other bytes.
            RangesUnsupportedError: the registry cannot send the blob from this position on.
            RegistryTimeoutError: the blob stalled more often than the retries allow.
            UnreachableError: the connection broke more often than the retries allow.
        """
        self._check_open()
        wanted = sys.maxsize if size is None or size < 0 else size
        if wanted <= self._window.at_hand():
            return bytes(self._window.take(wanted))
        return self._window.undivided(lambda: b"".join(self._pieces(wanted)))

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, as many as are here, `size` at most; empty only at the end.

        Raises as `read` does.
        """
        self._check_open()
        window, most = self._window, sys.maxsize if size < 0 else size
        return window.undivided(lambda: bytes(window.take(min(most, window.here()))))

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with the next bytes; how many, fewer than fit only at the end.

        Raises as `read` does; what the buffer holds then is worth nothing.
        """
        self._check_open()
        return self._window.undivided(lambda: self._fill(memoryview(buffer).cast("B")))

    def readline(self, size: int | None = -1, /) -> bytes:
        """The bytes up to the next newline, and with it; `size` at most.

        Raises as `read` does.
        """
        line, most = super().readline, -1 if size is None else size
        return self._window.undivided(lambda: line(most))

    def peek(self, size: int = 0, /) -> bytes:
        """Some of the next bytes, without going past them; empty only at the end.

        Raises as `read` does.
        """
        self._check_open()
        window = self._window
        here = window.undivided(window.here)
        start = window.position - window.start
        return window.piece[start : start + min(here, max(size, _PEEKED))]

    def close(self) -> None:
        """Drop the connection, if the blob has not been read to its end."""
        if not self.closed:
            self._download.close()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("The blob has been closed. Open it again.")

    def _base(self, whence: int) -> int:
        """The position that an offset counts from."""
        if whence == io.SEEK_SET:
            return 0
        if whence == io.SEEK_CUR:
            return self._window.position
        if whence == io.SEEK_END:
            return self._known_size()
        raise ValueError(f"whence must be 0, 1 or 2, not {whence!r}.")

    def _known_size(self) -> int:
        if self._download.size is None:
            self._download.size = self._find_size()
        if self._download.size is None:
            raise io.UnsupportedOperation("The registry does not tell where the blob ends.")
        return self._download.size

    def _fill(self, target: memoryview) -> int:
        filled = 0
        for piece in self._pieces(len(target)):
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

    def _pieces(self, wanted: int) -> Iterator[bytes | memoryview]:
        window = self._window
        while wanted and (here := window.here()):
            piece = window.take(min(wanted, here))
            wanted -= len(piece)
            yield piece
