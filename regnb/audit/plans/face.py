"""What to delete, and what that would do: the plans of an audit, as its users see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.cohorts import Candidates, Cohorts, Keep, kept_tags
from regnb.audit.plans.effect import Semantics
from regnb.audit.plans.gc_risk import COLLECTORS, gc_risk
from regnb.audit.plans.names import Named
from regnb.audit.plans.plan import DeletionPlan, plan_of
from regnb.audit.plans.retention import retention
from regnb.audit.plans.rules import Rule
from regnb.audit.plans.selection import Mask, select
from regnb.audit.plans.target import amount_of, choose, remarks
from regnb.display.text import count
from regnb.interfaces import Registry

SEMANTICS = ("untag", "delete-digest")


class Plans:
    """Plans of what to delete; none costs a request, and none deletes anything."""

    _levels: Levels
    _service: Registry | None

    def plan_delete(
        self,
        tags: Named | None = None,
        *,
        digests: Named | None = None,
        repositories: str | Iterable[str] | None = None,
        mask: Mask | None = None,
        semantics: Semantics = "untag",
    ) -> DeletionPlan:
        """What deleting tags and manifests would free, to the byte, and what else it would do.

        Everything that any of the four names is deleted. What names nothing gives an empty plan;
        tags that could not be read are left out, and the plan says so.

        Args:
            tags: rows of `tags` or of another table with ``repository`` and ``tag``; or texts
                ``repository:tag``, also with the name of the registry and a slash before them.
            digests: manifests to delete by digest, with all of their tags: rows of a table with
                ``repository`` and ``digest``, or texts ``repository@sha256:...``.
            repositories: names, or globs such as ``team/*``, of which all tags are deleted.
            mask: a Series, array or list of True and False with one for each row of `tags`.
            semantics: ``untag``: tags are taken away, and what nothing needs any more is left to
                the garbage collector; ``delete-digest``: the manifests of the tags are deleted,
                with every other tag of theirs in their repository.

        Returns:
            The plan: ``freed``, ``already_garbage``, ``manifests``, ``blobs``, ``collateral``,
            ``to_frame()``, ``explain(tag)``.

        Raises:
            NotInAuditError: some of what is named was not seen; its ``names`` list it.
            InvalidReferenceError: a text is no name of a tag or manifest, or names a blob.
            ValueError: a table lacks columns, or a tag or digest in some row; the mask is not
                aligned with `tags`; or there are no such semantics.
            TypeError: an argument is of another type.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if semantics not in SEMANTICS:
            raise ValueError(
                f"semantics={semantics!r} is none. Choose one of: {', '.join(SEMANTICS)}."
            )
        found = select(
            self._levels, tags=tags, digests=digests, repositories=repositories, mask=mask
        )
        left_out = (
            f"{count(found.unread, 'tag')} could not be read, and so are no part of the plan."
        )
        return plan_of(
            self._levels,
            found.tags,
            semantics=semantics,
            manifests=found.manifests,
            warnings=[left_out] if found.unread else [],
            service=self._service,
        )

    def gc_risk(self, version: str | None = None) -> pd.DataFrame:
        """What the registry's own garbage collector would destroy although it is in use.

        That is what is alive under the policy of this audit, and would be lost by
        ``garbage-collect --delete-untagged`` of the distribution registry. Version 2.8 loses every
        entry of an index that has no tag of its own, and what it names. Version 3 passes over an
        entry that an earlier repository names and lacks, and so loses what the entry names; the
        order of repositories is that of a disk. Both lose referrers without a tag. What the audit
        has not seen is not in it.

        Args:
            version: ``2.8`` or ``3``; both by default.

        Returns:
            One row a version, a repository and a digest that would be lost, sorted by them; none
            where the collector is safe. Columns ``registry repository digest version reason
            is_manifest is_swept size tag_count tags``. ``reason`` is ``untagged-child``,
            ``passed-over-child``, ``untagged-referrer`` or ``untagged``.

        Raises:
            ValueError: there is no such version.
        """
        if version is not None and version not in COLLECTORS:
            raise ValueError(
                f"version={version!r} is none. Choose one of: {', '.join(COLLECTORS)}."
            )
        return gc_risk(self._levels, [*COLLECTORS] if version is None else [version])

    def free(
        self, target: float | str, *, keep: Keep | None = None, candidates: Candidates = "month"
    ) -> DeletionPlan:
        """A plan that frees some amount of space, by a heuristic.

        Tags go in cohorts. One cohort after the other is chosen, each time the one that frees the
        most bytes a tag together with those before it, and of equals the oldest; at the end those
        stay that the target is reached without. There may be a smaller choice. What the plan says
        that it frees is exact all the same.

        Args:
            target: bytes, such as ``500e9``, or a text such as ``500 GB`` or ``500 GiB``.
            keep: tags that stay: globs of tags (``latest``) or of ``repository:tag``
                (``team/app:v*``), or a Series of True and False with a row for each of `tags`.
            candidates: which tags go together: ``month``: those of one repository that were made
                in the same month, as their configs say; ``repository``: all of one; or a Series
                with a label for each row of `tags`, null for those that stay.

        Returns:
            The plan. Where the target is out of reach it frees all that it may, and says so in
            ``warnings``.

        Raises:
            ValueError: `target` is no amount of bytes, or `candidates` are none, or a Series is
                not aligned with `tags`.
            TypeError: `keep` is of another type.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        amount = amount_of(target)
        kept, unmatched = kept_tags(self._levels, keep)
        chosen = choose(self._levels, Cohorts.of(self._levels, candidates, kept), amount)
        plan = plan_of(self._levels, chosen, service=self._service)
        return replace(plan, warnings=(*plan.warnings, *remarks(plan.freed, amount, unmatched)))

    def retention(
        self, *rules: Rule, combine: str = "harbor", semantics: Semantics = "untag"
    ) -> DeletionPlan:
        """What rules would keep and delete, as a plan; `regnb.keep` and `regnb.expire` make rules.

        Rules decide on tags that were read; attachments (cosign's, and fallback tags of referrers)
        take no place in a count, and go with what they belong to. Ages are those at the time of
        the audit, and rest on what image configs claim: registries tell neither push nor pull.

        ``plan.decisions`` has one row a tag. Columns ``registry repository tag digest created
        time_source decision rule reason kept_with_digest freed_if_all``: where the time comes
        from (``config``, ``children`` of an index, or ``implausible`` and not used), what decides
        (``keep`` or ``delete``), and why; how many tags that stay name the digest of one that goes,
        so that it must not be deleted by digest; and the bytes freed if all tags of its digest
        went, and nothing else.

        Args:
            *rules: of the policy, in order.
            combine: ``harbor`` (and ``zot``): what any `keep` chooses stays, all else in the
                repositories that a rule is about goes; ``ar``: a `keep` beats an `expire`, and
                without an `expire` nothing goes (Artifact Registry); ``ecr``: the first rule whose
                filters a tag passes decides; ``gitlab``: ``latest`` stays, then names, number and
                age take tags off what an `expire` names.
            semantics: as for `plan_delete`.

        Raises:
            ValueError: a rule is none, or the rules cannot be combined so.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        found = retention(self._levels, rules, combine=combine)
        return plan_of(
            self._levels,
            found.deleted,
            semantics=semantics,
            decisions=found.table,
            service=self._service,
        )
