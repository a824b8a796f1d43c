"""Log: what was deleted, row by row, whatever ended it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pandas as pd

from regnb.audit.plans.steps import Means, Step
from regnb.frames.build import frame
from regnb.frames.deletion_schemas import DELETIONS

Key = tuple[str, str]
DONE = ("deleted", "gone")
Status = Literal["deleted", "gone", "failed", "skipped", "unknown"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        repository: where.
        reference: tag or digest.
        means: how.
        status: how it ended; ``unknown`` until it has.
        error: what stood in the way, or empty.
        deleted_at: when the registry said that it was done.
    """

    repository: str
    reference: str
    means: Means
    status: Status = "unknown"
    error: str = ""
    deleted_at: datetime | None = None

    @property
    def key(self) -> Key:
        """Repository and reference."""
        return self.repository, self.reference


class Log:
    """One entry a deletion that was begun, in that order; several threads may write it."""

    def __init__(self) -> None:
        """Nothing was begun."""
        self._entries: dict[Key, Entry] = {}
        self._lock = threading.Lock()

    def begin(self, step: Step) -> None:
        """Note that a deletion is about to be asked for."""
        entry = Entry(step.repository, step.reference, step.means)
        with self._lock:
            if not self._is_done(entry.key):
                self._entries[entry.key] = entry

    def end(self, step: Step, status: Status, error: str = "") -> None:
        """Note how it ended. What was done by an earlier call, and so is gone, stays as it is."""
        moment = datetime.now(UTC) if status == "deleted" else None
        entry = Entry(step.repository, step.reference, step.means, status, error, moment)
        with self._lock:
            if status == "deleted" or not self._is_done(entry.key):
                self._entries[entry.key] = entry

    def begun(self) -> set[Key]:
        """Repositories and references whose deletion was asked for, however it ended."""
        return {one.key for one in self.entries() if one.status != "skipped"}

    def entries(self) -> list[Entry]:
        """All of it."""
        with self._lock:
            return [*self._entries.values()]

    def to_frame(self, registry: str) -> pd.DataFrame:
        """One row a deletion that was begun."""
        entries = self.entries()
        columns = {
            "registry": [registry] * len(entries),
            "repository": [one.repository for one in entries],
            "reference": [one.reference for one in entries],
            "means": [one.means for one in entries],
            "status": [one.status for one in entries],
            "error": [one.error or None for one in entries],
            "deleted_at": [one.deleted_at for one in entries],
        }
        return frame(DELETIONS, columns, registry=registry, retrieved=datetime.now(UTC))

    def _is_done(self, key: Key) -> bool:
        return key in self._entries and self._entries[key].status in DONE
