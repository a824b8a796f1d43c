"""LayoutBlobs: the blobs of a layout or archive, read and verified."""

from __future__ import annotations

from collections.abc import Callable

from regnb.errors import BlobUnknownError, DigestMismatchError, SizeMismatchError
from regnb.interfaces import CONFIG_LIMIT, OnPosition, Partial
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.store.contents import Contents
from regnb.store.part import Part, pause
from regnb.store.region import BlobFile, Region, damaged
from regnb.store.writer import Writer

OCTETS = "application/octet-stream"


class LayoutBlobs:
    """The blobs that one repository can read: all of its layout, which shares them."""

    __slots__ = ("_contents", "_writer")

    def __init__(self, contents: Contents, writer: Callable[[], Writer]) -> None:
        """Read nothing yet.

        Args:
            contents: of the layout.
            writer: gives what writes into the layout, or raises `ReadOnlyError`.
        """
        self._contents = contents
        self._writer = writer

    def stat(self, digest: Digest) -> Descriptor:
        """Say how large a blob is; a blob on disk has no media type of its own.

        Raises:
            BlobUnknownError: there is no such blob.
            LayoutError: what is in its place is no plain file.
            StorageError: it cannot be looked at.
        """
        with self._contents.region(digest) as region:
            return Descriptor(media_type=OCTETS, digest=Digest(digest), size=region.size)

    def get(self, digest: Digest, *, limit: int = CONFIG_LIMIT) -> bytes:
        """Read and verify a small blob, such as an image config.

        Raises:
            BlobUnknownError: there is no such blob.
            BodyTooLargeError: it is larger than `limit` bytes.
            DigestMismatchError: the bytes are other bytes.
            StorageError: it cannot be read.
        """
        return self._contents.read(digest, limit=limit)

    def open(self, digest: Digest) -> BlobFile:
        """Read a blob of any size as a stream that verifies itself.

        Raises:
            BlobUnknownError: there is no such blob.
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
            StorageError: it cannot be opened.
        """
        return self._contents.open(digest)

    def read_range(self, blob: Descriptor, positions: range) -> bytes:
        """Read some bytes of a blob, which no digest proves.

        Args:
            blob: digest and size.
            positions: of the bytes, all within the blob.

        Raises:
            BlobUnknownError: there is no such blob.
            SizeMismatchError: it has another size than `blob` says.
            StorageError: it cannot be read.
        """
        with self._contents.region(blob.digest) as region:
            if region.size != blob.size:
                raise _other_size(region, blob)
            return region.read_at(positions.start, len(positions))

    def holds(self, blob: Descriptor) -> bool:
        """Whether a blob is there, of the right size and with the right bytes; reads all of them.

        Raises:
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
            StorageError: it cannot be read.
        """
        try:
            with self._contents.region(blob.digest) as region:
                return region.size == blob.size and region.matches(blob.digest)
        except BlobUnknownError:
            return False

    def part(self, blob: Descriptor, *, wait: Callable[[], object] = pause) -> Part:
        """What a blob grows in, byte by byte, until it is verified and has its place.

        Args:
            blob: digest and size of it.
            wait: is called again and again while another process or thread has the part. It takes a
                moment, and may raise to give up.

        Raises:
            ReadOnlyError: this is an archive.
            StorageError: the folders for it cannot be made.
        """
        return self._writer().part(blob, wait=wait)

    def fetch(
        self, blob: Descriptor, into: Partial, *, on_position: OnPosition | None = None
    ) -> None:
        """Complete `into` from where it stands, and verify it.

        Args:
            blob: digest and size.
            into: some of its first bytes, or none.
            on_position: is told how many bytes are through, whenever that changes.

        Raises:
            BlobUnknownError: there is no such blob.
            SizeMismatchError: it has another size than `blob` says.
            DigestMismatchError: the bytes on disk are other bytes.
            StorageError: it cannot be read, or `into` cannot be written.
        """
        with self._contents.region(blob.digest) as region:
            if region.size != blob.size:
                raise _other_size(region, blob)
            begun = into.offset
            if _completed(region, into, on_position):
                return
            # What was there before may have been wrong; what is read anew now is the disk's alone.
            into.restart()
            if not begun or not _completed(region, into, on_position):
                into.restart()
                raise damaged(region.path, blob.digest)


def _completed(region: Region, into: Partial, on_position: OnPosition | None) -> bool:
    if on_position is not None:
        on_position(into.offset)
    for piece in region.pieces(into.offset):
        into.write(piece)
        if on_position is not None:
            on_position(into.offset)
    try:
        into.check()
    except DigestMismatchError:
        return False
    return True


def _other_size(region: Region, blob: Descriptor) -> SizeMismatchError:
    return SizeMismatchError(
        f"{region.path} has {region.size:,} bytes, and what points to it says {blob.size:,}. "
        "Delete the file and pull the image again, or have the archive made anew."
    )
