"""The card of an audit: totals, what is missing from them, and where the bytes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from regnb.display.card import Card, Section, Table
from regnb.display.text import count, duration, size

if TYPE_CHECKING:
    from regnb.audit.audit import Audit

LARGEST = 10
UNSEEN = (
    "Seen is what the listed tags lead to. The registry's API does not show untagged manifests, "
    "blobs that no manifest names, or unfinished uploads: the disk may hold more."
)
CONFLICT = "of which descriptors disagree on the size; the largest is counted, or what was read."


def card(audit: Audit) -> Card:
    """What there is to see of an audit."""
    if len(audit.errors):
        done = f"no: {count(len(audit.errors), 'error')}"
    else:
        done = "yes" if audit.complete else "no: it was stopped"
    seconds = (audit.finished_at - audit.started_at).total_seconds()
    facts: list[tuple[str, object]] = [
        ("registry", audit.registry),
        ("observed", f"{audit.started_at:%Y-%m-%d %H:%M:%S} UTC, for {duration(seconds)}"),
        ("complete", done),
        ("visibility", audit.visibility),
        ("repositories", f"{len(audit.repositories):,}"),
        ("tags", f"{len(audit.tags):,}"),
    ]
    try:
        return _with_sizes(audit, facts)
    except OverflowError as error:
        return Card("Audit", audit.registry, tuple(facts), _errors(audit), (str(error), UNSEEN))


def _with_sizes(audit: Audit, facts: list[tuple[str, object]]) -> Card:
    total = audit.usage("registry").iloc[0]
    usage = audit.usage("repository")
    blobs = audit.blobs[audit.blobs["live"]]
    stored, conflicts = int(total["stored"]), int(blobs["size_conflict"].sum())
    ratio = usage["stored"].sum() / stored if stored else 1.0
    facts += [
        ("manifests", f"{int(audit.repository_manifests['live'].sum()):,}"),
        ("blobs", f"{len(blobs):,}"),
        ("declared", size(int(total["declared"]))),
        ("stored", size(stored)),
        ("dedup ratio", f"{ratio:.2f} (sum of what repositories need / stored)"),
    ]
    title = f"{audit.registry} {count(len(audit.tags), 'tag')} {size(stored)}"
    largest = Section("largest repositories", _largest(usage), open=True)
    notes = (f"{count(conflicts, 'blob')} {CONFLICT}", UNSEEN) if conflicts else (UNSEEN,)
    return Card("Audit", title, tuple(facts), (largest, *_errors(audit)), notes)


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
