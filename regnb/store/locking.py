"""Locking: a file for one process or thread at a time, until it lets go of it or dies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from regnb.errors import StorageError
from regnb.store.atomic import is_at, open_private

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


def take(
    path: Path,
    *,
    wait: Callable[[], object] | None = None,
    opened: Callable[[Path], int] = open_private,
) -> int | None:
    """Open a file, and have it to oneself.

    The file itself is locked, and by `flock`: the lock ends with its holder however that dies,
    holds between threads as well, and leaves nothing behind that somebody would have to remove.
    But what was opened may have been finished or removed by the one before, in between: then it is
    another file that has the name now, and that one is meant.

    Args:
        path: of the file; made where it is not there, and its folder as well.
        wait: is called again and again while another has the file, because nothing could end a wait
            inside of `flock` (F10).
        opened: opens the file; by default one that only this account may read.

    Returns:
        The file; None where another has it, and is not waited for.

    Raises:
        OSError: something stands in the way.
    """
    while True:
        file = opened(path)
        try:
            while not (is_ours := lock(file)) and wait is not None:
                wait()
            if is_ours and is_at(path, file):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        if not is_ours:
            return None


def unlock(file: int) -> None:
    """Let go of it, although a forked child may have the file open too."""
    fcntl.flock(file, fcntl.LOCK_UN)
