"""Journal: the answers that a walk has had, on disk until it is finished.

Whatever ends a walk, the next one for the same asks for nothing that stands here. It holds what a
registry said of its repositories; manifests and configs themselves are in the cache, by digest.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnb import errors
from regnb.errors import RegistryError, RegnbError
from regnb.store import database
from regnb.walk.moments import microseconds

FOLDER = "walks"
"""Where journals lie, in the folder of the cache."""

DAY = 24 * 3600 * 1_000_000
"""Microseconds; a journal that was last written to longer ago is begun anew."""

KEPT = 7 * 24 * 3600
"""Seconds after which a journal that nobody came back for is removed."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS walk (started INTEGER NOT NULL, written INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    kind TEXT NOT NULL, repository TEXT NOT NULL, reference TEXT NOT NULL,
    at INTEGER NOT NULL, answer TEXT NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (kind, repository, reference)) WITHOUT ROWID;
"""

_COLUMNS = "kind, repository, reference, at, answer, checksum"
_ADD_ANSWERS = f"INSERT OR REPLACE INTO answers ({_COLUMNS}) SELECT * FROM given"

Key = tuple[str, str, str]
"""What was asked, of which repository, and for what: a tag, a digest or nothing."""

# What stays as it is when it is asked for again: the others are.
_FINAL = (errors.NotFoundError, errors.InvalidDocumentError, errors.InvalidDigestError,
          errors.VerificationError, errors.BodyTooLargeError)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry said.

    Attributes:
        value: that can be written as JSON.
        at: when, in microseconds since 1970; None for just now.
    """

    value: Any
    at: int | None = None


class Journal:
    """The answers of one walk. Threads share it.

    Attributes:
        started: when the walk began, in microseconds since 1970.
        latest: when it was last written to.
        resumed: whether there are answers of an earlier call.
        trouble: why it cannot be used, or was begun anew; empty where all is well.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        resume: bool = True,
        now: Callable[[], int] = microseconds,
    ) -> None:
        """Open the journal of a walk, or begin one.

        Where another process is at the same walk, this one goes without.

        Args:
            path: of the file; without one nothing is kept.
            resume: go on with what an earlier call left.
            now: tells microseconds since 1970.
        """
        self.path = path
        self.trouble = ""
        self.resumed = False
        self.started = self.latest = now()
        self._now = now
        self._file = threading.RLock()  # whoever has the connection
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()  # whoever changes what waits; never held for the file
        self._waiting: dict[Key, tuple[int, str]] = {}
        self._leaving: dict[Key, tuple[int, str]] = {}  # what is being written
        if path is not None:
            _remove_forgotten(path.parent)
            self._open(path, resume=resume)

    def recall(self, key: Key) -> Answer | None:
        """What an earlier call was answered; None where it was not.

        Raises:
            RegnbError: that is how the earlier call ended.
        """
        if not self.resumed:
            return None
        # What is damaged may come as another type.
        query = (
            "SELECT CAST(at AS INTEGER), CAST(answer AS BLOB), checksum FROM answers "
            "WHERE kind = ? AND repository = ? AND reference = ?"
        )
        found = self._use(lambda it: it.execute(query, key).fetchone())
        if found is None:
            return None
        at, answer, checksum = found
        if answer is None or checksum != _checksum(key, at, answer):
            return None
        value = json.loads(answer)
        if isinstance(value, dict):
            raise _restored(value)
        return Answer(value, at)

    def note(self, key: Key, value: Any) -> None:
        """Keep an answer; it is written by the next `flush`."""
        if self._connection is not None:
            text = json.dumps(value)
            with self._lock:
                self._waiting[key] = (self._now(), text)

    def note_failure(self, key: Key, error: RegnbError) -> None:
        """Keep how a question ended, if it would end so again."""
        if isinstance(error, _FINAL) and getattr(error, "partial", None) is None:
            facts: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
            if isinstance(error, RegistryError):
                facts |= {"status": error.status, "code": error.code}
            self.note(key, facts)

    def flush(self) -> None:
        """Write what was noted, in one transaction; other threads note more meanwhile."""
        with self._file:
            with self._lock:
                self._leaving |= self._waiting  # there is some already where Ctrl-C came
                self._waiting = {}
            if self._leaving:
                self._use(self._write)
                self._leaving = {}

    def close(self, *, finished: bool) -> None:
        """Let go of the file; a walk that is finished needs it no more."""
        with self._file:
            try:
                if not finished:
                    self.flush()
            finally:
                connection, self._connection = self._connection, None
                if connection is not None and self.path is not None:
                    if finished:
                        database.remove(self.path)  # before another can open it
                    connection.close()

    def _open(self, path: Path, *, resume: bool) -> None:
        for _ in range(2):
            try:
                self._connection = database.open_database(path, _SCHEMA, patience=0, alone=True)
                self._begin(self._connection, resume=resume)
            except database.FAILURES as error:
                self._give_up(error)
                if not database.is_damaged(error):
                    return
            else:
                return

    def _begin(self, connection: sqlite3.Connection, *, resume: bool) -> None:
        """Take what an earlier call left for one's own, or start afresh."""
        query = "SELECT CAST(started AS INTEGER), CAST(written AS INTEGER) FROM walk"
        row = connection.execute(query).fetchone()
        if row is not None and None in row:
            raise database.DamagedError("it does not say when it was written")
        # A clock that was set back a little makes nothing old.
        if row is not None and resume and abs(self._now() - row[1]) < DAY:
            self.started, self.latest = row
            self.resumed = True
            return
        with database.transaction(connection):
            connection.execute("DELETE FROM walk")
            connection.execute("DELETE FROM answers")
            connection.execute("INSERT INTO walk VALUES (?, ?)", (self.started, self.started))

    def _write(self, connection: sqlite3.Connection) -> None:
        rows = [
            (*key, at, text, _checksum(key, at, text.encode()))
            for key, (at, text) in self._leaving.items()
        ]
        with database.transaction(connection):
            database.write(connection, _ADD_ANSWERS, _COLUMNS, rows)
            connection.execute("UPDATE walk SET written = ?", (self._now(),))

    def _use(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        with self._file:
            if self._connection is None:
                return None
            try:
                return work(self._connection)
            except database.FAILURES as error:
                self._give_up(error)
                return None

    def _give_up(self, error: Exception) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if database.is_locked(error):
            return  # another process is at the same walk
        if self.path is None:
            return
        self.trouble = (
            f"What a walk is answered is not kept in {self.path.parent}: {database.reason(error)}. "
            "If it is interrupted, the next begins anew."
        )
        if database.is_damaged(error):
            with suppress(OSError):
                aside = database.set_aside(self.path)
                self.trouble = (
                    "What an interrupted walk had been answered is damaged, and is asked for "
                    f"again; the file is now {aside}."
                )


def journal_path(folder: Path, *identity: object) -> Path:
    """The file for a walk that is told from others by `identity`, in the folder of the cache."""
    text = json.dumps(identity, default=str)
    return folder / FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.sqlite3"


def _restored(facts: dict[str, Any]) -> RegnbError:
    """The error that was noted."""
    kind: type[RegnbError] = getattr(errors, facts["kind"])
    message = facts.pop("message")
    return kind(message, **{name: facts[name] for name in ("status", "code") if name in facts})


def _checksum(key: Key, at: int | None, answer: bytes) -> int:
    return zlib.crc32(answer, zlib.crc32(f"{key} {at}".encode()))


def _remove_forgotten(folder: Path) -> None:
    now = time.time()
    for path in database.databases(folder):
        if all(abs(now - written) > KEPT for written in database.written(path)):
            database.remove(path)
