"""Asking: the questions of a walk, and what is noted of each answer. Called from many threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from regnb import interfaces
from regnb.errors import (
    BodyTooLargeError,
    ManifestUnknownError,
    OperationCancelledError,
    RegnbError,
    SizeMismatchError,
    TagMovedError,
    UnreachableError,
    printable,
)
from regnb.interfaces import TagList
from regnb.model.digest import Digest
from regnb.model.image_config import parse_image_config
from regnb.model.manifest import Manifest
from regnb.store.cache import ContentCache
from regnb.walk.arrivals import Arrivals
from regnb.walk.budget import Purse
from regnb.walk.columns import NONE
from regnb.walk.failures import Stage, listing_status, not_names
from regnb.walk.inventory import BY_SUBJECT, Inventory
from regnb.walk.journal import Journal
from regnb.walk.places import BlobJob, Place
from regnb.walk.source import Listed, Look, Source
from regnb.walk.uncompressed import LayerJob

LARGE = 1024 * 1024
"""Bytes from which on a config does not wait: some of them would take much memory."""

MOST_WHOLES = 8
"""How many whole layers a registry may send in place of a part until it is not asked for more."""


class Closed(Exception):  # noqa: N818 - never seen outside: it ends a thread that is late
    """The walk was stopped; an answer that comes now is not noted."""


class Asking:
    """Asks one registry and notes the answers in an inventory.

    Attributes:
        answered: how many tags and other references were.
        listed: the tags of the repositories of this batch.
        roots: where the references of this batch led.
        presence: who holds what, in this batch; None where the answer was of no use.
        referrers: what repositories list as being about a place, in this batch.
        lists_referrers: whether the registry does, as far as is known.
        purse: what the walk may cost.
        arrivals: what has come and was not noted yet.
        layers_done: how many layers were asked for their uncompressed size, or had told it before.
        settled: configs that were read, or cannot be, whoever is asked.
    """

    def __init__(
        self,
        registry: interfaces.Registry,
        inventory: Inventory,
        *,
        cache: ContentCache,
        journal: Journal,
        purse: Purse,
    ) -> None:
        """Ask nothing yet."""
        self.inventory = inventory
        self.answered = self.layers_done = self._parts = self._wholes = 0
        self.lists_referrers = True
        self.purse = purse
        self.settled: set[int] = set()
        self.arrivals = Arrivals()
        self._source = Source(
            registry,
            cache=cache,
            journal=journal,
            purse=purse,
            record=self._record,
            is_known=self._is_known,
        )
        self._lock = threading.Lock()
        self._closed = False
        self.begin_batch()

    def begin_batch(self) -> None:
        """Forget what belongs to the repositories of the last batch."""
        self.listed: dict[str, TagList] = {}
        self.roots: list[Place] = []
        self.presence: dict[tuple[str, int], bool | None] = {}
        self.referrers: dict[Place, list[Listed]] = {}

    def close(self) -> None:
        """Note what has come, and nothing more, whatever threads still bring."""
        # Not in this thread, which another Ctrl-C could take out of the middle of a note.
        reader = threading.Thread(target=self.arrivals.read, daemon=True)
        try:
            reader.start()
            reader.join()
        finally:
            with self._lock:
                self._closed = True

    def list_repositories(self) -> list[str]:
        """Ask for the catalog; what comes of one that breaks off is noted as a failure.

        Raises:
            RegnbError: it brought nothing.
        """
        try:
            names, refused = self._source.repositories()
        except RegnbError as error:
            names, refused = vars(error)["partial"], []
            if not names:
                raise
            with self._noting(error) as inventory:
                inventory.add_failure(error, stage="catalog")
        if refused:
            self.inventory.add_failure(not_names("repositories", refused), stage="catalog")
        return names

    def list_tags(self, repository: str) -> None:
        """Ask for the tags of a repository (W-C5, W-T8)."""
        try:
            found = self._source.tags(repository)
        except RegnbError as error:
            partial = getattr(error, "partial", None)
            with self._noting(error) as inventory:
                if isinstance(partial, TagList):
                    self.listed[repository] = partial
                inventory.add_listing(repository, listing_status(error), NONE)
                inventory.add_failure(error, stage="tags", repository=repository)
            return
        with self._noting() as inventory:
            self.listed[repository] = found
            status = "ok" if found or found.invalid else "empty"
            inventory.add_listing(repository, status, len(found))
            if found.invalid:
                inventory.add_failure(
                    not_names("tags", found.invalid), stage="tags", repository=repository
                )

    def read_reference(self, pair: tuple[str, str]) -> None:
        """Ask a repository for what a tag or digest names; what it answers is an arrival."""
        try:
            look = self._source.look(*pair)
        except RegnbError as error:
            self._lose(*pair, error)
        else:
            self.arrivals.add(partial(self._note_root, look))

    def _note_root(self, look: Look) -> None:
        repository = look.repository
        try:
            digest = self._source.resolve(look)
        except RegnbError as error:
            self._lose(repository, look.reference, error)
            return
        tag = _tag_of(look.reference)
        if tag is not None:
            self._source.sight(repository, tag, digest)
        with self._noting() as inventory:
            self.answered += 1
            code = inventory.digests.code(digest)
            if tag is not None:
                inventory.add_tag(repository, tag, code, observed_at=look.at)
            place = Place(repository, code, root=code, tag=tag)
            self.roots.append(place)
            self._note_presence(place, True)

    def _lose(self, repository: str, reference: str, error: RegnbError) -> None:
        """Note that what a tag or digest names cannot be read."""
        tag = _tag_of(reference)
        with self._noting(error) as inventory:
            self.answered += 1
            if tag is not None:
                inventory.add_lost_tag(repository, tag, printable(error))
            inventory.add_failure(
                error, stage="manifest", repository=repository, reference=reference
            )

    def read_manifest(self, places: list[Place]) -> None:
        """Ask one repository after the other for a manifest, until one has it."""
        for place in places:
            self.confirm(place)
            if self.presence[place.key]:
                return

    def confirm(self, place: Place) -> None:
        """Ask a repository whether it holds a manifest."""
        try:
            present = self._source.holds(place.repository, self._digest(place))
        except RegnbError as error:
            with self._noting(error):
                self.presence[place.key] = None
                self._add_failure(place, error)
            return
        with self._noting():
            self._note_presence(place, present)

    def explain_absent(self, places: list[Place]) -> None:
        """Say of manifests of one tag that they are not there; first ask whether the tag moved."""
        moved = self._has_moved(places[0])
        with self._noting():
            for place in places:
                self._add_failure(place, _absent(place, moved=moved))

    def list_referrers(self, place: Place) -> None:
        """Ask what a repository lists as being about one of its manifests."""
        digest = self._digest(place)
        try:
            found = self._source.referrers(place.repository, digest)
        except RegnbError as error:
            with self._noting(error) as inventory:
                inventory.add_failure(
                    error, stage="referrers", repository=place.repository, reference=digest
                )
            return
        with self._noting():
            if found is None:
                self.lists_referrers = False
            else:
                self.referrers[place] = found

    def read_config(self, jobs: list[BlobJob]) -> None:
        """Ask one repository after the other for an image config, until one has it."""
        for job in jobs:
            self._ask_for_config(job)
            if job.digest in self.settled:
                return

    def look_for_layer(self, job: BlobJob) -> None:
        """Ask whether a layer that names other places lies here all the same."""
        try:
            is_here = self._source.has_blob(
                job.repository, self.inventory.digests.values[job.digest]
            )
        except RegnbError as error:
            self._note_blob_failure(job, error, stage="blob")
            return
        with self._noting() as inventory:
            (inventory.mark_here if is_here else inventory.mark_foreign)(job.digest)

    def settle_size(self, jobs: list[BlobJob]) -> None:
        """Ask one repository after the other how large a blob is, until one says it."""
        digest = self.inventory.digests.values[jobs[0].digest]
        for job in jobs:
            try:
                size = self._source.size(job.repository, digest)
            except RegnbError as error:
                self._note_blob_failure(job, error, stage="blob")
                continue
            with self._noting() as inventory:
                inventory.sizes.append(job.digest, size)
            return

    def read_uncompressed(self, job: LayerJob) -> None:
        """Ask one repository after the other for the part of a layer that tells its size."""
        if not self._parts and self._wholes >= MOST_WHOLES:
            return
        for one in job.jobs:
            try:
                size = self._source.uncompressed(one.repository, job)
            except RegnbError as error:
                self._note_blob_failure(one, error, stage="blob")
                if isinstance(error, SizeMismatchError):
                    break  # a blob is the same wherever it lies
                continue
            with self._noting() as inventory:
                self._parts += size is not None
                self._wholes += size is None
                if size is not None and size >= 0:
                    inventory.uncompressed.append(one.digest, size, job.source)
            break
        with self._noting():
            self.layers_done += 1

    def _ask_for_config(self, job: BlobJob) -> None:
        digest = self.inventory.digests.values[job.digest]
        try:
            raw = self._source.config(job.repository, digest)
        except RegnbError as error:
            self._note_blob_failure(job, error, stage="config")
            if isinstance(error, BodyTooLargeError):
                self.settled.add(job.digest)  # it is no smaller elsewhere
            return
        self.settled.add(job.digest)
        if len(raw) > LARGE:
            self._note_config(job, raw)
        else:
            self.arrivals.add(partial(self._note_config, job, raw))

    def _note_config(self, job: BlobJob, raw: bytes) -> None:
        try:
            config = parse_image_config(raw, digest=self.inventory.digests.values[job.digest])
        except RegnbError as error:
            self._note_blob_failure(job, error, stage="config")
            return
        with self._noting() as inventory:
            inventory.add_config(config)

    def _has_moved(self, place: Place) -> bool:
        if place.tag is None:
            return False
        root = self.inventory.digests.values[place.root]
        try:
            return not self._source.points_to(place.repository, place.tag, root)
        except OperationCancelledError:
            raise
        except RegnbError:
            return False

    def _note_presence(self, place: Place, present: bool) -> None:
        if place.key not in self.presence:
            self.presence[place.key] = present
            self.inventory.add_member(
                place.repository, place.digest, present=present, source=place.source
            )

    def _add_failure(self, place: Place, error: RegnbError) -> None:
        self.inventory.add_failure(
            error,
            stage="referrers" if place.source == BY_SUBJECT else "manifest",
            repository=place.repository,
            reference=self._digest(place),
            parent=place.parent,
        )

    def _note_blob_failure(self, job: BlobJob, error: RegnbError, *, stage: Stage) -> None:
        with self._noting(error) as inventory:
            inventory.add_failure(
                error,
                stage=stage,
                repository=job.repository,
                reference=inventory.digests.values[job.digest],
                parent=job.parent,
            )

    def _record(self, manifest: Manifest) -> None:
        with self._lock:
            if not self._closed:
                self.inventory.record(manifest)

    def _is_known(self, digest: Digest) -> bool:
        with self._lock:
            return self.inventory.knows(self.inventory.digests.code(digest))

    def _digest(self, place: Place) -> Digest:
        return self.inventory.digests.values[place.digest]

    @contextmanager
    def _noting(self, error: RegnbError | None = None) -> Iterator[Inventory]:
        """Alone with the inventory, after a question that was answered or ended in `error`."""
        with self._lock:
            if self._closed:
                raise Closed
            if isinstance(error, OperationCancelledError):
                raise error  # whoever stopped the walk knows; it says nothing of the registry
            if isinstance(error, UnreachableError) and not self.purse.answered:
                raise error  # nothing was ever answered: there is no walk to go on with
            yield self.inventory


def _tag_of(reference: str) -> str | None:
    return None if ":" in reference else reference


def _absent(place: Place, *, moved: bool) -> RegnbError:
    if moved:
        return TagMovedError(
            f"Tag {place.tag!r} moved or went while it was read, and this manifest of it is gone. "
            "Run it again.",
            status=404,
            code="TAG_MOVED",
        )
    led = "A list of referrers" if place.source == BY_SUBJECT else "An index"
    return ManifestUnknownError(
        f"{led} names this manifest, but the repository does not hold it.",
        status=404,
        code="MANIFEST_UNKNOWN",
    )
