"""Locking: a file for one process or thread at a time, until it lets go of it or dies."""

from __future__ import annotations

import os

from regnb.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows: registries can be asked there all the same
    fcntl = None  # type: ignore[assignment]


def need_posix() -> None:
    """Raise where the system has not got what keeps files on disk safe.

    Raises:
        StorageError: it lacks locks that end with their holder, or a way not to follow links.
    """
    if fcntl is None or not hasattr(os, "O_NOFOLLOW"):
        raise StorageError(
            "Images on disk need a POSIX system, for its locks and links. Use Linux, macOS or the "
            "Linux subsystem of Windows; registries can be asked, and copied between, here too."
        )


def lock(file: int, *, wait: bool = False) -> bool:
    """Take a file for oneself, by `flock`; False where another has it and is not waited for."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def unlock(file: int) -> None:
    """Let go of it, although a forked child may have the file open too."""
    fcntl.flock(file, fcntl.LOCK_UN)
