"""The card of an audit: totals, what is missing from them, and where the bytes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from regnb.audit.kernel.levels import Levels
from regnb.display.card import Card, Section, Table
from regnb.display.text import count, duration, size
from regnb.walk.inventory import Inventory

if TYPE_CHECKING:
    from regnb.audit.audit import Audit

LARGEST = 10
UNSEEN = (
    "Seen is what the listed tags lead to. The registry's API does not show untagged manifests, "
    "blobs that no manifest names, or unfinished uploads: the disk may hold more."
)
SETTLED = (
    "of which a descriptor states a wrong size; what was read or the registry said is counted."
)
UNSETTLED = (
    "of which descriptors disagree on the size; the largest is counted: totals are not exact."
)


def card(audit: Audit, levels: Levels) -> Card:
    """What there is to see of an audit. No table of many rows is built for it."""
    seconds = (audit.finished_at - audit.started_at).total_seconds()
    inventory = levels.inventory
    facts: list[tuple[str, object]] = [
        ("registry", audit.registry),
        ("observed", f"{audit.started_at:%Y-%m-%d %H:%M:%S} UTC, for {duration(seconds)}"),
        ("scope", inventory.scope or "all repositories and tags"),
        ("complete", _completeness(inventory)),
        ("visibility", audit.visibility),
        ("policy", audit.policy.name),
        ("repositories", f"{len(audit.repositories):,}"),
        ("tags", f"{len(inventory.tags):,}"),
    ]
    try:
        return _with_sizes(audit, levels, facts)
    except OverflowError as error:
        return Card("Audit", audit.registry, tuple(facts), _errors(audit), (str(error), UNSEEN))


def _completeness(inventory: Inventory) -> str:
    """Whether everything was read; if not, all that stood in the way."""
    why = [f"it was stopped ({inventory.stopped or 'interrupted'})"] * (not inventory.finished)
    if inventory.failures:
        why.append(count(len(inventory.failures), "error"))
    return f"no: {', '.join(why)}" if why else "yes"


def _with_sizes(audit: Audit, levels: Levels, facts: list[tuple[str, object]]) -> Card:
    total, usage = audit.usage("registry").iloc[0], audit.usage("repository")
    stored = int(total["stored"])
    ratio = usage["stored"].sum() / stored if stored else 1.0
    facts += [
        ("manifests", f"{len(levels.live):,}"),
        ("blobs", f"{np.count_nonzero(levels.live_blobs):,}"),
        ("declared", size(int(total["declared"]))),
        ("stored", size(stored)),
        ("already garbage", f"{size(levels.garbage)} of what was seen"),
        ("dedup ratio", f"{ratio:.2f} (sum of what repositories need / stored)"),
    ]
    mark = "" if audit.complete else " (not complete)"
    title = f"{audit.registry} {count(len(levels.inventory.tags), 'tag')} {size(stored)}{mark}"
    largest = Section("largest repositories", _largest(usage), open=True)
    return Card("Audit", title, tuple(facts), (largest, *_errors(audit)), _notes(levels))


def _notes(levels: Levels) -> tuple[str, ...]:
    """What to know of the totals."""
    content, live = levels.content, levels.live_blobs
    wrong = ((content.unsettled, UNSETTLED), (content.size_conflict & ~content.unsettled, SETTLED))
    counted = [(int(np.count_nonzero(flags & live)), note) for flags, note in wrong]
    return (*(f"{count(number, 'blob')} {note}" for number, note in counted if number), UNSEEN)


def _largest(usage: pd.DataFrame) -> Table:
    shown = usage.head(LARGEST)
    amounts = [
        [size(int(amount)) for amount in shown[name]] for name in ("stored", "exclusive", "fair")
    ]
    percent = [f"{value:.1f} %" for value in shown["percent"]]
    rows = tuple(zip(shown["repository"], *amounts, percent, strict=True))
    columns = ("repository", "stored", "exclusive", "fair", "of all")
    return Table(columns, rows, right=frozenset({1, 2, 3, 4}))


def _errors(audit: Audit) -> tuple[Section, ...]:
    if not len(audit.errors):
        return ()
    shown = audit.errors.head(LARGEST).fillna({"repository": "", "reference": ""})
    names = ("stage", "repository", "reference", "code", "message")
    rows = tuple(zip(*(shown[name] for name in names), strict=True))
    title = f"errors ({len(audit.errors):,}; all of them in .errors)"
    return (Section(title, Table(names, rows)),)
