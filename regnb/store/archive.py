"""Archives: images in one tar file, which is only read."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path

from regnb.errors import LayoutError, ReadOnlyError
from regnb.model.digest import Digest
from regnb.store.archive_file import ArchiveFile
from regnb.store.contents import Contents
from regnb.store.entries import Naming
from regnb.store.folder import BLOBS, INDEX, MARK, MARK_LIMIT, check_version
from regnb.store.holding import INDEX_LIMIT, Holding
from regnb.store.names import archive_slug
from regnb.store.region import Region
from regnb.store.shelf import Shelf, StrPath
from regnb.store.writer import Writer


class Archive(Shelf):
    """Images in a tar file, with the methods of a registry. It is only read.

    A file that is compressed by gzip, bzip2 or xz is unpacked once, to a temporary file.
    """

    def __init__(
        self, path: StrPath, *, name: str | None = None, file: ArchiveFile | None = None
    ) -> None:
        """Name a file; nothing is read yet.

        Args:
            path: of the file.
            name: what tables shall call it instead of the last part of the path.
            file: the same file, if it has been opened already.
        """
        super().__init__(path, name=name)
        holding = self._holding(file or ArchiveFile(self.path))
        self._contents = Contents(holding, naming=Naming(archive_slug(self.path)))

    @abstractmethod
    def _holding(self, file: ArchiveFile) -> Holding:
        """What reads the file."""

    @property
    def state_folder(self) -> Path:
        """The folder beside the file for the state of transfers; it need not be there."""
        return self.path.with_name(f"{self.path.name}.regnb")

    def contents(self) -> Iterable[Contents]:
        """What is in the file."""
        return [self._contents]

    def contents_of(self, repository: str) -> Contents:
        """The same for every repository."""
        return self._contents

    def opened(self) -> Iterable[Contents]:
        """What is in the file."""
        return [self._contents]

    def writer(self, repository: str, contents: Contents) -> Writer:
        """None.

        Raises:
            ReadOnlyError: always.
        """
        raise ReadOnlyError(
            f"{self.shown} is an archive, which is only read. Put images into a folder, and save "
            "them as a new archive."
        )


class OciArchive(Archive):
    """An OCI image layout in a tar file: what ``skopeo copy ... oci-archive:`` writes, say."""

    scheme = "oci-archive"

    def _holding(self, file: ArchiveFile) -> Holding:
        return OciMembers(file)


class OciMembers:
    """The members of an OCI image layout in a tar file."""

    def __init__(self, file: ArchiveFile) -> None:
        """Read nothing yet."""
        self.file = file

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return self.file.shown

    @property
    def stamp(self) -> object:
        """What tells the file from what may take its place."""
        return self.file.stamp

    def index(self) -> bytes | None:
        """The bytes of ``index.json``.

        Raises:
            LayoutError: there is none, or it is too large; or the layout is of another version.
            StorageError: it cannot be read.
        """
        mark, raw = self.file.read(MARK, MARK_LIMIT), self.file.read(INDEX, INDEX_LIMIT)
        if mark is None or raw is None:
            raise LayoutError(
                f"{self.shown} is no OCI archive: it holds no {MARK if mark is None else INDEX}. "
                "What docker save writes is opened as docker-archive:."
            )
        check_version(mark, self.shown)
        return raw

    def region(self, digest: Digest, cancelled: threading.Event) -> Region | None:
        """The bytes of one blob, not verified; None where there is none."""
        checked = Digest(digest)
        return self.file.region(f"{BLOBS}/{checked.algorithm}/{checked.encoded}", cancelled)
