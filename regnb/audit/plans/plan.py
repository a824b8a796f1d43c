"""DeletionPlan: what would be deleted, and what that frees. Making one deletes nothing."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans import tables
from regnb.audit.plans.card import card
from regnb.audit.plans.collateral import broken_indexes
from regnb.audit.plans.effect import Effect, Semantics
from regnb.audit.plans.execute import execute
from regnb.audit.plans.explain import explain
from regnb.audit.plans.log import Log
from regnb.audit.plans.owner import Connected, registry_of
from regnb.audit.plans.selection import select
from regnb.display.card import Card, Shown
from regnb.display.text import count
from regnb.errors import ConfirmationError, DeletionError, NotInAuditError, printable
from regnb.interfaces import Registry
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
    _levels: Levels
    _effect: Effect
    _service: Registry | None
    _log: Log = field(default_factory=Log)

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
        would take it, too. ``kept-by-index``: a tag that goes, and whose manifest an index that
        stays lists (``cause``). ``kept-by-subject``: one whose manifest is about one that stays.
        A plan with any of the last three is not executed where the registry takes no tags away.

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

    @property
    def log(self) -> pd.DataFrame:
        """One row a deletion that `execute` began, in that order.

        Columns ``registry repository reference means status error deleted_at``. ``status`` is
        ``deleted``; ``gone``: it was no longer there; ``failed``; ``skipped``: an index that lists
        it could not be deleted; or ``unknown``: the call ended before the answer came.
        """
        return self._log.to_frame(self.registry)

    def execute(
        self, *, confirm: int, client: Connected | None = None, progress: bool | None = None
    ) -> pd.DataFrame:
        """Delete what the plan says. Nothing else ever deletes anything of an audit.

        First everything is looked at once more, and nothing is deleted if any of it moved or
        vanished. Then tags are taken away where the registry does that; where it does not, their
        manifests are deleted by digest if that takes nothing that stays. What points to another
        manifest goes before it. A deletion that fails leaves the others; what stands in the way of
        all of them ends the call. An interrupted call leaves its rows in `log`. Calling it again
        goes on: what this plan has deleted counts as done.

        The space is free once the registry has collected its garbage.

        Costs one request for each tag that goes, and for each manifest without a tag; one to learn
        whether the registry takes tags away; one for each deletion of a tag, two for one of a
        manifest, and up to three more where it has a subject. In repositories where manifests are
        deleted, one for each page of tags and one for each other tag, since those must not be lost;
        for a tag that came since, one for each manifest that it leads to, and if these are more
        than 1,000 nothing is deleted.

        Args:
            confirm: ``len(plan)``, how many tags and manifests without a tag go.
            client: the registry, for an audit that was loaded from a folder.
            progress: show bars; by default as `set_options` and the environment say.

        Returns:
            `log`.

        Raises:
            ConfirmationError: `confirm` is another number, or none at all, such as True; the
                message tells which it has to be.
            OtherRegistryError: no registry is known, or it is not that of the audit.
            ReadOnlyError: the audit is of images on disk.
            PlanOutdatedError: something moved, vanished, or needs what goes; nothing was deleted.
            UntagUnsupportedError: the registry does not take tags away, and their manifests cannot
                be deleted without taking more; nothing was deleted.
            DeletionDisabledError: the registry deletes nothing.
            DeletionError: some of it could not be deleted; its ``log`` says what and why.
            RegistryError: what stood in the way of all of it, before anything was deleted.
            KeyboardInterrupt: what was done is in `log`.
        """
        if not _is_number(confirm, len(self)):
            raise ConfirmationError(
                f"The plan deletes {count(len(self), 'tag or manifest', 'tags and manifests')}: "
                f"look at plan.to_frame(), then call execute(confirm={len(self)})."
            )
        registry = registry_of(self._levels.inventory, self._service, client)
        try:
            execute(self._levels, self._effect, registry=registry, log=self._log, progress=progress)
        except DeletionError as error:
            error.log = self.log
            raise
        return self.log

    def card(self) -> Card:
        """What goes, what that frees, what else happens, and what to know."""
        return card(self, held=len(self._effect.held(self._levels)))


def plan_of(
    levels: Levels,
    tags: Flags,
    *,
    semantics: Semantics = "untag",
    manifests: Flags | None = None,
    warnings: Sequence[str] = (),
    decisions: pd.DataFrame | None = None,
    service: Registry | None = None,
) -> DeletionPlan:
    """The plan that deletes some of what was seen.

    Args:
        levels: what was seen, and what counts as alive.
        tags: a flag for each of `Seen.read`.
        semantics: whether tags are taken away alone.
        manifests: a flag for each place, of manifests that are deleted by digest in any case.
        warnings: what its maker has to say.
        decisions: what rules decided on each tag.
        service: the registry that it can be carried out on, if it is known.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    inventory = levels.inventory
    deleted = np.zeros(len(levels.graph.keys), dtype=bool) if manifests is None else manifests
    effect = Effect.of(levels, asked=tags, deleted=deleted, semantics=semantics)
    unsettled = int(np.count_nonzero(levels.content.unsettled & effect.blobs))
    return DeletionPlan(
        semantics=semantics,
        freed=int(levels.content.size[effect.blobs].sum()),
        already_garbage=levels.garbage,
        complete=inventory.complete and not inventory.scope and not unsettled,
        warnings=(*_doubts(inventory, unsettled), *_breaks(levels, effect), *warnings),
        decisions=decisions,
        _levels=levels,
        _effect=effect,
        _service=service,
    )


def _is_number(given: object, number: int) -> bool:
    """Whether a whole number is meant, and it is this one; True means no number."""
    try:
        return not isinstance(given, bool) and operator.index(given) == number  # type: ignore[arg-type] # may be anything
    except TypeError:
        return False


def _breaks(levels: Levels, effect: Effect) -> list[str]:
    """That indexes lose entries, if any do."""
    broken = len(np.unique(broken_indexes(levels, effect).place)) if effect.deleted.any() else 0
    if not broken:
        return []
    loses = "that stays loses" if broken == 1 else "that stay lose"
    return [f"{count(broken, 'index', 'indexes')} {loses} an entry, and cannot be pulled whole."]


def _doubts(inventory: Inventory, unsettled: int) -> list[str]:
    """Why the bytes that a plan frees may not be exact; of how many blobs the size is in doubt."""
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
    if unsettled:
        doubts.append(
            f"Descriptors disagree on the size of {count(unsettled, 'blob')} that would be freed, "
            "and the registry has not said which is right: the largest is counted."
        )
    return doubts
