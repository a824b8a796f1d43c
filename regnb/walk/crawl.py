"""The walk: catalog, tags, the manifest of each tag, its children, the configs.

It goes in batches of repositories, and through each batch level by level. The main thread settles
between two levels what is asked next and in which order, so that no digest is the business of two
threads at once and two walks of an unchanged registry see the same (F13). What cannot be read is
a row in `Inventory.failures` and ends nothing (F11).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from regnb import interfaces
from regnb import workers as threads
from regnb.errors import InvalidDocumentError, RegnbError
from regnb.walk.asking import Asking, BlobJob, Place, not_names
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

BATCH = 1_000
"""Repositories that are walked together: what is known of them alone is dropped afterwards."""

DEPTH = 32
"""Indexes within indexes; what lies deeper is an error (S10)."""

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a walk is.

    Attributes:
        repositories_known: repositories to walk.
        repositories: those whose tags were listed.
        tags_known: tags and other references to read, as far as they were listed.
        tags_done: those that were read or failed.
        manifests: distinct manifests read.
        configs: distinct image configs read.
        requests: requests answered or given up; a listing of many pages counts as one.
        errors: what could not be read.
    """

    repositories_known: int
    repositories: int
    tags_known: int
    tags_done: int
    manifests: int
    configs: int
    requests: int
    errors: int


def crawl(
    registry: interfaces.Registry,
    *,
    repositories: Iterable[str] | None = None,
    references: Iterable[tuple[str, str]] | None = None,
    configs: bool = True,
    workers: int = 8,
    on_progress: Callable[[Progress], object] | None = None,
    inventory: Inventory | None = None,
) -> Inventory:
    """Read what the tags of a registry lead to.

    Costs one request for each page of the catalog and of each tag list, one for each tag, one for
    each distinct child of an index and one for each further repository that names it, one for each
    distinct image config, and one for each layer of a repository that names other places. No
    digest is asked for twice by digest, but for what one repository lacks and another may have.

    Args:
        registry: whom to ask.
        repositories: names to walk instead of the whole catalog.
        references: pairs of repository and tag or digest to walk instead; nothing is listed.
        configs: read image configs too; those of attestations say nothing and are left.
        workers: threads, and so requests under way.
        on_progress: called from this thread about ten times a second, and at the end.
        inventory: what to fill, for a caller who wants what there is when the walk is stopped.

    Returns:
        The inventory; ``complete`` only if everything was read.

    Raises:
        ValueError: both `repositories` and `references` are given.
        CatalogUnsupportedError: the registry does not list its repositories.
        RegistryError: the catalog brought nothing, or the registry was never reached.
        KeyboardInterrupt: the threads ended and the inventory holds what was read.
    """
    if repositories is not None and references is not None:
        raise ValueError("Give either repositories or references, not both.")
    filled = Inventory(registry.name, url=registry.url) if inventory is None else inventory
    walk = _Walk(registry, filled, workers, on_progress)
    finished = False
    try:
        batches = (
            walk.listed_batches(registry, repositories)
            if references is None
            else walk.given_batches(references)
        )
        for batch in batches:
            walk.walk_batch(batch, configs=configs)
        finished = True
    finally:
        walk.asking.close()
        filled.finish(finished=finished)
    walk.report()
    return filled


