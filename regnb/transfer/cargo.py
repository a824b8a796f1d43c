"""Cargo: everything that belongs to the images that are to be moved, each thing once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from regnb import workers
from regnb.display.text import count
from regnb.errors import (
    InvalidDocumentError,
    ListingWarning,
    ManifestUnknownError,
    RegnbError,
    SizeMismatchError,
)
from regnb.interfaces import Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, OpaqueManifest
from regnb.model.reference import COSIGN_ENDS, referrers_tag

WORKERS = 8
MOST_MANIFESTS = 1_000_000
"""Manifests of one cargo; no registry has that many behind the images that people move."""

BlobKind = Literal["config", "layer"]
Name = TypeVar("Name", bound=str)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Top:
    """An image that a cargo begins with.

    Attributes:
        name: the tag or digest that it has where it is.
        tags: that it will have where it goes.
        manifest: the manifest or index, where it has been read already.
        read: what else has been read of it.
    """

    name: str
    tags: tuple[str, ...] = ()
    manifest: Manifest | None = None
    read: tuple[Manifest, ...] = ()


@dataclass(slots=True)
class Cargo:
    """The manifests and blobs of some images.

    Attributes:
        manifests: by digest; what a manifest names comes before it, its referrers come after it.
        tags: of those that will have some.
        blobs: by digest.
        kinds: what each blob is for.
        roots: the tops, and the referrers: nothing else in the cargo names them.
        errors: what could not be read, by digest.
        unread: images that could not even be begun with, by tag or digest.
        is_single: whether it began with but one image, so that the first error ends it all.
    """

    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    tags: dict[Digest, tuple[str, ...]] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    kinds: dict[Digest, BlobKind] = field(default_factory=dict)
    roots: dict[Digest, str] = field(default_factory=dict)
    errors: dict[str, RegnbError] = field(default_factory=dict)
    unread: dict[str, RegnbError] = field(default_factory=dict)
    is_single: bool = True

    def closure(self, root: Digest) -> set[Digest]:
        """The digests of a manifest and of all that it leads to, blobs too."""
        seen, waiting = {root}, [root]
        while waiting:
            manifest = self.manifests.get(waiting.pop())
            for found in manifest.references() if manifest is not None else ():
                if found.digest not in seen:
                    seen.add(found.digest)
                    waiting.append(found.digest)
        return seen

    def levels(self) -> list[list[Manifest]]:
        """The manifests, so that each is on a later level than all that it names."""
        heights: dict[Digest, int] = {}
        levels: list[list[Manifest]] = []
        for digest, manifest in self.manifests.items():
            below = [heights[one.digest] for one in manifest.references() if one.digest in heights]
            heights[digest] = height = max(below, default=-1) + 1
            levels += [[]] if height == len(levels) else []
            levels[height].append(manifest)
        return levels


def gather(
    tops: Sequence[Top],
    origin: Origin,
    *,
    referrers: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> Cargo:
    """Find out what belongs to some images.

    One request for each distinct manifest that has not been read. With `referrers`, one more for
    each (two where the registry has no API for referrers), and one for the list of tags.

    Args:
        tops: the images.
        origin: where they are.
        referrers: take along what is about any of the manifests: signatures, SBOMs and so on, and
            what is about those.
        tick: called in this thread from time to time.

    Returns:
        The cargo. What could not be read is in its ``errors``, unless there is but one top.

    Raises:
        SizeMismatchError: two manifests disagree about a blob.
        InvalidDocumentError: a manifest does not say what it consists of, or there are too many.
        RegnbError: something cannot be read, and there is but one top.
    """
    gathering = _Gathering(origin, tick, Cargo(is_single=len(tops) == 1))
    gathering.take_tops(tops)
    if referrers:
        gathering.take_referrers()
    gathering.finish()
    return gathering.cargo


class _Gathering:
    """A cargo while it grows, one level of manifests after the other."""

    def __init__(self, origin: Origin, tick: Callable[[], None], cargo: Cargo) -> None:
        self.cargo = cargo
        self._origin = origin
        self._tick = tick
        self._found: dict[Digest, Manifest] = {}
        self._known: dict[Digest, Manifest] = {}

    def take_tops(self, tops: Sequence[Top]) -> None:
        """Take the images themselves, and all that they lead to."""
        read: dict[str, Manifest] = {}
        unread: list[str] = []
        for top in tops:
            self._known |= {one.digest: one for one in top.read}
            if top.manifest is None:
                unread.append(top.name)
            else:
                read[top.name] = top.manifest
        read |= self._side_by_side(self._origin.manifests.get, unread)
        self.cargo.unread, self.cargo.errors = self.cargo.errors, {}
        for top in tops:
            if (manifest := read.get(top.name)) is not None:
                self.cargo.roots.setdefault(manifest.digest, top.name)
                self._tag(manifest.digest, top.tags)
        self.take({manifest.digest: manifest for manifest in read.values()})

    def take(self, level: dict[Digest, Manifest]) -> None:
        """Take manifests, and all that they lead to."""
        while level:
            self._found |= level
            if len(self._found) > MOST_MANIFESTS:
                raise InvalidDocumentError(
                    f"More than {MOST_MANIFESTS:,} manifests belong to what is to be moved, so "
                    "that reading stopped there. Move fewer tags at once."
                )
            wanted: dict[Digest, Descriptor] = {}
            for manifest in level.values():
                with self._noted(manifest.digest):
                    wanted |= self._unpack(manifest)
            level = self._read(wanted)

    def take_referrers(self) -> None:
        """Take what is about the manifests, and what is about that."""
        tags = set(self._origin.tags.all())
        asked: set[Digest] = set()
        while new := [digest for digest in self._found if digest not in asked]:
            asked.update(new)
            listed = self._side_by_side(self._origin.referrers.all, new)
            level = self._about({one.digest: one for about in listed.values() for one in about})
            level |= self._signatures(new, tags)
            for digest in level:
                self.cargo.roots.setdefault(digest, digest)
            self.take({d: m for d, m in level.items() if d not in self._found})

    def finish(self) -> None:
        """Put the manifests in the order in which a registry takes them."""
        for root in self.cargo.roots:
            for digest in _children_first(root, self._found):
                self.cargo.manifests.setdefault(digest, self._found[digest])

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        """Keep an error for later, unless there is but one image to move."""
        try:
            yield
        except RegnbError as error:
            if self.cargo.is_single:
                raise
            self.cargo.errors[name] = error

    def _tag(self, digest: Digest, tags: tuple[str, ...]) -> None:
        known = self.cargo.tags.get(digest, ())
        self.cargo.tags[digest] = tuple(dict.fromkeys((*known, *tags)))

    def _read(self, wanted: Mapping[Digest, Descriptor]) -> dict[Digest, Manifest]:
        """Read those of the manifests that nobody has tried to read yet."""
        unread = [d for d in wanted if d not in self._found and d not in self.cargo.errors]
        return self._side_by_side(lambda d: self._child(wanted[d]), unread)

    def _child(self, wanted: Descriptor) -> Manifest:
        if (known := self._known.get(wanted.digest)) is not None and known.size == wanted.size:
            return known
        try:
            return self._origin.manifests.get(wanted)
        except ManifestUnknownError as error:
            error.add_note(
                f"An index names {wanted.digest}, which is not there. Push it again, or move only "
                "the platforms that are there: platforms='os/architecture'."
            )
            raise

    def _about(self, wanted: Mapping[Digest, Descriptor]) -> dict[Digest, Manifest]:
        """Read referrers, but for those that were deleted and are still on a list."""
        gone: list[Digest] = []

        def read(digest: Digest) -> Manifest | None:
            try:
                return self._origin.manifests.get(wanted[digest])
            except ManifestUnknownError:
                gone.append(digest)
                return None

        unread = [d for d in wanted if d not in self._found and d not in self.cargo.errors]
        found = self._side_by_side(read, unread)
        if gone:
            warnings.warn(
                f"What is about the images has gaps: {self._origin.name} lists {gone[0]} and has "
                f"it no more; so it is with {count(len(gone), 'manifest')}, left out here.",
                ListingWarning,
                stacklevel=2,
            )
        return {digest: one for digest, one in found.items() if one is not None}

    def _signatures(self, subjects: Iterable[Digest], tags: set[str]) -> dict[Digest, Manifest]:
        """What cosign hangs on a manifest by the name of a tag alone."""
        names = [f"{referrers_tag(one)}.{end}" for one in subjects for end in COSIGN_ENDS]
        found = self._side_by_side(self._origin.manifests.get, [n for n in names if n in tags])
        for name, manifest in found.items():
            self._tag(manifest.digest, (name,))
        return {manifest.digest: manifest for manifest in found.values()}

    def _unpack(self, manifest: Manifest) -> dict[Digest, Descriptor]:
        """Note the blobs of a manifest; gives the manifests that it names."""
        if isinstance(manifest, OpaqueManifest):
            raise InvalidDocumentError(
                f"{manifest.digest} cannot be moved, because it does not say what it consists of. "
                f"{manifest.reason} Have the image pushed anew by a current program."
            )
        if isinstance(manifest, Index):
            return {one.digest: one for one in manifest.manifests}
        self._note(manifest.config, "config", manifest)
        for layer in manifest.layers:
            self._note(layer, "layer", manifest)
        return {}

    def _note(self, blob: Descriptor, kind: BlobKind, manifest: ImageManifest) -> None:
        known = self.cargo.blobs.setdefault(blob.digest, blob)
        self.cargo.kinds.setdefault(blob.digest, kind)
        if known.size != blob.size:
            raise SizeMismatchError(
                f"The manifest {manifest.digest} says that the blob {blob.digest} has "
                f"{blob.size:,} bytes, and another one says {known.size:,}. One of the two is "
                "wrong; move them apart to see which."
            )

    def _side_by_side(
        self, read: Callable[[Name], Result], asked: Sequence[Name]
    ) -> dict[Name, Result]:
        """What `read` gives for each, a few at once; errors are noted or raised."""
        results: dict[Name, Result] = {}

        def work(one: Name) -> None:
            with self._noted(one):
                results[one] = read(one)

        cancel = self._origin.registry.cancel
        workers.run(asked, work, workers=WORKERS, tick=self._tick, cancel=cancel)
        return {one: results[one] for one in asked if one in results}


def _children_first(root: Digest, found: Mapping[Digest, Manifest]) -> Iterator[Digest]:
    """A manifest, as far as it was found, after all that it leads to."""
    waiting, seen = [(root, False)], set[Digest]()
    while waiting:
        digest, is_done = waiting.pop()
        if is_done:
            yield digest
        elif digest in found and digest not in seen:
            seen.add(digest)
            waiting.append((digest, True))
            manifest = found[digest]
            below = manifest.manifests if isinstance(manifest, Index) else ()
            waiting.extend((child.digest, False) for child in reversed(below))
