"""Snapshots: audits side by side in a folder, of several registries and many months.

A snapshot is a folder of its own that appears when it is whole. All that it needs is listed in its
``parts``: its own tables, and the parts of the content that was read.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from regnb.audit.keeping import content
from regnb.audit.keeping.failures import FAILURES, table_of_failures
from regnb.audit.keeping.forms import LOCATED, OF_SNAPSHOT, REPOSITORY_MANIFESTS, UNHELD, Saved
from regnb.audit.keeping.parts import PARTS, intact, read_part, write_part
from regnb.audit.keeping.writing import ranks, table_of, texts
from regnb.audit.kernel.arrays import Flags, Ints
from regnb.errors import NewerAuditError, SavedAuditError, StorageError, printable
from regnb.frames.audit_schemas import AUDIT_SNAPSHOT
from regnb.store.atomic import sync_folder
from regnb.store.locking import need_posix, take, unlock
from regnb.store.trouble import explained
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

Facts = dict[str, Any]
"""The row ``snapshot`` of an audit, and the ``parts`` that it needs."""

SNAPSHOTS = "snapshots"
PART_ROWS = 1_000_000
"""Rows of one part of a snapshot."""

_FACTS = "snapshot"
_UNFINISHED = "unfinished"
_LOCK = ".lock"
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_WAIT = 0.1  # seconds between two looks at a folder that another process writes to


def save(folder: Path, inventory: Inventory, facts: pd.DataFrame) -> None:
    """Write a snapshot, and of the content what the folder has not got yet.

    Args:
        folder: of the data set; made where it is not there.
        inventory: what the walk saw.
        facts: the table ``snapshot`` of its audit.

    Raises:
        DiskFullError: no space is left; what was there before is as it was.
        SavedAuditError: a part of the content that is there is damaged.
        StorageError: what else stands in the way.
    """
    name = str(facts["snapshot_id"].iloc[0])
    place, staged = folder / SNAPSHOTS / name, folder / _UNFINISHED / name
    with alone(folder):
        if _is_whole(folder, name):
            return
        parts = content.append(folder, inventory, name=name)
        parts += [f"{SNAPSHOTS}/{name}/{part}" for part in _write_tables(staged, inventory, name)]
        listed = pa.array([parts], pa.list_(pa.string()))
        row = pa.Table.from_pandas(facts, preserve_index=False).append_column("parts", listed)
        _write(staged, _FACTS, row)
        with explained(place, "put in place"):
            place.parent.mkdir(exist_ok=True)
            for one in (staged, folder / content.FOLDER, folder):
                sync_folder(one)
            if place.exists():
                os.replace(place, staged.with_name(f"{name}.old"))
            os.replace(staged, place)
            sync_folder(place.parent)


def snapshot_ids(folder: Path) -> list[str]:
    """The ids of all snapshots of a folder, the oldest first.

    Raises:
        StorageError: the folder cannot be read.
    """
    place = folder / SNAPSHOTS
    with explained(place, "read"):
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


def saved_snapshots(
    folder: Path, *, on_refused: Callable[[SavedAuditError], object] | None = None
) -> list[Facts]:
    """The facts of all snapshots of a folder, and the ``parts`` of each, in the order of ids.

    Args:
        folder: of the data set.
        on_refused: is called with the error of each that cannot be used, instead of raising it.

    Raises:
        NewerAuditError: a newer version of regnb wrote one of them.
        SavedAuditError: one is damaged.
        StorageError: one cannot be read.
    """
    found = []
    for name in snapshot_ids(folder):
        try:
            found.append(facts_of(folder, name))
        except SavedAuditError as error:
            if on_refused is None:
                raise
            on_refused(error)
    return found


def facts_of(folder: Path, name: str) -> Facts:
    """The facts of one snapshot, and its ``parts``; raises as `saved_snapshots` does."""
    place = f"{SNAPSHOTS}/{name}/{_FACTS}"
    with explained(folder / place, "read"):
        found = sorted(path.name for path in (folder / place).glob(PARTS))
    part = f"{place}/{found[0] if found else PARTS}"
    table = read_part(folder, part, [*AUDIT_SNAPSHOT.columns, "parts"])
    with intact(folder, part):
        row: Facts = table.to_pylist()[0]
        return row


@contextmanager
def alone(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Make a folder where it is not there, and have it to oneself.

    Args:
        folder: that all who write to it ask for in this way.
        wait: for others who have it.

    Raises:
        StorageError: somebody else has it, and is not waited for; or it cannot be opened.
    """
    need_posix()
    with explained(folder, "opened"):
        pause = partial(time.sleep, _WAIT) if wait else None
        file = take(folder / _LOCK, wait=pause, opened=_open_lock)
    if file is None:
        raise StorageError(f"{printable(folder)} is in use by another call. Wait for its end.")
    try:
        shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)  # of one that was killed
        yield
    finally:
        shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
        unlock(file)
        os.close(file)


