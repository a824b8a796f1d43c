"""Atomic: a file that is there whole or not at all, whatever breaks while it is written."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from regnb.store.trouble import explained

MODE = 0o644
"""Of what others may read, as far as the umask leaves it to them."""

_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_atomically(path: Path, data: bytes, *, mode: int = MODE) -> None:
    """Write a small file: whoever looks sees what was there before, or all of `data`.

    Where something stands in the way, what was there before stays. A symbolic link in the place
    of the file is replaced, and what it leads to is not touched (S15).

    Args:
        path: of the file; its folder must be there.
        data: all of it.
        mode: permissions, of which the umask takes away as usual.

    Raises:
        DiskFullError: no space is left.
        StorageDeniedError: this account may not write there.
        StorageError: what else stands in the way.
    """
    temporary = beside(path)
    with explained(path, "written"):
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


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder outlive a power failure."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


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
        probe.unlink()


def _write(path: Path, data: bytes, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | _NEW, mode), "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
