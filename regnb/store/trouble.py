"""From what went wrong with a file to a sentence that says what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from regnb.errors import DiskFullError, StorageDeniedError, StorageError, printable

Kept = str | Callable[[], str]
"""A sentence on what is still there, or what makes it once it is needed."""

_UNTOUCHED = "What was there before is still there."
# What an error number means: what to raise, why, and what to do.
_MEANINGS: dict[int, tuple[type[StorageError], str, str]] = {
    errno.ENOSPC: (DiskFullError, "no space is left", "Free some, and call again."),
    errno.EDQUOT: (DiskFullError, "the quota is used up", "Free some space, and call again."),
    errno.EACCES: (StorageDeniedError, "permission denied", "Check the permissions of it."),
    errno.EPERM: (StorageDeniedError, "permission denied", "Check the permissions of it."),
    errno.EROFS: (StorageDeniedError, "it is on a read-only file system", "Choose another place."),
    errno.ELOOP: (
        StorageDeniedError,
        "there is a symbolic link in its place, which is not followed",
        "Remove the link.",
    ),
    errno.EFBIG: (
        StorageError,
        "the file system, or a limit of this account, takes no file so large",
        "Choose another place, or have the limit raised.",
    ),
    errno.ENOLCK: (StorageError, "its file system knows no locks", "Choose another place."),
    errno.EXDEV: (
        StorageError,
        "it is on another file system than what is to become it",
        "Let both be in one place.",
    ),
}


def explain(
    error: OSError, path: str | os.PathLike[str], doing: str, *, kept: Kept = _UNTOUCHED
) -> StorageError:
    """What to raise for an `OSError`.

    Args:
        error: that came; a `StorageError` is given back as it is.
        path: of the file or folder that it is about.
        doing: what could not be done to it, such as ``read`` or ``written``.
        kept: what is still there.
    """
    if isinstance(error, StorageError):
        return error
    number = error.errno or 0
    plain = (StorageError, error.strerror or "there is trouble with the file system", "Try again.")
    kind, why, advice = _MEANINGS.get(number, plain)
    shown, still = printable(os.fspath(path)), kept if isinstance(kept, str) else kept()
    found = kind(f"{shown} cannot be {doing}: {why}. {still} {advice}")
    found.errno = number or None
    return found


@contextmanager
def explained(
    path: str | os.PathLike[str], doing: str, *, kept: Kept = _UNTOUCHED
) -> Iterator[None]:
    """Turn what the system says of a file into a `StorageError`; arguments as for `explain`.

    Raises:
        DiskFullError: no space is left, or no more of the quota.
        StorageDeniedError: it is not allowed.
        StorageError: what else stands in the way.
    """
    try:
        yield
    except OSError as error:
        raise explain(error, path, doing, kept=kept) from error
