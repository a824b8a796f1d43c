"""Source: what a registry says, out of the journal and the cache where they have it.

Presence is only what a repository itself said: in this walk, or in the one that it goes on with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

from regnb import interfaces
from regnb.core.wire.limits import Limits
from regnb.errors import (
    NotFoundError,
    OperationCancelledError,
    ProtocolError,
    RegnbError,
    TooManyReferrersError,
)
from regnb.interfaces import CONFIG_LIMIT, TagList
from regnb.model.digest import Digest
from regnb.model.fields import MAX_SIZE
from regnb.model.manifest import Manifest
from regnb.store.cache import ContentCache
from regnb.walk.budget import Purse
from regnb.walk.journal import Answer, Journal, Key
from regnb.walk.uncompressed import LayerJob

HANDLES = 1024  # repositories whose handle is kept
MOST_REFERRERS = Limits().referrers
TURNS = 64  # manifests that are read at once, at most

TAG = "tag"
"""What the journal calls the question for a tag or digest."""

Listed = tuple[Digest, int, str | None]
"""Digest, bytes and artifact type of a referrer."""

T = TypeVar("T")


class Look(NamedTuple):
    """What a repository answered to the question for a tag or digest.

    Attributes:
        repository: that was asked.
        reference: a tag or digest.
        found: the digest that it names, or what reads the manifest that came.
        at: when that was, in microseconds since 1970; None for just now.
    """

    repository: str
    reference: str
    found: Digest | Callable[[], Manifest]
    at: int | None = None


class Source:
    """One registry, the cache and the journal as one. Called from many threads.

    Whatever is not at hand is one question, and costs one request as a rule. All questions raise
    what the registry client raises, and `Stopped` where the budget is spent.
    """

    def __init__(
        self,
        registry: interfaces.Registry,
        *,
        cache: ContentCache,
        journal: Journal,
        purse: Purse,
        record: Callable[[Manifest], object],
        is_known: Callable[[Digest], bool],
    ) -> None:
        """Ask nothing yet.

        Args:
            registry: whom to ask.
            cache: content by digest.
            journal: answers of an earlier call.
            purse: pays for the questions.
            record: takes in a manifest that a repository said it holds.
            is_known: whether it has been taken in.
        """
        self._registry = registry
        self._cache = cache
        self._journal = journal
        self._purse = purse
        self._record = record
        self._is_known = is_known
        self._repository = lru_cache(HANDLES)(registry.repository)
        self._sightings = lru_cache(HANDLES)(self._sightings_of)
        self._was_seen = cache.has_seen(registry.url)
        self._turns = [threading.Lock() for _ in range(TURNS)]

    def repositories(self) -> tuple[list[str], list[str]]:
        """The names in the catalog, sorted, and what is listed there but is no name.

        Raises:
            RegnbError: ``partial`` holds the names so far.
        """
        names: set[str] = set()
        refused: list[str] = []

        def ask() -> tuple[list[str], list[str]]:
            try:
                for name in self._registry.repositories(on_refused=refused.append):
                    names.add(name)
            except RegnbError as error:
                vars(error)["partial"] = sorted(names)
                raise
            return sorted(names), refused

        found, unfit = self._answer(("catalog", "", ""), ask).value
        return found, unfit

    def tags(self, repository: str) -> TagList:
        """The tags of a repository."""

        def ask() -> tuple[TagList, tuple[str, ...]]:
            listed = self._repository(repository).tags.all()
            return listed, listed.invalid

        tags, invalid = self._answer(("tags", repository, ""), ask).value
        return TagList(tuple(tags), tuple(invalid))

    def look(self, repository: str, reference: str) -> Look:
        """What a tag or digest leads to; a manifest that comes is left for `resolve` to take in.

        A tag that was seen before is asked for by a conditional GET, and where a registry counts
        GETs by a HEAD.
        """
        key = (TAG, repository, reference)
        known = self._journal.recall(key)
        if known is not None:
            found: Digest | Callable[[], Manifest] = Digest(known.value)
            at = known.at
        else:
            found, at = self._ask(key, partial(self._seek, repository, reference)), None
        if isinstance(found, Digest):
            if at is None:
                self._journal.note(key, found)
            self._have(repository, found)
        return Look(repository, reference, found, at)

    def resolve(self, look: Look) -> Digest:
        """The digest that a look led to, its manifest taken in. Asks for nothing."""
        repository, reference, found, _ = look
        if isinstance(found, Digest):
            return found
        key = (TAG, repository, reference)
        try:
            digest = self._take(found())
        except RegnbError as error:
            self._journal.note_failure(key, error)
            raise
        self._journal.note(key, digest)
        return digest

    def sight(self, repository: str, tag: str, digest: Digest) -> None:
        """Remember for later walks what a tag named."""
        if self._sightings(repository).get(tag) != digest:
            self._cache.sight(self._registry.url, repository, tag, digest)

    def holds(self, repository: str, digest: Digest) -> bool:
        """Whether a repository holds a manifest, which is taken in if it does.

        A HEAD where the manifest is at hand, else a GET.
        """

        def ask() -> bool:
            manifests = self._repository(repository).manifests
            if self._is_known(digest) or self._cache.holds(digest):
                return manifests.exists(digest)
            try:
                self._take(manifests.get(digest))
            except NotFoundError:
                return False
            return True

        present = bool(self._answer(("manifest", repository, digest), ask).value)
        if present:
            self._have(repository, digest)
        return present

    def points_to(self, repository: str, tag: str, digest: Digest) -> bool:
        """Whether a tag names a digest now."""

        def ask() -> bool:
            try:
                return self._repository(repository).tags.get(tag).digest == digest
            except NotFoundError:
                return False

        return bool(self._answer(("tag again", repository, tag), ask).value)

    def referrers(self, repository: str, digest: Digest) -> list[Listed] | None:
        """What a repository lists as being about a manifest; None where it lists nothing so."""

        def ask() -> list[Listed] | bool:
            listed = self._repository(repository).referrers.listed(digest)
            if listed is not None and len(listed) > MOST_REFERRERS:
                raise _too_many(digest)
            return listed is not None and [(d.digest, d.size, d.artifact_type) for d in listed]

        found = self._answer(("referrers", repository, digest), ask).value
        if found is False:
            return None
        return [(Digest(one), size, kind) for one, size, kind in found]

    def config(self, repository: str, digest: Digest) -> bytes:
        """The bytes of a config; no question where the cache has it.

        But not where this walk was told before that the repository lacks it.
        """
        key = ("config", repository, digest)
        self._journal.recall(key)
        raw = self._cache.config(digest)
        if raw is not None:
            return raw

        def ask() -> bytes:
            raw = self._repository(repository).blobs.get(digest, limit=CONFIG_LIMIT)
            self._cache.add_config(digest, raw)
            return raw

        found: bytes = self._answer(key, ask).value
        return found

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether a repository has a blob."""

        def ask() -> bool:
            try:
                self._repository(repository).blobs.stat(digest)
            except NotFoundError:
                return False
            return True

        return bool(self._answer(("blob", repository, digest), ask).value)

    def size(self, repository: str, digest: Digest) -> int:
        """The bytes of a blob, as the registry says."""

        def ask() -> int:
            size = self._repository(repository).blobs.stat(digest).size
            if size > MAX_SIZE:
                raise ProtocolError(
                    f"The registry says that {digest} has {size:.3g} bytes, which cannot be true."
                )
            return size

        return int(self._answer(("size", repository, digest), ask).value)

    def uncompressed(self, repository: str, job: LayerJob) -> int | None:
        """The bytes of a layer once it is unpacked, or NONE where it does not tell.

        None where the registry sends only whole blobs. No question where the cache has it.
        """
        digest = job.layer.digest
        known = self._cache.uncompressed(self._registry.url, digest, job.source)
        if known is not None:
            return known

        def ask() -> str:
            part = self._repository(repository).blobs.read_range(job.layer, job.part)
            return "" if part is None else part.hex()

        part = bytes.fromhex(self._answer(("part", repository, digest), ask).value)
        if not part:
            return None
        size = job.told_by(part)
        self._cache.note_uncompressed(self._registry.url, digest, job.source, size)
        return size

    def _answer(self, key: Key, ask: Callable[[], Any]) -> Answer:
        """What the journal has, or else what is answered now and so is in the journal."""
        known = self._journal.recall(key)
        if known is not None:
            return known
        value = self._ask(key, ask)
        if not isinstance(value, bytes | None):  # content is for the cache
            self._journal.note(key, value)
        return Answer(value)

    def _ask(self, key: Key, ask: Callable[[], T]) -> T:
        """What is answered now; how it fails is in the journal."""
        self._purse.take()
        try:
            value = ask()
        except OperationCancelledError:
            raise  # it says nothing of the registry
        except RegnbError as error:
            self._purse.note(error)
            self._journal.note_failure(key, error)
            raise
        self._purse.note()
        return value

    def _seek(self, repository: str, reference: str) -> Digest | Callable[[], Manifest]:
        asked = self._repository(repository)
        if ":" in reference:
            return asked.manifests.receive(reference)
        if self._registry.rate_limit is not None:
            return asked.tags.get(reference).digest  # a GET would count
        known = self._sightings(repository).get(reference)
        if known is None:
            return asked.manifests.receive(reference)
        found = asked.manifests.get_if_changed(reference, known)
        return known if found is None else self._take(found)

    def _have(self, repository: str, digest: Digest) -> None:
        """See to it that the content of a manifest that a repository holds is taken in."""
        with self._turns[hash(digest) % TURNS]:  # or tags of one digest would read it at once
            if self._is_known(digest):
                return
            found = self._cache.manifest(digest)
            if found is not None:
                self._record(found)
                return
            self._answer(("content", repository, digest), lambda: self._read(repository, digest))

    def _read(self, repository: str, digest: Digest) -> None:
        self._take(self._repository(repository).manifests.get(digest))

    def _take(self, manifest: Manifest) -> Digest:
        self._cache.add_manifest(manifest)
        self._record(manifest)
        return manifest.digest

    def _sightings_of(self, repository: str) -> dict[str, Digest]:
        # At the first walk of a registry none is there, and nobody has to wait for the file.
        return self._cache.sightings(self._registry.url, repository) if self._was_seen else {}


def _too_many(digest: Digest) -> TooManyReferrersError:
    return TooManyReferrersError(
        f"More than {MOST_REFERRERS:,} manifests are listed as being about {digest}. They were "
        "left out; look at them with core.referrers.all()."
    )
