"""Audit: what a walk found, as tables and answers. Nothing here asks a registry."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pandas as pd

from regnb.audit import overview
from regnb.audit.answers.contents import Contents
from regnb.audit.answers.sizes import Sizes
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.policy import OCI, LivenessPolicy, policy_of
from regnb.audit.kernel.seen import Seen
from regnb.audit.parquet import need_parquet
from regnb.audit.plans.face import Plans
from regnb.audit.tables.face import Tables
from regnb.audit.tables.tables import VISIBILITY
from regnb.display.card import Card, Shown
from regnb.interfaces import Registry


class Audit(Tables, Sizes, Contents, Plans, Shown):
    """The storage of one registry, as far as its tags lead to it.

    The tables are plain DataFrames, built when they are first asked for; sizes are bytes.

    Attributes:
        registry: what tables call it.
        started_at: when the walk began, UTC. An audit is a window of time, not an instant.
        finished_at: when it ended or was stopped, UTC.
        complete: whether it came to its end and everything could be read.
        policy: what counts as alive.
        visibility: ``tagged-closure``: what tags lead to, and no more, can be seen this way.
    """

    visibility = VISIBILITY

    def __init__(
        self, seen: Seen, *, policy: LivenessPolicy = OCI, service: Registry | None = None
    ) -> None:
        """Take what a walk has seen; compute nothing yet.

        Args:
            seen: what a walk saw.
            policy: what counts as alive.
            service: whom plans are carried out on; None where it is not known any more.
        """
        inventory = seen.inventory
        self.registry = inventory.registry
        self.started_at: datetime = inventory.started_at
        self.finished_at: datetime = inventory.finished_at
        self.complete: bool = inventory.complete
        self.policy = policy
        self._levels = Levels(seen, policy)
        self._service = service
        self._usage: dict[object, pd.DataFrame] = {}

    def with_policy(self, policy: str | LivenessPolicy) -> Audit:
        """The same audit under another view of what is alive; no request.

        Args:
            policy: a `LivenessPolicy`, or the name of one: ``oci`` (the default), ``tagged-only``,
                ``distribution-3``, ``distribution-2.8``, ``distribution-keep-untagged``, ``zot``.

        Raises:
            ValueError: there is no policy of that name.
        """
        return Audit(self._levels.seen, policy=policy_of(policy), service=self._service)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save the audit into a folder of Parquet files, beside those that are there; no request.

        A folder holds audits of many months and several registries. What manifests and configs
        say is kept once for all of them, by digest, so that a month costs little more than its
        tags. `load_audit` gives the audit back; DuckDB, polars and dask read the files as they are.
        Saving an audit again changes nothing: its policy, too, stays the one that it was first
        saved with. A save that is interrupted leaves what was there before.
        Needs ``pip install 'regnb[parquet]'``.

        Args:
            folder: made where it is not there. Several processes may save into it at once.

        Raises:
            MissingExtraError: pyarrow is not installed.
            DiskFullError: no space is left; what was there before is still there.
            SavedAuditError: what is in the folder is damaged; the message names the file.
            StorageError: what else stands in the way.
        """
        need_parquet()
        from regnb.audit.keeping.snapshots import save  # noqa: PLC0415 - it imports pyarrow

        save(Path(folder), self._levels.inventory, self.snapshot)

    def card(self) -> Card:
        """Totals, completeness, what cannot be seen, the largest repositories, the errors."""
        return overview.card(self, self._levels)
