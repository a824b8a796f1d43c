"""BlobWriter: a blob that is written piece by piece."""

from __future__ import annotations

import io
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from regnb.core.content import READ, Content, File, RunningDigest, binary, is_seekable
from regnb.core.delivery import Delivery
from regnb.core.uploads import OCTETS, Upload
from regnb.core.wire.limits import MIB
from regnb.core.wire.secret import Secret
from regnb.errors import DigestMismatchError
from regnb.interfaces import OnPosition
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CHUNK_SIZE = 8 * MIB
"""Bytes that are collected before they are sent, unless the caller or the registry wants others."""


class BlobWriter(io.BufferedIOBase):
    """Takes the bytes of one blob, forward only, and hashes them as they pass.

    Bytes are collected and sent in chunks; only those that the registry has confirmed survive the
    end of this process. The blob is there when `commit` has returned, and not before.

    In a ``with`` block, a writer that was not committed is cancelled at the end, whatever the
    reason: the registry keeps no half of a blob. To go on with an upload later, even from another
    process, use no ``with`` block (or `contextlib.closing`), keep what `state` gives, and hand it
    to `Blobs.resume`.
    """

    def __init__(
        self, upload: Upload, *, chunk_size: int | None = None, hashed: bool = True
    ) -> None:
        """Write into a session that has begun.

        Args:
            upload: the session.
            chunk_size: bytes of a chunk, or None for the default.
            hashed: whether what passes is hashed; not where bytes were sent before it, nor where
                they verify themselves.
        """
        super().__init__()
        self._upload = upload
        self._wanted_size = chunk_size
        self._begin = upload.offset
        self._size = upload.offset
        self._running = RunningDigest(upload.algorithm) if hashed else None
        self._collected = SpooledTemporaryFile[bytes](max_size=2 * CHUNK_SIZE)

    @property
    def size(self) -> int:
        """Bytes of the blob so far, sent or not."""
        return self._size

    @property
    def offset(self) -> int:
        """Bytes of the blob that the registry has confirmed."""
        return self._upload.offset

    @property
    def location(self) -> Secret:
        """Where the session goes on. It may be signed, so that it shows as ``***``."""
        return self._upload.location

    def state(self) -> dict[str, str | int]:
        """What `Blobs.resume` needs to go on from `offset`; JSON can hold it.

        It changes with every chunk: keep the newest. The location in it may be signed, so that
        whoever has it may be able to write to the upload; it shows as ``***`` until it is saved.
        """
        return self._upload.state().to_json()

    def status(self) -> int:
        """Ask the registry how many bytes it has. One GET.

        Raises:
            UploadUnknownError: it has forgotten the upload.
            RegistryError: what else stands in the way.
        """
        self._check_open()
        self._upload.ask()
        return self._upload.offset

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The same as `size`."""
        self._check_open()
        return self._size

    def write(self, data: ReadableBuffer) -> int:
        """Take the next bytes. One PATCH for every full chunk.

        Returns:
            How many they are.

        Raises:
            ValueError: the writer has been closed.
            UploadUnknownError: the registry forgot the upload, and what it held is gone.
            RegistryError: what else stands in the way.
        """
        self._check_open()
        return self._take(memoryview(data).cast("B"))

    def read_from(self, source: File, *, on_position: OnPosition | None = None) -> int:
        """Take all bytes that a binary file has left. One PATCH, or one for every full chunk.

        A file that can be read again is sent as it is, however large, and read again from where
        the registry stands if something breaks; after an error, it has to be moved to `size`
        before it is sent again. Of other files, the current chunk is kept.

        Args:
            source: binary; read from its position to its end.
            on_position: is told how many bytes of the blob are through, whenever that changes:
                fewer, too, where some are sent again or the session had to begin anew. What
                `state` gives is right by then. The last few, which are collected, go with
                `commit`.

        Returns:
            How many they are.

        Raises:
            ValueError: the writer has been closed.
            UploadUnknownError: the registry forgot the upload, and what it held is gone.
            RegistryError: what else stands in the way.
        """
        self._check_open()
        before = self._size
        if is_seekable(source) and not self._waiting:
            content = Content.rest_of(source, begin=self._size)
            if content.size >= self._chunk_size:
                self._send(content, on_position)
                return content.size
        while piece := binary(source.read(READ)):
            self._take(memoryview(piece), on_position)
        return self._size - before

    def flush(self) -> None:
        """Send what was collected, unless the registry demands longer chunks."""
        self._check_open()
        if self._waiting and self._waiting >= self._upload.chunk_minimum:
            self._send_collected()

    def commit(self, digest: Digest | None = None) -> Descriptor:
        """Send what was collected, and have the registry store the blob. One PUT, or a PATCH more.

        Args:
            digest: of the whole blob; by default what was written hashes to. It has to be given
                where not all of it was hashed here, as after a resumption.

        Returns:
            Digest and size of the blob. A blob has no media type of its own.

        Raises:
            ValueError: the writer has been closed, or a digest is needed.
            DigestMismatchError: what was written does not hash to `digest`.
            RegistryError: what else stands in the way.
        """
        self._check_open()
        digest = self._final_digest(digest)
        Delivery(self._upload, self._collection(), chunk_size=self._wanted_size).commit(digest)
        self.close()
        return Descriptor(media_type=OCTETS, digest=digest, size=self._size)

    def cancel(self) -> None:
        """Forget the blob, and ask the registry to do so too. At most one DELETE, of 2 seconds.

        Nothing is raised if that fails: registries drop old uploads by themselves.
        """
        if not self.closed:
            self.close()
            self._upload.cancel()

    def close(self) -> None:
        """Write no more. The registry keeps what it has, to be resumed; nothing is committed."""
        if not self.closed:
            self._begin = self._size  # nothing waits any more: the base class flushes
            super().close()
            self._collected.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cancel, unless the blob was committed or the writer closed."""
        self.cancel()

    def __reduce__(self) -> NoReturn:
        """Refuse, as files do."""
        raise TypeError("A writer is not pickled; keep its state(), and resume from that.")

    def __repr__(self) -> str:
        """The repository's blobs, and the position."""
        return f"<BlobWriter at byte {self._size} of an upload to {self._upload.url!r}>"

    @property
    def _chunk_size(self) -> int:
        return max(self._wanted_size or CHUNK_SIZE, self._upload.chunk_minimum)

    @property
    def _waiting(self) -> int:
        return self._size - self._begin

    def _take(self, data: memoryview, on_position: OnPosition | None = None) -> int:
        left = data
        while left:
            room = self._chunk_size - self._waiting
            if room <= 0:
                self._send_collected(on_position)
                continue
            self._collect(left[:room])
            left = left[room:]
        return len(data)

    def _collect(self, data: memoryview) -> None:
        if self._running is not None:
            self._running.take(self._size, data)
        self._collected.seek(self._waiting)
        self._collected.write(data)
        self._size += len(data)

    def _collection(self) -> Content:
        return Content(self._collected, 0, self._begin, self._size)

    def _send_collected(self, on_position: OnPosition | None = None) -> None:
        Delivery(self._upload, self._collection(), on_position=on_position).store()
        self._begin = self._size

    def _send(self, content: Content, on_position: OnPosition | None) -> None:
        delivery = Delivery(
            self._upload,
            content,
            chunk_size=self._wanted_size,
            on_piece=None if self._running is None else self._running.take,
            on_position=on_position,
        )
        try:
            delivery.store()
        finally:
            self._begin = self._size = max(self._begin, self._upload.offset)

    def _final_digest(self, digest: Digest | None) -> Digest:
        written = None if self._running is None else self._running.digest()
        if digest is None:
            if written is None:
                raise ValueError(
                    "What was written was not hashed: commit(digest) needs the digest of the blob."
                )
            return written
        digest = Digest(digest)
        if written is not None and written.algorithm == digest.algorithm and written != digest:
            raise DigestMismatchError(
                f"The {self._size:,} bytes that were written hash to {written}, not to {digest}. "
                "Nothing was stored."
            )
        return digest

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("The upload has been closed.")
