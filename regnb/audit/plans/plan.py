"""DeletionPlan: what would be deleted, and what that frees. Making one deletes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans import tables
from regnb.audit.plans.card import card
from regnb.audit.plans.effect import Effect, Semantics
from regnb.audit.plans.explain import explain
from regnb.audit.plans.selection import select
from regnb.display.card import Card, Shown
from regnb.errors import NotInAuditError, printable
from regnb.walk.inventory import Inventory


@dataclass(frozen=True, eq=False, repr=False)  # no slots: its tables are kept once they are built
class DeletionPlan(Shown):
    """Tags and manifests to delete, and exactly what that frees. Nothing is deleted by making it.

    ``len(plan)`` is how many tags go, and manifests that have no tag.

    Attributes:
        semantics: ``untag``: tags are taken away, manifests stay until garbage is collected;
            ``delete-digest``: the manifests of the tags are deleted, with all of their tags.
        freed: bytes that nothing needs any more once the plan is done and garbage is collected,
            under the policy of the audit. Plans do not add up: two together may free more.
        already_garbage: bytes that were seen and that nothing needed before; apart from `freed`.
        complete: whether `freed` is exact; `warnings` say why it is not.
        warnings: what to know before acting.
        decisions: one row a tag, with the reason, where rules made the plan: see
            `Audit.retention`.
    """

    semantics: Semantics
    freed: int
    already_garbage: int
    complete: bool
    warnings: tuple[str, ...]
    decisions: pd.DataFrame | None
    _levels: Levels = field(repr=False)
    _effect: Effect = field(repr=False)

    @property
    def registry(self) -> str:
        """What tables call the registry."""
        return self._levels.inventory.registry

    @property
    def policy(self) -> str:
        """The name of the policy that says what is in use."""
        return self._levels.policy.name

    def __len__(self) -> int:
        """How many tags go, and manifests that have no tag."""
        return int(self._effect.tags.sum()) + len(self._effect.bare(self._levels))

    @cached_property
    def manifests(self) -> pd.DataFrame:
        """One row a manifest that is deleted or falls out of use, sorted by repository and digest.

        Columns ``registry repository digest media_type kind size is_deleted was_live``.
        """
        return tables.manifests(self._levels, self._effect)

    @cached_property
    def blobs(self) -> pd.DataFrame:
        """One row a blob or manifest that is freed, sorted by digest; the sizes sum to `freed`.

        Columns ``registry digest size is_manifest``.
        """
        return tables.blobs(self._levels, self._effect)

    @cached_property
    def collateral(self) -> pd.DataFrame:
        """One row for each thing that happens beside what was asked for.

        ``lost-tag``: a tag that goes because its manifest is deleted. ``broken-index``: an index
        that stays and loses an entry. ``attachment``: a tag that belongs to a manifest that goes,
        and goes with it (cosign's, and fallback tags of referrers). ``referrer``: a manifest that
        is about one that goes, and goes with it. ``orphan``: one that stays. ``kept-tag``: a tag
        that stays although another tag of its manifest goes: deleting that manifest by digest
        would take it, too.

        Columns ``registry repository kind tag digest cause``.
        """
        return tables.collateral(self._levels, self._effect)

    def to_frame(self) -> pd.DataFrame:
        """One row a tag that goes, then one a manifest without a tag, by repository and name.

        Columns ``registry repository tag kind digest action reason``. ``action`` is ``untag`` or
        ``delete-digest``, ``reason`` is ``selected``, ``same-digest`` or ``attachment``.
        """
        return self._frame.copy(deep=False)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return tables.plan(self._levels, self._effect)

    def explain(self, tag: str) -> pd.DataFrame:
        """Why taking one tag away frees what it frees: the blobs it needs, by who else needs them.

        Blobs with neither ``together`` nor ``kept`` are its own: it frees them alone. Those with
        ``together`` are freed only when those tags of the plan go as well. Those with ``kept``
        stay, for the sake of tags that stay.

        Args:
            tag: ``repository:tag``.

        Returns:
            One row a group of blobs, the largest first. Columns ``registry repository tag size
            blob_count is_freed together_count together kept_count kept``.

        Raises:
            NotInAuditError: the audit has not seen the tag, or could not read it.
        """
        found = select(self._levels, tags=[tag], digests=None, repositories=None, mask=None)
        if found.unread:
            raise NotInAuditError(
                f"{printable(tag)} could not be read: what it needs is not known. Its error is in "
                "the table of tags."
            )
        return explain(self._levels, self._effect, int(np.flatnonzero(found.tags)[0]))

    def card(self) -> Card:
        """What goes, what that frees, what else happens, and what to know."""
        return card(self)


def plan_of(
    levels: Levels,
    tags: Flags,
    *,
    semantics: Semantics = "untag",
    manifests: Flags | None = None,
    warnings: Sequence[str] = (),
    decisions: pd.DataFrame | None = None,
) -> DeletionPlan:
    """The plan that deletes some of what was seen.

    Args:
        levels: what was seen, and what counts as alive.
        tags: a flag for each of `Seen.read`.
        semantics: whether tags are taken away alone.
        manifests: a flag for each place, of manifests that are deleted by digest in any case.
        warnings: what its maker has to say.
        decisions: what rules decided on each tag.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    inventory = levels.inventory
    deleted = np.zeros(len(levels.graph.keys), dtype=bool) if manifests is None else manifests
    effect = Effect.of(levels, asked=tags, deleted=deleted, semantics=semantics)
    return DeletionPlan(
        semantics=semantics,
        freed=int(levels.content.size[effect.blobs].sum()),
        already_garbage=levels.garbage,
        complete=inventory.complete and not inventory.scope,
        warnings=(*_doubts(inventory), *warnings),
        decisions=decisions,
        _levels=levels,
        _effect=effect,
    )


def _doubts(inventory: Inventory) -> list[str]:
    """Why the bytes that a plan frees may not be exact."""
    doubts = []
    if not inventory.complete:
        doubts.append(
            "The audit is not complete, so that the bytes freed are not exact: what it has not "
            "seen may need some of them, or go with them."
        )
    if inventory.scope:
        doubts.append(
            f"Only {printable(inventory.scope, 200)} was audited, so that the bytes freed are not "
            "exact: the rest of the registry may need some of them."
        )
    return doubts
