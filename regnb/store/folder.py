"""Folder: the files of one OCI image layout (OCI image-spec, image layout).

The name of a blob's file comes from a digest, which has passed the grammar, and from nothing else;
no symbolic link below the folder is followed (S15).
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import ExitStack
from pathlib import Path

from regnb.errors import InvalidDocumentError, LayoutError, printable
from regnb.model import fields, strict_json
from regnb.model.digest import Digest
from regnb.store.holding import INDEX_LIMIT
from regnb.store.region import Region
from regnb.store.trouble import explained

MARK = "oci-layout"
INDEX = "index.json"
BLOBS = "blobs"
VERSION = "1.0.0"
MARK_CONTENT = b'{"imageLayoutVersion":"1.0.0"}'
MARK_LIMIT = 64 * 1024
_ABSENT = frozenset({errno.ENOENT, errno.ENAMETOOLONG})
_LINKED = frozenset({errno.ELOOP, errno.ENOTDIR})


class Folder:
    """One OCI image layout in a folder, which may be absent or empty as yet.

    Attributes:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        """Look at nothing yet."""
        self.path = path

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return printable(self.path)

    @property
    def stamp(self) -> object:
        """What tells one ``index.json`` from the next."""
        try:
            found = os.stat(self.path / INDEX, follow_symlinks=False)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def index(self) -> bytes | None:
        """The bytes of ``index.json``; None where nothing has been written yet.

        Raises:
            LayoutError: it is too large, or no file; or the layout is of another version.
            StorageError: it cannot be read.
        """
        self.check()
        return self._read(INDEX, INDEX_LIMIT)

    def check(self) -> None:
        """Raise unless this is a layout that can be read, or nothing yet.

        Raises:
            LayoutError: it is neither.
            StorageError: it cannot be looked at.
        """
        mark = self._read(MARK, MARK_LIMIT)
        if mark is None and not self.vacant:
            mark = self._read(MARK, MARK_LIMIT)  # another may be making a layout of it just now
            if mark is None:
                raise LayoutError(
                    f"{self.shown} is no OCI image layout: it has no {MARK} file. Name the folder "
                    f"that holds one, or a new folder."
                )
        if mark:
            check_version(mark, self.shown)

    @property
    def vacant(self) -> bool:
        """Whether there is nothing yet that a layout could not be made of."""
        with explained(self.path, "read"):
            try:
                names = set(os.listdir(self.path))
            except FileNotFoundError:
                return True
            except NotADirectoryError:
                return False
        return names <= {".regnb", BLOBS}

    def _read(self, name: str, limit: int) -> bytes | None:
        region = self._open(name, cancelled=threading.Event())
        if region is None:
            return None
        with region:
            if region.size > limit:
                raise LayoutError(
                    f"{region.path} has {region.size:,} bytes; {limit:,} are allowed."
                )
            return region.read_at(0, limit)

    def blob_path(self, digest: Digest) -> Path:
        """Where a blob lies, or would."""
        checked = Digest(digest)
        return self.path / BLOBS / checked.algorithm / checked.encoded

    def region(self, digest: Digest, cancelled: threading.Event) -> Region | None:
        """The file of one blob; None where there is none.

        Raises:
            InvalidDigestError: `digest` is none.
            LayoutError: a symbolic link or something else is in the place of a folder or file.
            StorageError: it cannot be opened.
        """
        checked = Digest(digest)
        return self._open(BLOBS, checked.algorithm, checked.encoded, cancelled=cancelled)

    def _open(self, *parts: str, cancelled: threading.Event) -> Region | None:
        shown = printable(self.path.joinpath(*parts))
        with explained(shown, "read"):
            try:
                file = _open_inside(self.path, parts)
            except OSError as error:
                if error.errno in _ABSENT:
                    return None
                if error.errno not in _LINKED:
                    raise
                raise self._is_file() if self.path.is_file() else not_followed(shown) from None
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            os.close(file)
            raise not_followed(shown)
        return Region(file, size=found.st_size, path=shown, cancelled=cancelled)

    def _is_file(self) -> LayoutError:
        return LayoutError(
            f"{self.shown} is a file, and an image layout is a folder. Name a folder; an archive "
            "is opened as oci-archive: or docker-archive:."
        )


def _open_inside(folder: Path, parts: tuple[str, ...]) -> int:
    """Open a file below a folder, following no symbolic link on the way and waiting for none."""
    safe = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with ExitStack() as opened:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, here)
        for part in parts[:-1]:
            here = os.open(part, safe | os.O_DIRECTORY, dir_fd=here)
            opened.callback(os.close, here)
        return os.open(parts[-1], safe | os.O_NONBLOCK, dir_fd=here)


def not_followed(shown: str) -> LayoutError:
    """The error for a link, or what else is no plain file or folder."""
    return LayoutError(
        f"{shown} is, or lies behind, a symbolic link or something else that is no plain file. "
        "That is not followed: put the real files in its place."
    )


def check_version(mark: bytes, shown: str) -> None:
    """Raise unless an ``oci-layout`` file tells of a version that is known here.

    Raises:
        LayoutError: it does not.
    """
    try:
        source = fields.mapping(strict_json.loads(mark), MARK)
        version = fields.text(source, "imageLayoutVersion")
    except InvalidDocumentError as error:
        raise LayoutError(f"{MARK} of {shown} cannot be read: {error}") from None
    if version != VERSION:
        raise LayoutError(
            f"{shown} is an image layout of version {printable(version, 40)!r}; only {VERSION} is "
            "known here. Copy it with a program that knows both."
        )
