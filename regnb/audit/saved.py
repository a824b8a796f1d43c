"""Saved: the audits of a folder, and one of them as it was. pyarrow is imported by its users."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import LivenessPolicy
from regnb.audit.kernel.seen import Seen
from regnb.audit.parquet import need_parquet
from regnb.errors import AuditUnknownError, SavedAuditError, SavedAuditWarning, printable
from regnb.frames.audit_schemas import AUDIT_SNAPSHOT
from regnb.frames.build import frame
from regnb.walk.inventory import Inventory

SHOWN = 12
"""Audits that a message lists."""


def list_audits(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """The audits that were saved into a folder, the oldest first; no request.

    Needs ``pip install 'regnb[parquet]'``.

    Returns:
        Their tables ``snapshot``, one below the other; no rows where none was saved.

    Warns:
        SavedAuditWarning: one of them is damaged, or was saved by a newer version of regnb; the
            others are listed, and can be loaded by their ``snapshot_id``.

    Raises:
        AuditUnknownError: there is no such folder.
        MissingExtraError: pyarrow is not installed.
        StorageError: the folder cannot be read.
    """
    rows = _rows(Path(folder), on_refused=_warn)
    columns = {name: [row[name] for row in rows] for name in AUDIT_SNAPSHOT.columns}
    return frame(AUDIT_SNAPSHOT, columns, registry="", retrieved=datetime.now(UTC))


def load_audit(
    folder: str | os.PathLike[str],
    registry: str | None = None,
    at: str | datetime | None = None,
) -> Audit:
    """An audit that `Audit.save` wrote, with every table and answer that it had; no request.

    Needs ``pip install 'regnb[parquet]'``.

    Args:
        folder: that it was saved into.
        registry: as tables call it; by default any.
        at: the newest that began by then is meant, by default the newest of all. A text names a
            time (``2026-11-26 12:00``), a day or a month, to its end; or it is a ``snapshot_id``
            of `list_audits`, which is found whatever became of the others. Times are UTC, unless a
            `datetime` says otherwise.

    Raises:
        AuditUnknownError: the folder holds no such audit; the message says which it holds.
        MissingExtraError: pyarrow is not installed.
        NewerAuditError: a newer version of regnb saved it, or one that may be the one meant.
        SavedAuditError: that is damaged, or a file is missing; the message names it.
        StorageError: a file cannot be read.
        ValueError: `at` is no time.
    """
    place = Path(folder)
    row = _named(place, at) or _chosen(place, _rows(place), registry, at)
    from regnb.audit.keeping.loading import Loading  # noqa: PLC0415 - it imports pyarrow

    loading = Loading(_empty(row))
    loading.add(place, row["parts"])
    inventory = loading.finish(
        started=row["started_at"], stopped=row["finished_at"], finished=row["finished"]
    )
    return Audit(Seen(inventory), policy=LivenessPolicy(**json.loads(row["policy"])))


def _warn(error: SavedAuditError) -> None:
    warnings.warn(str(error), SavedAuditWarning, stacklevel=5)


def _named(folder: Path, at: str | datetime | None) -> dict[str, Any] | None:
    """The audit whose id is `at`, if there is one."""
    need_parquet()
    from regnb.audit.keeping.snapshots import facts_of, snapshot_ids  # noqa: PLC0415 - as above

    return facts_of(folder, str(at)) if at in snapshot_ids(folder) else None


def _rows(
    folder: Path, *, on_refused: Callable[[SavedAuditError], object] | None = None
) -> list[dict[str, Any]]:
    need_parquet()
    if not folder.is_dir():
        raise AuditUnknownError(f"{printable(folder)} is no folder, and holds no audit.")
    from regnb.audit.keeping.snapshots import saved_snapshots  # noqa: PLC0415 - as above

    # An audit that went on with one that was stopped began when that did.
    order = ("started_at", "finished_at", "snapshot_id")
    return sorted(
        saved_snapshots(folder, on_refused=on_refused),
        key=lambda row: [row[name] for name in order],
    )


def _chosen(
    folder: Path, rows: Sequence[dict[str, Any]], registry: str | None, at: str | datetime | None
) -> dict[str, Any]:
    mine = [row for row in rows if registry in {None, row["registry"]}]
    end = None if at is None else _end(at)
    found = [row for row in mine if end is None or row["started_at"] <= end]
    if not found:
        raise AuditUnknownError(_unknown(folder, rows))
    return found[-1]


def _end(at: str | datetime) -> datetime:
    """The end of what `at` names, UTC."""
    if isinstance(at, datetime):
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    try:
        return pd.Period(at).end_time.tz_localize(UTC).to_pydatetime(warn=False)
    except ValueError:
        raise ValueError(
            f"at={printable(at, 80)!r} is no time such as '2026-11' or '2026-11-26 12:00', and no "
            "snapshot_id of regnb.list_audits(folder)."
        ) from None


def _unknown(folder: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [
        f"{printable(row['registry'], 80)} at {row['started_at']:%Y-%m-%d %H:%M:%S}"
        for row in rows[-SHOWN:]
    ]
    held = f"The last that it holds: {', '.join(shown)}." if shown else "It holds none at all."
    return f"{printable(folder)} holds no such audit. {held}"


def _empty(row: Mapping[str, Any]) -> Inventory:
    inventory = Inventory(row["registry"], url=row["url"])
    inventory.scope, inventory.stopped = row["scope"], row["stopped"]
    return inventory
