"""Part: a blob on its way to disk, which outlives whatever breaks (F7)."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from regnb.errors import DigestMismatchError, SizeMismatchError, StorageError, printable
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.store.atomic import is_at, permitted, remove_temporary_files, sync_folder
from regnb.store.hashing import Hashing
from regnb.store.locking import need_posix, take, unlock
from regnb.store.trouble import explain, explained

READ = 512 * 1024
"""Bytes that are read at once when a part is taken up again."""

POLL = 0.1
"""Seconds between two looks at a part that somebody else is filling."""


def remove_parts_folder(folder: Path) -> None:
    """Remove a folder for parts, unless some are in it."""
    with suppress(OSError):
        if not folder.is_symlink():
            remove_temporary_files(folder)
            folder.rmdir()


def pause() -> None:
    """Wait a moment for somebody else."""
    time.sleep(POLL)


class Part:
    """The first bytes of a blob, in a file that only one process or thread has at a time.

    Used as a context manager. On entering, what an earlier attempt has left is hashed, and then
    gone on from. On leaving without `commit`, whatever the reason, the file stays for the next
    attempt, unless nothing is in it.

    Who wants a part that another has waits until it is let go of, be it by the death of the other,
    and then often finds the blob finished: look at `superseded` before anything is asked for.
    """

    def __init__(
        self,
        folder: Path,
        blob: Descriptor,
        target: Path,
        *,
        wait: Callable[[], object] = pause,
    ) -> None:
        """Touch nothing yet.

        Args:
            folder: where parts are kept; made, for this account alone, where it is not there. It
                must be on the file system of `target`.
            blob: digest and size of the whole.
            target: what the part becomes; its folder must be there.
            wait: is called again and again while another has the part. It takes a moment, and may
                raise to give up.

        Raises:
            InvalidDigestError: the blob has no digest that could name a file (S15).
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
            StorageError: the system keeps no files safely enough.
        """
        need_posix()
        self._blob = blob
        self._digest = Digest(blob.digest)  # nothing else ever becomes the name of a file (S15)
        self._file = -1
        self._folder = folder
        self._target = target
        self._hashing = Hashing(self._digest, blob.size)
        self._offset = 0
        self._wait = wait
        self.path = folder / f"{self._digest.algorithm}-{self._digest.encoded}.part"

    def __repr__(self) -> str:
        """Digest and position."""
        return f"<Part of {self._digest.short}, {self.offset:,} of {self._blob.size:,} bytes>"

    def __enter__(self) -> Self:
        """Take the part, waiting for it if need be, and hash what is there.

        Raises:
            StorageDeniedError: it cannot be opened, or is a symbolic link.
            StorageError: what else stands in the way.
        """
        with explained(self.path, "opened"):
            self._file = self._taken()
        try:
            self._take_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the part."""
        self.close()

    @property
    def digest(self) -> Digest:
        """Of the whole blob."""
        return self._digest

    @property
    def offset(self) -> int:
        """Bytes that are there."""
        return self._offset

    @property
    def superseded(self) -> bool:
        """Whether the target is there: another has finished the blob meanwhile.

        What is left of the part is of no more use then; `restart` makes that it is removed.
        """
        return os.path.lexists(self._target)

    def write(self, data: bytes | memoryview) -> None:
        """Add the next bytes, all of them.

        Raises:
            SizeMismatchError: they are more than the blob has; none is added.
            DiskFullError: no space is left. What was there, and what still fitted, is kept.
            StorageError: what else stands in the way.
        """
        piece = memoryview(data)
        if len(piece) > self._left:
            raise self._wrong_size(self.offset + len(piece))
        self._append(piece, self._hashing.take)

    def fill(self, readinto: Callable[[memoryview], int]) -> int:
        """Add the next bytes, which `readinto` puts to the front of a buffer: the fast way.

        They are hashed while the next ones are fetched.

        Args:
            readinto: says how many there were, as the method of files does. It is not given room
                for more than are missing, and is not called where none are.

        Returns:
            The same; 0 at the end.

        Raises:
            DiskFullError: no space is left. What was there, and what still fitted, is kept.
            StorageError: what else stands in the way.
        """
        if not self._left:
            return 0
        room = self._hashing.buffer()[: self._left]
        count = readinto(room)
        self._append(room[:count], self._hashing.hand_over)
        return count

    def _append(self, piece: memoryview, hash_it: Callable[[memoryview], None]) -> None:
        written, full = 0, None
        try:
            while written < len(piece):
                written += os.write(self._file, piece[written:])
        except OSError as error:
            full = error
        # What still fitted on a full disk is there, too.
        self._offset += written
        hash_it(piece[:written])
        if full is not None:
            raise explain(full, self.path, "written", kept=self._kept) from full

    @property
    def _left(self) -> int:
        return self._blob.size - self._offset

    def restart(self) -> None:
        """Throw away what is there.

        Raises:
            StorageError: it cannot be done.
        """
        with explained(self.path, "emptied", kept=self._kept):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        self._offset = 0
        self._hashing.restart()

    def check(self) -> None:
        """Raise unless what is there is the blob; wrong bytes are thrown away at once.

        Raises:
            SizeMismatchError: it has more or fewer bytes, which are kept.
            DigestMismatchError: they are other bytes.
        """
        if self.offset != self._blob.size:
            raise self._wrong_size(self.offset)
        try:
            self._hashing.check()
        except DigestMismatchError:
            self.restart()  # never to be gone on from
            raise

    def commit(self) -> None:
        """Make the part the target, once it has been checked and is safely on disk (W-B1).

        Whatever was in the place of the target is replaced, in one step.

        Raises:
            SizeMismatchError: bytes are missing.
            DigestMismatchError: they are other bytes, which were thrown away.
            StorageError: what else stands in the way. The part is kept.
        """
        self.check()
        with explained(self._target, "written", kept=self._kept):
            os.fchmod(self._file, permitted(self._folder))
            os.fsync(self._file)
            os.replace(self.path, self._target)
            sync_folder(self._target.parent)
        self.close()

    def close(self) -> None:
        """Let go of the part; it stays for the next attempt, unless nothing is in it."""
        if self._file < 0:
            return
        self._hashing.close()
        with suppress(OSError):  # only tidiness
            if not os.fstat(self._file).st_size and is_at(self.path, self._file):
                self.path.unlink()
        self._let_go()

    def _let_go(self) -> None:
        file, self._file = self._file, -1
        with suppress(OSError):
            # Not left to closing: a forked child has the file open too, and with it the lock.
            unlock(file)
        os.close(file)

    def _taken(self) -> int:
        """The file, open and ours alone."""
        file = take(self.path, wait=self._wait)
        assert file is not None  # it was waited for
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        raise StorageError(
            f"{printable(self.path)} is no regular file. Nothing was changed. Remove it."
        )

    def _take_up(self) -> None:
        """Hash what is there; more than the blob can have is worth nothing (F7)."""
        with explained(self.path, "read"):
            if os.fstat(self._file).st_size > self._blob.size:
                self.restart()
            buffer = memoryview(bytearray(READ))
            while count := os.readv(self._file, [buffer]):
                self._hashing.take(buffer[:count])
                self._offset += count

    def _kept(self) -> str:
        return f"The {self.offset:,} bytes that have arrived are kept, to go on from."

    def _wrong_size(self, size: int) -> SizeMismatchError:
        return SizeMismatchError(
            f"{self._digest} comes to {size:,} bytes, where {self._blob.size:,} were promised. "
            "Look at the manifest that names it."
        )
