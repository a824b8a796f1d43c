"""Journal: the uploads that are under way, so that another process can go on with them (F8).

One small JSON file for each, in a folder beside the data, and only for as long as it is under way.
It may hold a signed address, so that only its owner can read it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from regnb.core.wire.secret import Secret
from regnb.errors import DiskFullError, StorageDeniedError
from regnb.model.digest import Digest
from regnb.store.locking import take
from regnb.store.trouble import explained

State = Mapping[str, str | int]

MOST = 64 * 1024
"""Bytes of such a file; a larger one is none."""


class Entry:
    """What is remembered of the upload of one blob."""

    def __init__(self, path: Path, file: int) -> None:
        """Use a file that is open, and locked."""
        self._path = path
        self._file = file

    def read(self) -> State | None:
        """The state that was left; None where there is none that can be understood."""
        try:
            found = json.loads(os.pread(self._file, MOST, 0))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        # Whoever holds a state in a variable may be shown in a traceback (S16).
        return {
            name: Secret(value) if isinstance(value, str) else value
            for name, value in found.items()
        }

    def write(self, state: State) -> None:
        """Remember a state.

        Raises:
            DiskFullError: no space is left.
            StorageError: it cannot be written.
        """
        text = Secret(json.dumps(state, indent=1))
        with explained(self._path, "written", kept="What the registry has is kept there."):
            # Not in one step: a state that was cut off is none, and the upload begins anew.
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text.encode(), 0)
            os.fsync(self._file)

    def remove(self) -> None:
        """Forget the upload."""
        with suppress(OSError):  # what is left then is found to be of no use
            os.ftruncate(self._file, 0)


class Journal:
    """The uploads from one place to one repository."""

    def __init__(self, folder: Path, repository_url: str) -> None:
        """Touch nothing yet.

        Args:
            folder: made when it is needed, removed when it is empty again.
            repository_url: where the uploads go; another repository has other uploads.
        """
        self._folder = folder
        self._whose = hashlib.sha256(repository_url.encode()).hexdigest()[:12]

    @contextmanager
    def entry(self, blob: Digest) -> Iterator[Entry | None]:
        """What is remembered of the upload of a blob.

        None while another process is at it, and where nothing may be written or no space is left,
        so that images can be pushed from there all the same.

        Raises:
            StorageError: something else stands in the way of it.
        """
        path = self._path(blob)
        try:
            with explained(path, "opened"):
                file = take(path)
        except (StorageDeniedError, DiskFullError):
            file = None
        if file is None:
            yield None
            return
        try:
            yield Entry(path, file)
        finally:
            self._tidy(path, file)
            os.close(file)

    def forget(self, blob: Digest) -> None:
        """Remove what is remembered of a blob, unless another process is at it.

        Raises:
            StorageError: something stands in the way of it.
        """
        if os.path.lexists(self._path(blob)):
            with self.entry(blob) as entry:
                if entry is not None:
                    entry.remove()

    def _path(self, blob: Digest) -> Path:
        digest = Digest(blob)  # nothing else ever becomes the name of a file (S15)
        return self._folder / f"{digest.algorithm}-{digest.encoded}.{self._whose}.upload.json"

    def _tidy(self, path: Path, file: int) -> None:
        with suppress(OSError):
            if not os.fstat(file).st_size:
                path.unlink()
                self._folder.rmdir()