class _Walk:
    """The order of a walk: what is asked, and when."""

    def __init__(
        self,
        registry: interfaces.Registry,
        inventory: Inventory,
        workers: int,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self.asking = Asking(registry, inventory)
        self._cancel = registry.cancel
        self._inventory = inventory
        self._workers = workers
        self._on_progress = on_progress
        self._repositories_known = 0
        self._tags_known = 0
        self._configs_asked: set[int] = set()
        self._layers_asked: set[tuple[str, int]] = set()

    def listed_batches(
        self, registry: interfaces.Registry, repositories: Iterable[str] | None
    ) -> Iterator[list[tuple[str, str]]]:
        """The tags of all repositories, some repositories at a time."""
        names = self._catalog(registry) if repositories is None else sorted(set(repositories))
        self._repositories_known = len(names)
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            self.asking.begin_batch()
            self._run(batch, self.asking.list_tags)
            listed = self.asking.listed
            yield [(name, tag) for name in batch for tag in sorted(set(listed.get(name, ())))]

    def given_batches(
        self, references: Iterable[tuple[str, str]]
    ) -> Iterator[list[tuple[str, str]]]:
        """The references that were asked for, in one batch."""
        pairs = sorted(set(references))
        self._repositories_known = len({repository for repository, _ in pairs})
        yield pairs

    def walk_batch(self, pairs: list[tuple[str, str]], *, configs: bool) -> None:
        """Read what references lead to, level by level."""
        self._tags_known += len(pairs)
        self._run(pairs, self.asking.read_reference)
        places = list(self._descend(self._roots()))
        self._run(self._doubtful_jobs(places), self.asking.look_for_layer)
        if configs:
            self._run(self._config_jobs(places), self.asking.read_config)

    def report(self) -> None:
        """Say how far the walk is."""
        if self._on_progress is None:
            return
        seen = self._inventory
        progress = Progress(
            repositories_known=self._repositories_known,
            repositories=len(seen.listings),
            tags_known=self._tags_known,
            tags_done=self.asking.answered,
            manifests=len(seen.documents),
            configs=len(seen.configs),
            requests=self.asking.requests,
            errors=len(seen.failures),
        )
        self._on_progress(progress)

    def _catalog(self, registry: interfaces.Registry) -> list[str]:
        names: set[str] = set()
        refused: list[str] = []
        try:
            for name in registry.repositories(on_refused=refused.append):
                names.add(name)
        except RegnbError as error:
            if not names:
                raise
            self._inventory.add_failure(error, stage="catalog")
        if refused:
            self._inventory.add_failure(not_names("repositories", refused), stage="catalog")
        self.asking.requests += 1
        return sorted(names)

    def _roots(self) -> list[Place]:
        """Where the references led, each place once."""
        roots = sorted(self.asking.roots, key=lambda place: (place.repository, place.tag or ""))
        return list({place.key: place for place in reversed(roots)}.values())[::-1]

    def _descend(self, level: list[Place]) -> Iterator[Place]:
        """All places that are reached and hold their manifest."""
        seen = {place.key for place in level}
        for _ in range(DEPTH):
            yield from level
            level = self._resolve(self._below(level, seen))
        for place in level:
            deep = InvalidDocumentError(
                f"Indexes lie within indexes more than {DEPTH} deep here; it was not read further."
            )
            self._inventory.add_failure(
                deep, stage="manifest", repository=place.repository, parent=place.digest
            )

    def _below(self, level: list[Place], seen: set[tuple[str, int]]) -> list[Place]:
        """The children of a level that were not met before in their repository."""
        below = []
        for above in level:
            for digest, attestation in self._inventory.children(above.digest):
                place = Place(
                    above.repository, digest, above.root, above.tag, above.digest, attestation
                )
                if place.key not in seen:
                    seen.add(place.key)
                    below.append(place)
        return below

    def _resolve(self, level: list[Place]) -> list[Place]:
        """Read each manifest once, ask all repositories that name it; those that hold it."""
        presence = self.asking.presence
        unread: dict[int, list[Place]] = {}
        for place in level:
            if not self._inventory.knows(place.digest):
                unread.setdefault(place.digest, []).append(place)
        self._run(unread.values(), self.asking.read_manifest)
        unasked = [place for place in level if place.key not in presence]
        self._run(unasked, self.asking.confirm)
        absent = [place for place in level if presence[place.key] is False]
        of_a_tag = groupby(absent, key=lambda place: (place.repository, place.tag))
        self._run([list(places) for _, places in of_a_tag], self.asking.explain_absent)
        return [place for place in level if presence[place.key]]

    def _doubtful_jobs(self, places: list[Place]) -> list[BlobJob]:
        jobs: dict[tuple[str, int], BlobJob] = {}
        for place in places:
            for layer in self._inventory.doubtful(place.digest):
                key = (place.repository, layer)
                if key not in self._layers_asked:
                    jobs[key] = BlobJob(place.repository, layer, place.digest)
        self._layers_asked.update(jobs)
        return list(jobs.values())

    def _config_jobs(self, places: list[Place]) -> list[BlobJob]:
        jobs = []
        for place in places:
            config = self._inventory.config_of(place.digest)
            if config != NONE and not place.attestation and config not in self._configs_asked:
                self._configs_asked.add(config)
                jobs.append(BlobJob(place.repository, config, place.digest))
        return jobs

    def _run(self, jobs: Collection[Job], work: Callable[[Job], None]) -> None:
        threads.run(jobs, work, workers=self._workers, tick=self.report, cancel=self._cancel)
