"""ArchiveFile: an archive of images as a file, opened when it is first needed."""

from __future__ import annotations

import os
import stat
import threading
import weakref
from pathlib import Path

from regnb.errors import LayoutError, printable
from regnb.store.members import Member, Members
from regnb.store.region import Region
from regnb.store.trouble import explained
from regnb.store.unpacking import open_unpacked


class ArchiveFile:
    """One tar file. Threads may share it; its members are looked up once, and again if it changes.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path
        self._lock = threading.Lock()
        self._open: _Open | None = None

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return printable(self.path)

    @property
    def stamp(self) -> object:
        """What tells the file from what may take its place.

        Raises:
            LayoutError: there is no such file, or a folder.
            StorageError: it cannot be looked at.
        """
        with explained(self.path, "read"):
            try:
                found = os.stat(self.path)
            except FileNotFoundError:
                raise LayoutError(f"There is no file {self.shown}. Check the path.") from None
        if stat.S_ISDIR(found.st_mode):
            raise LayoutError(
                f"{self.shown} is a folder, and an archive is a file. Open it as oci: if it holds "
                "an OCI image layout."
            )
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def holds(self, name: str) -> bool:
        """Whether there is a member of that name; raises as `region` does."""
        return self._opened().members.find(name) is not None

    def region(self, name: str, cancelled: threading.Event) -> Region | None:
        """The bytes of a member; None where there is none.

        Raises:
            LayoutError: the file is no tar file, or damaged.
            StorageError: it cannot be read.
        """
        opened = self._opened()
        member = opened.members.find(name)
        return (
            None if member is None else opened.region(member, f"{name} in {self.shown}", cancelled)
        )

    def read(self, name: str, limit: int) -> bytes | None:
        """A document in the archive; None where there is none.

        Raises:
            LayoutError: it is too large, or is there twice.
            RegnbError: as for `region`.
        """
        region = self.region(name, threading.Event())
        if region is None:
            return None
        with region:
            if region.size > limit:
                raise LayoutError(
                    f"{region.path} has {region.size:,} bytes; {limit:,} are allowed."
                )
            if self._opened().members.is_ambiguous(name):
                raise LayoutError(
                    f"{self.shown} holds {name} more than once, so that programs differ on what "
                    "is in it. Have it made anew."
                )
            return region.read_at(0, limit)

    def _opened(self) -> _Open:
        with self._lock:
            stamp = self.stamp
            if self._open is None or self._open.stamp != stamp:
                self._open = _Open(self, stamp)
            return self._open


class _Open:
    """The file that is open, unpacked if it was compressed; it is closed when nobody has it."""

    def __init__(self, archive: ArchiveFile, stamp: object) -> None:
        self.stamp = stamp
        self._file = open_unpacked(archive.path)
        weakref.finalize(self, os.close, self._file)
        with explained(archive.path, "read"):
            self.members = Members(self._file, shown=archive.shown)

    def region(self, member: Member, shown: str, cancelled: threading.Event) -> Region:
        return Region(
            os.dup(self._file),
            size=member.size,
            start=member.start,
            path=printable(shown),
            cancelled=cancelled,
        )
