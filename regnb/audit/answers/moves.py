"""Moves: how long tags have named what they name, as earlier audits of the registry saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import Objects, texts
from regnb.walk.inventory import Inventory
from regnb.walk.moments import NO_TIME


@dataclass(frozen=True, slots=True)
class Moves:
    """What earlier audits tell of each tag of some rows of `Inventory.tags`.

    Attributes:
        unmoved_since: the earliest time since when every audit saw it name the same; NO_TIME where
            no audit did.
        moved_after: the latest time at which an audit saw it name something else, or not there;
            NO_TIME where none did.
    """

    unmoved_since: Ints
    moved_after: Ints

    @classmethod
    def of(cls, levels: Levels, row: Ints, earlier: Sequence[Levels]) -> Moves:
        """Go back from audit to audit, as long as a tag stays where it is.

        Raises:
            ValueError: an audit is of another registry, or not earlier.
        """
        unmoved = np.full(len(row), NO_TIME, dtype=np.int64)
        moved, still = unmoved.copy(), np.ones(len(row), dtype=bool)
        now = _named(levels, row)
        for before in sorted(earlier, key=lambda one: one.inventory.finished_at, reverse=True):
            _check(levels, before)
            seen_at, same, gone = _compared(now, before, scope=levels.inventory.scope)
            unmoved[still & same] = seen_at[still & same]
            moved[still & gone] = seen_at[still & gone]
            still &= ~gone
        return cls(unmoved, moved)


def _named(levels: Levels, row: Ints) -> pd.DataFrame:
    inventory, tags = levels.inventory, levels.inventory.tags
    columns: dict[str, Objects] = {
        "repository": texts(inventory.repositories.values, tags.column("repository")[row]),
        "tag": texts(inventory.texts.values, tags.column("tag")[row]),
        "digest": texts(inventory.digests.values, tags.column("digest")[row]),
    }
    return pd.DataFrame(columns)


def _compared(now: pd.DataFrame, before: Levels, *, scope: str) -> tuple[Ints, Flags, Flags]:
    """When each tag was seen before, whether it named the same, and whether it surely did not."""
    inventory, rows = before.inventory, np.arange(len(before.inventory.tags))
    then = _named(before, rows).rename(columns={"digest": "digest_before"})
    then["observed_at"] = inventory.tags.column("observed_at")
    found = now.merge(then, how="left", on=["repository", "tag"])
    # A tag that could not be read then is as good as one that was not looked for.
    there, read = found["observed_at"].notna().to_numpy(), found["digest_before"].notna().to_numpy()
    same = read & (found["digest"] == found["digest_before"]).to_numpy()
    looked = now["repository"].isin(_listed(inventory, scope)).to_numpy()
    begun = int(np.datetime64(inventory.started_at.replace(tzinfo=None), "us").astype(np.int64))
    seen_at = found["observed_at"].fillna(begun).to_numpy(dtype=np.int64)
    return seen_at, same, (read & ~same) | (~there & looked)


def _listed(inventory: Inventory, scope: str) -> list[str]:
    """The repositories of which an audit knows every tag that one of `scope` would."""
    if not inventory.finished or inventory.scope not in {"", scope}:
        return []
    names, words = inventory.repositories.values, inventory.texts.values
    rows = zip(
        inventory.listings.column("repository").tolist(),
        inventory.listings.column("status").tolist(),
        strict=True,
    )
    return [names[home] for home, status in rows if words[status] in {"ok", "empty"}]


def _check(levels: Levels, before: Levels) -> None:
    now, then = levels.inventory, before.inventory
    if then.registry != now.registry:
        raise ValueError(f"since= is an audit of {then.registry}, not of {now.registry}.")
    if then.finished_at > now.started_at:
        began, ended = (f"{at:%Y-%m-%d %H:%M:%S} UTC" for at in (now.started_at, then.finished_at))
        raise ValueError(
            f"since= has to be an earlier audit: one that had ended by {began}, when this one "
            f"began. It ended {ended}."
        )