def _open_lock(path: Path) -> int:
    """Open to others as far as the umask says: a team may share the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, _LOCK_FLAGS, 0o666)


def _is_whole(folder: Path, name: str) -> bool:
    """Whether a snapshot is there with all of its parts."""
    try:
        parts = facts_of(folder, name)["parts"]
    except NewerAuditError:
        raise
    except SavedAuditError:
        return False
    return all((folder / part).exists() for part in parts)


def _write_tables(staged: Path, inventory: Inventory, name: str) -> Iterator[str]:
    """Write the tables of one audit; where, below its folder."""
    read = _Read(inventory)
    rank = {
        form: np.append(ranks(getattr(inventory, form).values), NONE)
        for form in ("repositories", "texts", "digests")
    }
    for saved in OF_SNAPSHOT:
        order = _order(saved, inventory, rank)
        flags = read.flags() if saved is REPOSITORY_MANIFESTS else {}
        for number, start in zip(count(), range(0, max(len(order), 1), PART_ROWS), strict=False):
            rows = order[start : start + PART_ROWS]
            table = table_of(saved, inventory, rows, **{f: flags[f][rows] for f in flags})
            yield _write(staged, saved.name, _of(inventory, name, table), number)
    for own, table in (
        (LOCATED, _marked(inventory, "present", inventory.located.items())),
        (UNHELD, _marked(inventory, "is_config", read.unheld())),
        (FAILURES, table_of_failures(inventory.failures)),
    ):
        yield _write(staged, own, _of(inventory, name, table))


def _marked(inventory: Inventory, mark: str, marked: Iterable[tuple[int, bool]]) -> pa.Table:
    """A table of digests, and a yes or no for each."""
    rows = np.array(list(marked), dtype=np.int64).reshape(-1, 2)
    digests = texts(inventory.digests.values, rows[:, 0])
    return pa.table({"digest": digests, mark: pa.array(rows[:, 1] != 0)})


def _write(place: Path, name: str, table: pa.Table, number: int = 0) -> str:
    with explained(place, "made"):
        (place / name).mkdir(parents=True, exist_ok=True)
    return write_part(place, name, f"{number:04d}", table)


def _of(inventory: Inventory, name: str, table: pa.Table) -> pa.Table:
    """The table with whose it is in front, so that those of many audits are one."""
    same = np.zeros(len(table), dtype=np.int64)
    whose = {"registry": texts([inventory.registry], same), "snapshot_id": texts([name], same)}
    columns = {column: table[column] for column in table.column_names}
    return pa.table(whose | columns)


def _order(saved: Saved, inventory: Inventory, rank: Mapping[str, Ints]) -> Ints:
    """The order of the rows by the texts of the columns that come first."""
    rows = getattr(inventory, saved.rows)
    cells = saved.cells[: saved.sorted_by]
    return np.lexsort([rank[cell.form][rows.column(cell.source)] for cell in reversed(cells)])


class _Read:
    """What was read of each digest, here or elsewhere; the last place stands for NONE."""

    def __init__(self, inventory: Inventory) -> None:
        size = len(inventory.digests) + 1
        documents, self._member = inventory.documents, inventory.members.column("digest")
        self._manifest, self._config = np.zeros((2, size), dtype=bool)
        self._manifest[documents.column("digest")] = True
        self._config[inventory.configs.column("digest")] = True
        self._config_of = np.full(size, NONE)
        self._config_of[documents.column("digest")] = documents.column("config")

    def flags(self) -> dict[str, Flags]:
        """Of each member, whether its manifest and its config were read."""
        return {
            "manifest_read": self._manifest[self._member],
            "config_read": self._config[self._config_of[self._member]],
        }

    def unheld(self) -> Iterator[tuple[int, bool]]:
        """What was read and belongs to no member: its number, and whether it is a config."""
        led = (self._member, self._config_of[self._member])
        for read, codes, is_config in zip(
            (self._manifest, self._config), led, (False, True), strict=True
        ):
            alone = read.copy()
            alone[codes] = False
            yield from ((code, is_config) for code in np.flatnonzero(alone).tolist())
