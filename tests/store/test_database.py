from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from regnb.store import database
from regnb.store.database import open_database, transaction, write

SCHEMA = "CREATE TABLE IF NOT EXISTS t (x)"


class Held:
    """A new database that another connection is about to write to. SQLite does not wait for it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("CREATE TABLE other (x)")
        self._connection.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        self._connection.close()


def test_a_new_database_that_others_open_too_is_waited_for(tmp_path: Path) -> None:
    held = Held(tmp_path / "a.sqlite3")
    later = threading.Timer(0.1, held.close)
    later.start()
    connection = open_database(tmp_path / "a.sqlite3", SCHEMA, patience=30)
    later.join()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_it_is_waited_for_no_longer_than_patience_lasts(tmp_path: Path) -> None:
    held = Held(tmp_path / "a.sqlite3")
    with pytest.raises(sqlite3.OperationalError) as caught:
        open_database(tmp_path / "a.sqlite3", SCHEMA, patience=0.05)
    assert database.is_locked(caught.value)
    held.close()


class Interrupted(sqlite3.Connection):
    """Ctrl-C comes when a transaction has just begun."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        cursor = super().execute(sql, *arguments)
        if sql.startswith("BEGIN"):
            raise KeyboardInterrupt
        return cursor


def test_ctrl_c_leaves_no_transaction_open() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=Interrupted)
    with pytest.raises(KeyboardInterrupt), transaction(connection):
        pass
    assert not connection.in_transaction
    connection.close()


def test_databases_are_found_by_any_of_their_files(tmp_path: Path) -> None:
    for name in ("a.sqlite3", "a.sqlite3-wal", "b.sqlite3-shm"):
        (tmp_path / name).touch()
    found = database.databases(tmp_path)
    assert found == [tmp_path / "a.sqlite3", tmp_path / "b.sqlite3"]
    assert [len(database.written(path)) for path in found] == [2, 1]
    assert database.databases(tmp_path / "absent") == []


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_any_number_of_rows_is_written(count: int) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (x, y)")
        rows = [(number, f"{number}") for number in range(count)]
        write(connection, "INSERT INTO t SELECT x, y FROM given", "x, y", iter(rows))
        assert connection.execute("SELECT x, y FROM t ORDER BY x").fetchall() == rows
