"""The walk: catalog, tags, the manifest of each tag, its children, what is about them, the configs.

It goes in batches of repositories, and through each batch level by level. The main thread settles
between two levels what is asked next and in which order, so that no digest is the business of two
threads at once and two walks of an unchanged registry see the same (F13). What cannot be read is
a row in `Inventory.failures` and ends nothing (F11).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from typing import TypeVar

from regnb import interfaces
from regnb import workers as threads
from regnb.core.wire.limits import Limits
from regnb.errors import InvalidDocumentError, TooManyReferrersError
from regnb.model.reference import is_attachment
from regnb.store.cache import ContentCache
from regnb.walk.arrivals import Arrivals
from regnb.walk.asking import Asking
from regnb.walk.budget import Budget, Purse, Stopped
from regnb.walk.columns import NONE
from regnb.walk.disputes import disputed
from regnb.walk.inventory import BY_INDEX, BY_SUBJECT, Inventory
from regnb.walk.journal import Journal
from regnb.walk.places import BlobJob, Place
from regnb.walk.progress import Progress
from regnb.walk.referring import Referring, is_list
from regnb.walk.scope import Scope, in_words
from regnb.walk.uncompressed import Layers

BATCH = 1_000
"""Repositories that are walked together: what is known of them alone is dropped afterwards."""

KEEPS = 0.5
"""Seconds after which answers are written to disk: little by little takes longer in all."""

DEPTH = 32
"""Indexes within indexes; what lies deeper is an error (S10)."""

REFERRERS_DEPTH = Limits().referrers_depth
"""Referrers of referrers; what lies deeper is an error (R6)."""

Job = TypeVar("Job")


def crawl(
    registry: interfaces.Registry,
    *,
    repositories: Iterable[str] | None = None,
    scope: Scope | None = None,
    references: Iterable[tuple[str, str]] | None = None,
    configs: bool = True,
    referrers: bool = True,
    uncompressed: bool = False,
    cache: ContentCache | None = None,
    journal: Journal | None = None,
    budget: Budget | None = None,
    workers: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    inventory: Inventory | None = None,
) -> Inventory:
    """Read what the tags of a registry lead to.

    Costs one request for each page of the catalog and of each tag list, one for each tag, one for
    each distinct child of an index and one for each further repository that names it, one for each
    distinct image config, one for each layer of a repository that names other places, and one for
    each layer on whose size manifests disagree. No digest is asked for twice by digest, but for
    what one repository lacks and another may have: then they are asked one after the other. Where
    the registry lists referrers, one more for each manifest of a repository; where it does not, one
    in all. With `uncompressed`, one more for each distinct layer that is compressed. Manifests and
    configs that are in the cache are not read again: tags that were seen before are asked for by a
    conditional GET; and neither is a layer asked again that told its size.

    Args:
        registry: whom to ask.
        repositories: names to walk instead of the whole catalog.
        scope: which repositories and tags to walk, in all the ways that there are. Tags that are
            about a manifest that is read belong to it.
        references: pairs of repository and tag or digest to walk instead; nothing is listed.
        configs: read image configs too; those of attestations say nothing and are left.
        referrers: look for what is about the manifests, too: signatures, SBOMs and so on.
        uncompressed: ask compressed layers for the few bytes that tell how large they are unpacked.
        cache: where manifests and configs may be, and are put.
        journal: of an earlier call that this one goes on with, or a new one; without it nothing
            is kept. It is closed at the end.
        budget: what it may cost; `Inventory.stopped` tells that it is spent.
        workers: threads, and so requests under way; by default 8 to 32, as many as make it faster.
        on_progress: called from this thread about ten times a second, and at the end.
        inventory: what to fill, for a caller who wants what there is when the walk is stopped.

    Returns:
        The inventory; ``complete`` only if everything was read.

    Raises:
        ValueError: more than one of `repositories`, `scope` and `references` is given.
        CatalogUnsupportedError: the registry does not list its repositories.
        RegistryError: the catalog brought nothing, or the registry was never reached.
        KeyboardInterrupt: the threads ended and the inventory holds what was read.
    """
    if [repositories, scope, references].count(None) < 2:  # noqa: PLR2004 - all but one
        raise ValueError("Give repositories, a scope or references, not both.")
    if inventory is None:
        inventory = Inventory(registry.name, url=registry.url)
    scope = scope or Scope.of(None if repositories is None else list(repositories))
    pairs = None if references is None else sorted(set(references))
    inventory.scope = str(scope) if pairs is None else in_words(pairs)
    cache, journal = cache or ContentCache(None, limit=0), journal or Journal()
    purse = Purse(budget or Budget(), registry)
    asking = Asking(registry, inventory, cache=cache, journal=journal, purse=purse)
    walk = _Walk(
        asking, configs=configs, referrers=referrers, cancel=registry.cancel, workers=workers,
        on_progress=on_progress,
    )  # fmt: skip
    walk.to_keep = [cache.flush, journal.flush]
    with _ending(asking, cache, journal), registry.frugal():
        if pairs is None:
            walk.walk_repositories(scope)
        else:
            walk.walk_references(pairs)
        walk.settle_sizes()
        if uncompressed:
            walk.read_uncompressed()
        purse.check_outage()
    walk.report()
    return inventory


@contextmanager
def _ending(asking: Asking, cache: ContentCache, journal: Journal) -> Iterator[None]:
    """However a walk ends, its inventory says so, and what was answered is kept."""
    inventory = asking.inventory
    inventory.resume(journal.started, journal.latest)
    inventory.stopped = "interrupted"
    with ExitStack() as last:  # each of these, from the last on, even if another Ctrl-C comes
        last.callback(lambda: journal.close(finished=inventory.finished))
        last.callback(cache.flush)
        last.callback(lambda: inventory.finish(finished=not inventory.stopped))
        last.callback(asking.close)
        try:
            yield
            inventory.stopped = ""
        except Stopped as reason:
            inventory.stopped = str(reason)


class _Walk:
    """The order of a walk: what is asked, and when."""

    def __init__(
        self,
        asking: Asking,
        *,
        configs: bool,
        referrers: bool,
        cancel: Callable[[], None],
        workers: int | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self.asking = asking
        self.to_keep: list[Callable[[], object]] = []
        self._kept = time.monotonic()
        self._configs = configs
        self._referrers = referrers
        self._cancel = cancel
        self._inventory = asking.inventory
        self._workers = threads.Crew() if workers is None else workers
        self._on_progress = on_progress
        self._repositories_known = 0
        self._tags_known = self._layers_known = 0
        self._layers_asked: set[tuple[str, int]] = set()
        self._begin_batch()

    def walk_repositories(self, scope: Scope) -> None:
        """Read what the tags of all repositories lead to, some repositories at a time."""
        names = scope.chosen(self.asking.list_repositories() if scope.asks_catalog else ())
        self._repositories_known = len(names)
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            self._begin_batch()
            self._run(batch, self.asking.list_tags)
            pairs = [pair for name in batch for pair in self._tags(name, scope)]
            self._walk_batch(pairs)

    def walk_references(self, pairs: list[tuple[str, str]]) -> None:
        """Read what references lead to, in one batch."""
        self._repositories_known = len({repository for repository, _ in pairs})
        self._walk_batch(pairs)

    def settle_sizes(self) -> None:
        """Ask for the sizes that what was read, in all batches, disagrees on."""
        self._run(disputed(self._inventory), self.asking.settle_size)

    def read_uncompressed(self) -> None:
        """Ask layers how large they are uncompressed, each once."""
        layers = Layers(self._inventory)
        self._layers_known = len(layers)
        self._run(layers.order(), lambda n: self.asking.read_uncompressed(layers.job(n)))

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
            layers_known=self._layers_known,
            layers=self.asking.layers_done,
            requests=self.asking.purse.asked,
            errors=len(seen.failures),
        )
        self._on_progress(progress)

    def _begin_batch(self) -> None:
        self.asking.begin_batch()
        self._referring = Referring(self.asking)
        self._seen: set[tuple[str, int]] = set()

    def _tags(self, repository: str, scope: Scope) -> list[tuple[str, str]]:
        """The tags of a repository that are read in any case."""
        tags = sorted(set(self.asking.listed.get(repository, ())))
        wanted = [tag for tag in tags if scope.takes_tag(tag)]
        if len(wanted) < len(tags):
            others = set(tags).difference(wanted)
            self._referring.set_aside(repository, sorted(filter(is_attachment, others)))
        return [(repository, tag) for tag in wanted]

    def _walk_batch(self, pairs: list[tuple[str, str]]) -> None:
        """Read what references lead to, level by level."""
        try:
            places = list(self._descend(self._read(pairs)))
            if self._referrers:
                places += self._about(places)
        finally:
            self._referring.note()
        self._run(self._doubtful_jobs(places), self.asking.look_for_layer)
        if self._configs:
            self._run(self._config_jobs(places), self.asking.read_config)

    def _read(self, pairs: list[tuple[str, str]]) -> list[Place]:
        """Where references lead that was not met before, each place once."""
        self._tags_known += len(pairs)
        self._run(pairs, self.asking.read_reference)
        roots = sorted(self.asking.roots, key=lambda place: (place.repository, place.tag or ""))
        self.asking.roots.clear()
        return [place for place in roots if self._is_new(place)]

    def _descend(self, level: list[Place]) -> Iterator[Place]:
        """All places that are reached and hold their manifest."""
        for _ in range(DEPTH):
            if not level:
                return
            yield from level
            level = self._resolve(self._below(level))
        for place in level:
            deep = InvalidDocumentError(
                f"Indexes lie within indexes more than {DEPTH} deep here; it was not read further."
            )
            self._inventory.add_failure(
                deep, stage="manifest", repository=place.repository, parent=place.digest
            )

    def _about(self, places: list[Place]) -> Iterator[Place]:
        """All places that are about these, or about such as are, and hold their manifest."""
        for _ in range(REFERRERS_DEPTH):
            due = self._referring.learn(places)
            self._list_referrers(places)
            found = [place for place in self._referring.found() if self._is_new(place)]
            level = self._resolve(found)
            places = list(self._descend([*self._read(due), *level]))
            if not places:
                return
            yield from places
        for place in places:
            deep = TooManyReferrersError(
                f"Referrers have referrers more than {REFERRERS_DEPTH} deep here; those of the "
                "last were not looked for."
            )
            self._inventory.add_failure(
                deep, stage="referrers", repository=place.repository, parent=place.digest
            )

    def _list_referrers(self, places: list[Place]) -> None:
        """Ask for lists of referrers, until the registry says that it has none."""
        asked = [place for place in places if not is_list(place.tag) or place.digest != place.root]
        self._run(asked[:1], self.asking.list_referrers)
        if self.asking.lists_referrers:
            self._run(asked[1:], self.asking.list_referrers)

    def _is_new(self, place: Place) -> bool:
        """Whether a place is met for the first time in this batch."""
        if place.key in self._seen:
            return False
        self._seen.add(place.key)
        return True

    def _below(self, level: list[Place]) -> list[Place]:
        """The children of a level that were not met before in their repository."""
        below = []
        for above in level:
            listed = above.digest == above.root and is_list(above.tag)
            for child in self._inventory.children(above.digest):
                place = Place(
                    above.repository,
                    child.digest,
                    above.root,
                    above.tag,
                    above.digest,
                    child.attestation,
                    BY_SUBJECT if listed else BY_INDEX,
                )
                if self._is_new(place):
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

    def _config_jobs(self, places: list[Place]) -> list[list[BlobJob]]:
        """Each config that is not settled, in all repositories whose images name it."""
        jobs: dict[int, dict[str, BlobJob]] = {}
        for place in places:
            config = self._inventory.config_of(place.digest)
            settled = config == NONE or config in self.asking.settled
            if not settled and not place.attestation:
                job = BlobJob(place.repository, config, place.digest)
                jobs.setdefault(config, {}).setdefault(place.repository, job)
        return [list(of_config.values()) for of_config in jobs.values()]

    def _run(self, jobs: Collection[Job], work: Callable[[Job], None]) -> None:
        threads.run(jobs, work, workers=self._workers, tick=self._tick, cancel=self._cancel)
        if arrivals := self.asking.arrivals:  # this thread is the one that Ctrl-C interrupts
            read = [arrivals]
            threads.run(read, Arrivals.read, workers=1, tick=self._tick, cancel=self._cancel)

    def _tick(self) -> None:
        self.asking.purse.check()
        if time.monotonic() - self._kept >= KEEPS:
            self._kept = time.monotonic()
            for keep in self.to_keep:
                keep()
        self.report()
