"""Asking: the requests of a walk, and what is noted of each answer. Called from many threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from regnb import interfaces
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    InvalidReferenceError,
    ManifestUnknownError,
    NotFoundError,
    OperationCancelledError,
    RegnbError,
    TagMovedError,
    UnreachableError,
    printable,
)
from regnb.interfaces import CONFIG_LIMIT, TagList
from regnb.model.digest import Digest
from regnb.model.image_config import parse_image_config
from regnb.walk.columns import NONE
from regnb.walk.failures import Stage
from regnb.walk.inventory import Inventory

HANDLES = 1024  # repositories whose handle is kept
NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A manifest in a repository, and the way that led there.

    Attributes:
        repository: its name.
        digest: number of the manifest's digest.
        root: number of the digest that the way began with.
        tag: the tag that the way began with, or None where it was a digest.
        parent: number of the index that names the manifest, or NONE.
        attestation: whether that index calls it one.
    """

    repository: str
    digest: int
    root: int
    tag: str | None = None
    parent: int = NONE
    attestation: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """Who is asked for what."""
        return (self.repository, self.digest)


@dataclass(frozen=True, slots=True)
class BlobJob:
    """A config or layer, where to ask for it, and the manifest that names it."""

    repository: str
    digest: int
    parent: int


class Closed(Exception):  # noqa: N818 - never seen outside: it ends a thread that is late
    """The walk was stopped; an answer that comes now is not noted."""


