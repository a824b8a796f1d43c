"""The card of a plan: what goes, what that frees, and what else happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from regnb.display.card import Card, Section, Table
from regnb.display.text import count, short_digest, size

if TYPE_CHECKING:
    from regnb.audit.plans.plan import DeletionPlan

SHOWN = 10
GOES = ("repository", "tag", "digest", "action", "reason")
BESIDE = ("repository", "kind", "tag", "digest", "cause")
DIGESTS = ("digest", "cause")


def card(plan: DeletionPlan, *, held: int) -> Card:
    """What there is to see of a plan; `held`: tags that go, and whose manifests have to stay."""
    frame, collateral = plan.to_frame(), plan.collateral
    mark = "" if plan.complete else " (not exact)"
    facts: list[tuple[str, object]] = [
        ("registry", plan.registry),
        ("policy", plan.policy),
        ("semantics", plan.semantics),
        ("tags", f"{int(frame['tag'].notna().sum()):,}"),
        ("manifests out of use", f"{len(plan.manifests):,}"),
        ("frees", size(plan.freed) + mark),
        ("already garbage", f"{size(plan.already_garbage)}, which is not part of it"),
    ]
    sections = []
    if len(frame):
        title = f"what goes ({len(frame):,}; all of it in .to_frame())"
        sections.append(Section(title, _table(frame, GOES), open=True))
    if len(collateral):
        title = f"what else happens ({len(collateral):,}; all of it in .collateral)"
        sections.append(Section(title, _table(collateral, BESIDE)))
    return Card(
        "DeletionPlan",
        f"{count(len(frame), 'deletion')}, frees {size(plan.freed)}{mark}",
        tuple(facts),
        tuple(sections),
        (*plan.warnings, *([_refusal(held)] if held else [])),
    )


def _refusal(held: int) -> str:
    return (
        "A registry that takes no tags away (docker-registry 2.8) refuses to execute this: what "
        f"stays needs the manifests of {count(held, 'tag')}; see rows kept-tag, kept-by-index and "
        "kept-by-subject in .collateral."
    )


def _table(frame: pd.DataFrame, columns: tuple[str, ...]) -> Table:
    shown = frame.head(SHOWN)
    cells = [shown[name].astype(object).where(shown[name].notna(), "") for name in columns]
    cells = [one.map(short_digest) if one.name in DIGESTS else one for one in cells]
    return Table(columns, tuple(zip(*cells, strict=True)))
