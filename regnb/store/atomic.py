"""Atomic: a file that is there whole or not at all, whatever breaks while it is written."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from regnb.store.trouble import explained

MODE = 0o644
"""Of what others may read, as far as the umask leaves it to them."""

_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)  # all but Windows has them
_PRIVATE = os.O_RDWR | os.O_CREAT | _SAFE
_NEW = os.O_CREAT | os.O_EXCL | _SAFE


def write_atomically(path: Path, data: bytes, *, mode: int = MODE, alone: bool = False) -> None:
    """Write a small file: whoever looks sees what was there before, or all of `data`.

    Where something stands in the way, what was there before stays. A symbolic link in the place
    of the file is replaced, and what it leads to is not touched (S15).

    Args:
        path: of the file; its folder must be there.
        data: all of it.
        mode: permissions, of which the umask takes away as usual.
        alone: nobody else writes the file meanwhile, because of a lock: what a process has left
            that was killed here is gone with the next write.

    Raises:
        DiskFullError: no space is left.
        StorageDeniedError: this account may not write there.
        StorageError: what else stands in the way.
    """
    temporary = path.with_name(f".{path.name}.tmp") if alone else beside(path)
    with explained(path, "written"):
        if alone:
            temporary.unlink(missing_ok=True)
        try:
            _write(temporary, data, mode)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def beside(path: Path) -> Path:
    """A name in the same folder that nobody else has."""
    return path.with_name(f".{secrets.token_hex(8)}.tmp")


def remove_temporary_files(folder: Path) -> None:
    """Remove what processes have left in a folder that were killed in `permitted`."""
    for one in folder.glob(".*.tmp"):
        one.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder outlive a power failure."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def open_private(path: Path) -> int:
    """Open a file for reading and writing that only this account may read; its folder too.

    Both are made where they are not there. A symbolic link is not followed, neither in the place
    of the file nor in that of the folder (S15): resolve those of a folder that the caller named.

    Raises:
        OSError: something stands in the way.
    """
    while True:
        with suppress(FileExistsError):  # not exist_ok: it fails where the folder goes just then
            path.parent.mkdir(mode=0o700, parents=True)
        if path.parent.is_symlink():  # a layout from elsewhere may lead anywhere (S15)
            raise OSError(errno.ELOOP, "a symbolic link", str(path.parent))
        with suppress(FileNotFoundError):  # who is done with the folder has just removed it
            return os.open(path, _PRIVATE, 0o600)


def is_at(path: Path, file: int) -> bool:
    """Whether an open file still has its name, and no other file has got it meanwhile."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(file))


def permitted(folder: Path, mode: int = MODE) -> int:
    """What the umask leaves of `mode`, as a new file in `folder` shows it.

    The umask itself is told only by changing it, for every thread.
    """
    probe = beside(folder / "probe")
    number = os.open(probe, os.O_RDONLY | _NEW, mode)
    try:
        return os.fstat(number).st_mode & 0o777
    finally:
        os.close(number)
        probe.unlink(missing_ok=True)


def _write(path: Path, data: bytes, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | _NEW, mode), "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