class Asking:
    """Asks one registry and notes the answers in an inventory.

    Attributes:
        requests: how many were answered or given up; a listing counts as one.
        answered: how many tags and other references were.
        listed: the tags of the repositories of this batch.
        roots: where the references of this batch led.
        presence: who holds what, in this batch; None where the answer was of no use.
    """

    def __init__(self, registry: interfaces.Registry, inventory: Inventory) -> None:
        """Ask nothing yet."""
        self.inventory = inventory
        self.requests = 0
        self.answered = 0
        self._repository = lru_cache(HANDLES)(registry.repository)
        self._lock = threading.Lock()
        self._closed = False
        self.begin_batch()

    def begin_batch(self) -> None:
        """Forget what belongs to the repositories of the last batch."""
        self.listed: dict[str, TagList] = {}
        self.roots: list[Place] = []
        self.presence: dict[tuple[str, int], bool | None] = {}

    def close(self) -> None:
        """Note nothing more, whatever threads still bring."""
        with self._lock:
            self._closed = True

    def list_tags(self, repository: str) -> None:
        """Ask for the tags of a repository (W-C5, W-T8)."""
        try:
            found = self._repository(repository).tags.all()
        except RegnbError as error:
            with self._noting(error) as inventory:
                inventory.add_listing(repository, _status(error), NONE)
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
        """Ask a repository for what a tag or digest names: one GET."""
        repository, reference = pair
        tag = None if ":" in reference else reference
        try:
            manifest = self._repository(repository).manifests.get(reference)
        except RegnbError as error:
            with self._noting(error) as inventory:
                self.answered += 1
                if tag is not None:
                    inventory.add_lost_tag(repository, tag, printable(error))
                inventory.add_failure(
                    error, stage="manifest", repository=repository, reference=reference
                )
            return
        with self._noting() as inventory:
            self.answered += 1
            digest = inventory.record(manifest)
            if tag is not None:
                inventory.add_tag(repository, tag, manifest)
            place = Place(repository, digest, root=digest, tag=tag)
            self.roots.append(place)
            self._note_presence(place, True)

    def read_manifest(self, places: list[Place]) -> None:
        """Ask one repository after the other for a manifest, until one has it: GETs by digest."""
        for place in places:
            try:
                manifest = self._repository(place.repository).manifests.get(self._digest(place))
            except NotFoundError:
                with self._noting():
                    self._note_presence(place, False)
            except RegnbError as error:
                self._note_failure(place, error)
            else:
                with self._noting() as inventory:
                    inventory.record(manifest)
                    self._note_presence(place, True)
                return

    def confirm(self, place: Place) -> None:
        """Ask a repository whether it holds a manifest that is known from another: one HEAD."""
        try:
            present = self._repository(place.repository).manifests.exists(self._digest(place))
        except RegnbError as error:
            self._note_failure(place, error)
            return
        with self._noting():
            self._note_presence(place, present)

    def explain_absent(self, places: list[Place]) -> None:
        """Say of manifests of one tag that they are not there; first ask whether the tag moved."""
        moved = self._has_moved(places[0])
        with self._noting() as inventory:
            for place in places:
                error = _absent(place, moved=moved)
                inventory.add_failure(
                    error,
                    stage="manifest",
                    repository=place.repository,
                    reference=self._digest(place),
                    parent=place.parent,
                )

    def read_config(self, job: BlobJob) -> None:
        """Ask for an image config: one GET of a blob."""
        digest = self.inventory.digests.values[job.digest]
        try:
            raw = self._repository(job.repository).blobs.get(digest, limit=CONFIG_LIMIT)
            config = parse_image_config(raw, digest=digest)
        except RegnbError as error:
            self._note_blob_failure(job, error, stage="config")
            return
        with self._noting() as inventory:
            inventory.add_config(config)

    def look_for_layer(self, job: BlobJob) -> None:
        """Ask whether a layer that names other places lies here all the same: one HEAD."""
        try:
            self._repository(job.repository).blobs.stat(self.inventory.digests.values[job.digest])
        except NotFoundError:
            with self._noting() as inventory:
                inventory.mark_foreign(job.digest)
        except RegnbError as error:
            self._note_blob_failure(job, error, stage="blob")
        else:
            with self._noting() as inventory:
                inventory.mark_here(job.digest)

    def _note_blob_failure(self, job: BlobJob, error: RegnbError, *, stage: Stage) -> None:
        with self._noting(error) as inventory:
            inventory.add_failure(
                error,
                stage=stage,
                repository=job.repository,
                reference=inventory.digests.values[job.digest],
                parent=job.parent,
            )

    def _has_moved(self, place: Place) -> bool:
        if place.tag is None:
            return False
        try:
            now = self._repository(place.repository).tags.get(place.tag).digest
        except NotFoundError:
            return True
        except OperationCancelledError:
            raise
        except RegnbError:
            return False
        return now != self.inventory.digests.values[place.root]

    def _note_presence(self, place: Place, present: bool) -> None:
        if place.key not in self.presence:
            self.presence[place.key] = present
            self.inventory.add_member(place.repository, place.digest, present=present)

    def _note_failure(self, place: Place, error: RegnbError) -> None:
        with self._noting(error) as inventory:
            self.presence[place.key] = None
            inventory.add_failure(
                error,
                stage="manifest",
                repository=place.repository,
                reference=self._digest(place),
                parent=place.parent,
            )

    def _digest(self, place: Place) -> Digest:
        return self.inventory.digests.values[place.digest]

    @contextmanager
    def _noting(self, error: RegnbError | None = None) -> Iterator[Inventory]:
        """Alone with the inventory, after a request that was answered or ended in `error`."""
        with self._lock:
            if self._closed:
                raise Closed
            if isinstance(error, OperationCancelledError):
                raise error  # whoever stopped the walk knows; it says nothing of the registry
            if isinstance(error, UnreachableError) and not self.requests:
                raise error  # nothing was ever answered: there is no walk to go on with
            self.requests += 1
            yield self.inventory


def _status(error: RegnbError) -> str:
    if isinstance(error, NotFoundError):
        return "404"
    return "denied" if isinstance(error, DeniedError | AuthenticationRequiredError) else "error"


def not_names(of: str, refused: Sequence[str]) -> InvalidReferenceError:
    """The error for names in a listing that cannot be names of what it lists."""
    shown = ", ".join(repr(printable(name, 80)) for name in refused[:NAMES_SHOWN])
    return InvalidReferenceError(
        f"{len(refused)} of the names listed are no {of} and were not read: {shown}"
        + (", …" if len(refused) > NAMES_SHOWN else ".")
    )


def _absent(place: Place, *, moved: bool) -> RegnbError:
    if moved:
        return TagMovedError(
            f"Tag {place.tag!r} moved or went while it was read, and this manifest of it is gone. "
            "Run it again.",
            status=404,
            code="TAG_MOVED",
        )
    return ManifestUnknownError(
        "An index names this manifest, but the repository does not hold it.",
        status=404,
        code="MANIFEST_UNKNOWN",
    )
