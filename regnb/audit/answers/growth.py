"""Growth: what two audits of one registry differ in, to the byte."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from regnb.audit.answers import growth_tables
from regnb.audit.answers.sides import Side, Sides
from regnb.audit.kernel.levels import Levels
from regnb.display.card import Card, Section, Shown, Table
from regnb.display.text import count, size
from regnb.errors import IncomparableAuditsError, printable

SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)  # no slots: its tables are kept once they are built
class Growth(Shown):
    """What came and went between two audits. ``delta == added - removed``, exactly.

    Attributes:
        registry: of both audits.
        stored_before: distinct bytes that the old one saw in use.
        stored_after: those that the new one did.
        added: bytes that the new audit has and the old one had not.
        removed: the reverse.
        unknown_added: those of `added` that may have been there before: a repository that holds
            them could not be read then, or not wholly.
        unknown_removed: those of `removed` that may be there still.
        notes: what stands against taking the numbers as they are; empty where nothing does.
    """

    registry: str
    stored_before: int
    stored_after: int
    added: int
    removed: int
    unknown_added: int
    unknown_removed: int
    notes: tuple[str, ...]
    _sides: Sides

    @property
    def delta(self) -> int:
        """By how many bytes what is stored grew; negative where it shrank."""
        return self.stored_after - self.stored_before

    @property
    def complete(self) -> bool:
        """Whether both audits saw all of what they are compared in."""
        return not (self._sides.old.doubtful.any() or self._sides.new.doubtful.any())

    @cached_property
    def blobs(self) -> pd.DataFrame:
        """One row a blob or manifest that differs, the largest first.

        Columns ``registry digest change size_before size_after``; ``change`` is ``new``, ``gone``,
        ``resized`` (what descriptors say of it is not what they said), or ``unknown``: new or gone,
        as far as was seen, but a repository that needs it could not be read on the other side.
        """
        return growth_tables.blobs(self._sides)

    @cached_property
    def tags(self) -> pd.DataFrame:
        """One row a tag of either audit, sorted by repository and tag.

        Columns ``registry repository tag change digest_before digest_after``; ``change`` is
        ``new``, ``removed``, ``moved``, ``unchanged``, or ``unknown``: it could not be read on one
        side, or its repository could not, or not wholly.
        """
        return growth_tables.tags(self._sides)

    @cached_property
    def repositories(self) -> pd.DataFrame:
        """One row a repository of either audit, those whose fair bytes changed most first.

        Columns ``registry repository change stored_before stored_after added removed fair_before
        fair_after volume_effect sharing_effect``. ``added`` and ``removed`` are bytes that the
        repository itself gained and lost. Its fair bytes change by the sum of two effects:
        ``volume_effect`` is the share of what it gained less that of what it lost,
        ``sharing_effect`` is what it bears more or less of the blobs that it kept, because other
        repositories dropped or took them. Of a repository that is ``unknown`` (not read, or not
        wholly, on a side) these are null.
        """
        return growth_tables.repositories(self._sides)

    def card(self) -> Card:
        """Totals, the repositories that changed most, and what is not known."""
        tags = self.tags["change"].value_counts()
        unknown = self.unknown_added + self.unknown_removed
        facts: list[tuple[str, object]] = [
            ("registry", self.registry),
            ("from", _when(self._sides.old)),
            ("to", _when(self._sides.new)),
            ("stored", f"{size(self.stored_before)} → {size(self.stored_after)}"),
            ("added", size(self.added)),
            ("removed", size(self.removed)),
            *([("of which unknown", size(unknown))] if unknown else []),
            ("tags", ", ".join(f"{number:,} {word}" for word, number in tags.items() if number)),
        ]
        title = f"{self.registry} {'+' if self.delta >= 0 else ''}{size(self.delta)}"
        most = Section("repositories that changed most", _most(self.repositories), open=True)
        return Card("Growth", title, tuple(facts), (most,), self.notes)


def growth(old: Levels, new: Levels) -> Growth:
    """Compare two audits.

    Raises:
        IncomparableAuditsError: they are of different registries, scopes or policies.
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    _check(old, new)
    sides = Sides.of(old, new)
    digest, change = growth_tables.changed(sides)
    by = sides.new.size[digest] - sides.old.size[digest]
    up, down = np.maximum(by, 0), np.maximum(-by, 0)
    unknown = change == growth_tables.UNKNOWN
    return Growth(
        registry=new.inventory.registry,
        stored_before=sides.old.stored,
        stored_after=sides.new.stored,
        added=int(up.sum()),
        removed=int(down.sum()),
        unknown_added=int(up[unknown].sum()),
        unknown_removed=int(down[unknown].sum()),
        notes=_notes(sides),
        _sides=sides,
    )


def _when(side: Side) -> str:
    return f"{side.levels.inventory.started_at:%Y-%m-%d %H:%M:%S} UTC"


def _most(repositories: pd.DataFrame) -> Table:
    effects = repositories[["volume_effect", "sharing_effect"]]
    shown = repositories[(repositories["change"] != "kept") | (effects != 0).any(axis=1)].head(
        SHOWN
    )
    by = [
        ["?" if np.isnan(one) else size(round(one)) for one in shown[name].tolist()]
        for name in effects
    ]
    columns = ("repository", "change", "by volume", "by sharing")
    rows = tuple(zip(shown["repository"], shown["change"], *by, strict=True))
    return Table(columns, rows, right=frozenset({2, 3}))


def _check(old: Levels, new: Levels) -> None:
    for what, one, other in (
        ("registries", old.inventory.registry, new.inventory.registry),
        ("scopes", old.inventory.scope or "all", new.inventory.scope or "all"),
        ("policies", old.policy.name, new.policy.name),
    ):
        if one != other:
            raise IncomparableAuditsError(
                f"The audits are of different {what}: {printable(one, 80)!r} and "
                f"{printable(other, 80)!r}. Compare audits that asked for the same"
                + (": see with_policy()." if what == "policies" else ".")
            )
    if old.policy != new.policy:
        raise IncomparableAuditsError(
            f"The audits are under two policies of the name {printable(new.policy.name, 80)!r}."
        )


def _notes(sides: Sides) -> tuple[str, ...]:
    notes = []
    for name, side in (("old", sides.old), ("new", sides.new)):
        inventory = side.levels.inventory
        if not inventory.finished:
            notes.append(f"The {name} audit was stopped: what it lacks may have been there.")
        elif doubtful := int((side.doubtful & side.listed).sum()):
            repositories = count(doubtful, "repository", "repositories")
            notes.append(
                f"The {name} audit could not read {repositories}, or not wholly: what changed "
                "there is unknown, and how what it shares is divided is not exact."
            )
        elif side.doubtful.any():
            notes.append(f"The {name} audit could not list all repositories.")
    if sides.old.levels.inventory.started_at > sides.new.levels.inventory.started_at:
        notes.append(
            "The old audit began after the new one: you may have them the wrong way round."
        )
    return tuple(notes)
