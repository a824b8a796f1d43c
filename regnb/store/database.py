"""Database: a private SQLite file that may be lost at any time, and is begun anew then."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from regnb.errors import printable

PATIENCE = 5.0
"""Seconds that another process is waited for, which writes to the same file."""

ENDS = ("", "-wal", "-shm")
"""How the names of the files end that belong to one database."""

_PAUSE = 0.01  # seconds
_TOGETHER = 100  # rows; SQLite may have been built for 999 parameters in a statement

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CLOSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
_EFFECTIVE = os.access in os.supports_effective_ids
_PRIMARY = 0xFF


class DamagedError(sqlite3.DatabaseError):
    """What is read from a database cannot have been written to it."""


# The last is a message of SQLite's that quotes a damaged file.
FAILURES = (OSError, sqlite3.Error, UnicodeDecodeError)
"""What is raised where a database cannot be used."""


def open_database(
    path: Path, schema: str, *, patience: float = PATIENCE, alone: bool = False
) -> sqlite3.Connection:
    """Open a database that only this account may read, and make it where it is not there.

    Transactions outlive the process at once, and a power failure costs the last of them and no
    more. Threads may share the connection, one at a time.

    Args:
        path: of the file.
        schema: statements that make its tables where they are missing.
        patience: seconds to wait for a lock.
        alone: keep all others out until it is closed, or the process ends.

    Raises:
        OSError: the file cannot be made.
        sqlite3.Error: it cannot be used. `is_locked` and `is_damaged` tell why.
        UnicodeDecodeError: it is damaged.
    """
    _make(path)
    connection = sqlite3.connect(
        path, timeout=patience, isolation_level=None, check_same_thread=False
    )
    try:
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        # Else SQLite takes for a row what happens to lie in memory after a damaged page.
        connection.execute("PRAGMA cell_size_check = ON")
        _write_ahead(connection, patience)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        with transaction(connection):
            for statement in filter(str.strip, schema.split(";")):
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def open_somehow(path: Path, schema: str, *, patience: float) -> tuple[sqlite3.Connection, bool]:
    """Open a database, and say whether it can be written to; arguments and errors as above."""
    # SQLite itself may tell no sooner than when something is written.
    if not os.path.exists(path) or os.access(path, os.W_OK, effective_ids=_EFFECTIVE):
        try:
            return open_database(path, schema, patience=patience), True
        except sqlite3.Error as error:
            if _code(error) not in _CLOSED:
                raise
    return _open_to_read(path), False


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open a database that may be read and not be written to.

    Where its folder is closed too, SQLite can share it with those that write only while they have
    it open. Else it is read as if nobody did: what was not yet moved into the file is missing, and
    what is read has to be verified.
    """
    place = path.absolute().as_uri()
    for how in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{place}?{how}", uri=True, check_same_thread=False)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            connection.close()
            found: Exception = error
        else:
            return connection
    raise found


def obstacle(path: Path) -> str:
    """Why a database cannot be made there, in a few words; nothing is made."""
    place = next(one for one in path.parents if os.path.exists(one))
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        return reason(error)
    return ""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of what is written in the block, or nothing."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # some failures have rolled back already, or never began
            connection.execute("ROLLBACK")
        raise


def write(
    connection: sqlite3.Connection, statement: str, columns: str, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Run a statement for many rows, some of them at a time.

    Between two runs other threads take their turn, which takes longer than a row does.

    Args:
        connection: in a transaction.
        statement: takes the rows from the table ``given``.
        columns: of that table, by name.
        rows: its cells.
    """
    waiting = iter(rows)
    while some := list(islice(waiting, _TOGETHER)):
        cells = f"({', '.join('?' * len(some[0]))})"
        given = f"WITH given ({columns}) AS (VALUES {', '.join([cells] * len(some))})"
        connection.execute(f"{given} {statement}", list(chain.from_iterable(some)))


def is_damaged(error: BaseException) -> bool:
    """Whether the file is no database, or no whole one."""
    if isinstance(error, DamagedError | UnicodeDecodeError) or _code(error) in _DAMAGED:
        return True
    # Without a code it is Python's own: what should be text is none.
    return isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode")


def is_locked(error: BaseException) -> bool:
    """Whether another process has the file."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def reason(error: BaseException) -> str:
    """What stands in the way, in a few words."""
    if is_locked(error):
        return "another process has it"
    if _code(error) == sqlite3.SQLITE_FULL:
        return "no space is left"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable(error)


def set_aside(path: Path) -> Path:
    """Move a damaged database out of the way, in the place of the one moved before.

    Raises:
        OSError: it cannot be moved.
    """
    aside = path.with_name(f"{path.name}.damaged")
    for end in ENDS[1:]:
        path.with_name(path.name + end).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        path.replace(aside)
    return aside


def databases(folder: Path) -> list[Path]:
    """The databases in a folder, whichever of their files are left; none where there is none."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted({folder / name.removesuffix("-wal").removesuffix("-shm") for name in names})


def written(path: Path) -> list[float]:
    """When the files of a database were last written to, seconds since 1970."""
    times = []
    for end in ENDS:
        with suppress(OSError):
            times.append(path.with_name(path.name + end).stat().st_mtime)
    return times


def remove(path: Path) -> None:
    """Remove a database, whoever still has it open."""
    for end in ENDS:
        with suppress(OSError):
            path.with_name(path.name + end).unlink()


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Let others read while one writes. SQLite itself waits for no lock where it turns that on."""
    latest = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            if not is_locked(error) or time.monotonic() >= latest:
                raise
            time.sleep(_PAUSE)
        else:
            return


def bytes_in_use(connection: sqlite3.Connection) -> int:
    """Bytes of the file that are in use."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY


def _make(path: Path) -> None:
    """Make an empty file, which SQLite takes for a new database, with files beside it alike.

    Only where there is none: to open and close one that is in use would let go of its locks.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
