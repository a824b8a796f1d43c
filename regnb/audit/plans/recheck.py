"""Recheck: whether a registry still is as a plan has it, before anything of it is deleted."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.effect import Effect
from regnb.core.registry import Registry
from regnb.errors import NotFoundError, PlanOutdatedError, printable
from regnb.model.digest import Digest
from regnb.model.manifest import Index

MOST_BELOW = 1000
"""Manifests below one tag that are looked at; what leads to more is not deleted from."""

SHOWN = 10
"""Names that a message lists; the error has them all."""


@dataclass(frozen=True, slots=True)
class Look:
    """A tag or digest to look at.

    Attributes:
        repository: where.
        reference: tag, or digest.
        expected: digest that it has to have; empty for a tag that stays.
    """

    repository: str
    reference: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan takes for granted.

    Attributes:
        looks: the tags and digests that go.
        known: the digests of the tags that stay, by repository and tag.
        deleted: digests of the manifests that are deleted, by repository.
    """

    looks: Collection[Look]
    known: Mapping[tuple[str, str], str]
    deleted: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, levels: Levels, effect: Effect, deleted: Flags) -> Expected:
        """What the audit saw of it; `deleted` are the places whose manifest is deleted."""
        inventory, graph, seen = levels.inventory, levels.graph, levels.seen
        homes, digests = inventory.repositories.values, inventory.digests.values
        code = inventory.tags.column("tag")[seen.read].tolist()
        place = seen.tag_place.tolist()
        repository, digest = graph.repository.tolist(), graph.digest.tolist()
        lost: dict[str, set[str]] = {}
        for one in np.flatnonzero(deleted).tolist():
            lost.setdefault(homes[repository[one]], set()).add(digests[digest[one]])
        looks, known = [], {}
        for tag, goes in enumerate(effect.tags.tolist()):
            name, of = inventory.texts.values[code[tag]], digests[digest[place[tag]]]
            home = homes[repository[place[tag]]]
            if goes:
                looks.append(Look(home, name, of))
            elif home in lost:
                known[home, name] = of
        for one in effect.bare(levels).tolist():
            of = digests[digest[one]]
            looks.append(Look(homes[repository[one]], of, of))
        return cls(looks, known, {home: frozenset(of) for home, of in lost.items()})


class Recheck:
    """Looks at everything that a plan touches, and notes what is not as it was."""

    def __init__(self, registry: Registry, expected: Expected, begun: set[tuple[str, str]]) -> None:
        """Ask nothing yet.

        Args:
            registry: to be asked.
            expected: how it has to be.
            begun: what an earlier call has asked to delete, and so may be gone.
        """
        self._registry = registry
        self._expected = expected
        self._begun = begun
        self._going = {(look.repository, look.reference) for look in expected.looks}
        self._lock = threading.Lock()
        self._others: list[Look] = []
        self._outdated: list[tuple[str, str]] = []

    @property
    def repositories(self) -> list[str]:
        """Where manifests are deleted, so that all tags have to be looked at."""
        return sorted(self._expected.deleted)

    @property
    def looks(self) -> list[Look]:
        """What has to be looked at, as far as it was listed."""
        return [*self._expected.looks, *self._others]

    def list(self, name: str) -> None:
        """List the tags of a repository; a request for each page."""
        try:
            tags = self._registry.repository(name).tags.all()
        except NotFoundError:  # nothing is left in it
            return
        others = [Look(name, tag) for tag in tags if (name, tag) not in self._going]
        with self._lock:
            self._others += others

    def look(self, look: Look) -> None:
        """Look at one; a request, and more for a tag that stays and is not as the audit saw it."""
        found = self._digest(look)
        changed = self._change(look, found) if look.expected else self._loss(look, found)
        if changed:
            mark = "@" if ":" in look.reference else ":"
            with self._lock:
                self._outdated.append((f"{look.repository}{mark}{look.reference}", changed))

    def check(self) -> None:
        """Raise if anything is not as it was."""
        if not self._outdated:
            return
        found = sorted(self._outdated)
        shown = "; ".join(f"{printable(name, 300)} {what}" for name, what in found[:SHOWN])
        more = f"; and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        error = PlanOutdatedError(
            f"The registry is no longer as the plan has it: {shown}{more}. Nothing was deleted. "
            "Make a new audit, and a new plan from it."
        )
        error.names = tuple(name for name, _ in found)
        raise error

    def _digest(self, look: Look) -> str | None:
        """The digest of what is there now, or None."""
        repository = self._registry.repository(look.repository)
        if ":" in look.reference:
            there = repository.manifests.exists(Digest(look.reference))
            return look.reference if there else None
        try:
            return repository.tags.get(look.reference).digest
        except NotFoundError:
            return None

    def _change(self, look: Look, found: str | None) -> str:
        """How something that goes is not as it was, in words; empty if it is."""
        if found == look.expected:
            return ""
        if found is not None:
            return f"is now {found}"
        asked = {(look.repository, look.reference), (look.repository, look.expected)}
        return "" if asked & self._begun else "is gone"

    def _loss(self, look: Look, found: str | None) -> str:
        """What a tag that stays would lose, in words; empty if nothing."""
        deleted = self._expected.deleted[look.repository]
        if found in deleted:
            return "names a manifest that the plan deletes"
        if found is None or self._expected.known.get((look.repository, look.reference)) == found:
            return ""  # what it leads to is in the plan's own account
        return self._need(look.repository, found)

    def _need(self, repository: str, top: str) -> str:
        """How a manifest may need one that is deleted, in words; empty if it surely does not."""
        deleted, seen, waiting = self._expected.deleted[repository], {top}, [top]
        while waiting:
            entries = self._entries(repository, waiting.pop())
            if entries & deleted:
                return "needs a manifest that the plan deletes"
            waiting += entries - seen
            seen |= entries
            if len(seen) > MOST_BELOW:
                return (
                    f"leads to more than {MOST_BELOW:,} manifests, too many to look at, and so may "
                    "need one that the plan deletes"
                )
        return ""

    def _entries(self, repository: str, digest: str) -> set[str]:
        """What a manifest leads to: nothing, unless it is an index and there."""
        try:
            document = self._registry.repository(repository).manifests.get(Digest(digest))
        except NotFoundError:
            return set()
        return (
            {entry.digest for entry in document.manifests} if isinstance(document, Index) else set()
        )
