"""Into a registry: blobs are mounted or uploaded, and uploads outlive the process (F8, W-P3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from regnb.core.reader import BlobReader
from regnb.core.repository import Repository
from regnb.core.wire.limits import MIB
from regnb.core.writer import BlobWriter
from regnb.errors import (
    BlobUnknownError,
    DiskFullError,
    NotFoundError,
    SizeMismatchError,
    UploadInvalidError,
    UploadUnknownError,
    VerificationError,
)
from regnb.interfaces import OnPosition, Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest
from regnb.model.reference import REFERRERS_TAG
from regnb.transfer import sightings
from regnb.transfer.destination import Action, Step
from regnb.transfer.journal import Entry, Journal

JOURNALED = 8 * MIB
"""Bytes from which on it is worth to remember an upload."""


class IntoRegistry:
    """One repository of a registry, to be pushed to."""

    vouches = True

    def __init__(
        self,
        repository: Repository,
        *,
        journal: Journal | None = None,
        whereabouts: Callable[[Digest], str | None] = lambda _: None,
    ) -> None:
        """Ask for nothing yet.

        Args:
            repository: where images go.
            journal: of uploads that are under way; without one, none is gone on with later.
            whereabouts: which repository of the same registry is known to have a blob.
        """
        self._repository = repository
        self._journal = journal
        self._whereabouts = whereabouts

    def holds(self, manifest: Digest) -> bool:
        """Whether a manifest is there. One HEAD."""
        return self._repository.manifests.exists(manifest)

    def has_tag(self, tag: str, manifest: Digest) -> bool:
        """Whether a tag points to a manifest already. One HEAD."""
        try:
            return self._repository.tags.get(tag).digest == manifest
        except NotFoundError:
            return False

    def look(self, blob: Descriptor) -> Step:
        """One HEAD."""
        try:
            found = self._repository.blobs.stat(blob.digest)
        except BlobUnknownError:
            source = self._mountable(blob.digest)
            return Step(blob, "mount" if source else "transfer", source)
        # Of two sizes one is wrong: sending the blob tells which.
        return Step(blob, "skip" if found.size == blob.size else "transfer")

    def take(self, step: Step, origin: Origin, on_position: OnPosition) -> Action:
        """Mount or upload a blob."""
        action = self._take(step, origin, on_position)
        sightings.note(self._repository.registry, step.blob.digest, self._repository.name)
        return action

    def store(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """One PUT as a rule; one GET more for a list of referrers, which takes none off there."""
        manifests = self._repository.manifests
        left = list(tags)
        if isinstance(manifest, Index):
            merge = manifests.referrers_tag.merge
            left = [t for t in tags if not (REFERRERS_TAG.fullmatch(t) and merge(t, manifest))]
        if left or not tags:
            manifests.put(manifest, tags=left)

    def cancel(self) -> None:
        """End what other threads are asking the registry."""
        self._repository.registry.cancel()

    def tidy(self) -> None:
        """Nothing: the journal of an upload goes with its end."""

    def _mountable(self, blob: Digest) -> str | None:
        places = (self._whereabouts(blob), sightings.place(self._repository.registry, blob))
        others = (place for place in places if place not in (None, self._repository.name))
        return next(others, None)

    def _take(self, step: Step, origin: Origin, on_position: OnPosition) -> Action:
        blob, writer = step.blob, None
        if step.action == "skip":
            self._forget(blob)
            return "skip"
        if step.mount_from is not None:
            writer = self._repository.blobs.mount(blob.digest, step.mount_from)
            if writer is None:
                self._forget(blob)
                return "mount"
        with self._entry(blob) as entry:
            upload = _Upload(blob, origin, entry, on_position)
            if (left := self._left(blob, entry)) is not None:
                if writer is not None:
                    writer.cancel()  # what has been sent before is worth more
                    writer = None
                # The registry may have lost it, or what it has is not what it should be.
                with suppress(UploadUnknownError, UploadInvalidError, VerificationError):
                    upload.run(left)
                    return "transfer"
            upload.run(writer or self._begin(blob))
        return "transfer"

    def _begin(self, blob: Descriptor) -> BlobWriter:
        # What comes from a registry or a layout verifies itself.
        return self._repository.blobs.create(algorithm=blob.digest.algorithm, hashed=False)

    def _forget(self, blob: Descriptor) -> None:
        """Remove what a process has left that was killed when the registry had just stored it."""
        if self._journal is not None:
            self._journal.forget(blob.digest)

    @contextmanager
    def _entry(self, blob: Descriptor) -> Iterator[Entry | None]:
        if self._journal is None or blob.size < JOURNALED:
            yield None
        else:
            with self._journal.entry(blob.digest) as entry:
                yield entry

    def _left(self, blob: Descriptor, entry: Entry | None) -> BlobWriter | None:
        """The upload that an earlier process left, if the registry still has it."""
        state = entry.read() if entry else None
        if state is None:
            return None
        try:
            writer = self._repository.blobs.resume(state)
        except (NotFoundError, UploadInvalidError, ValueError):
            return None
        return writer if writer.offset <= blob.size else None


@dataclass(slots=True)
class _Upload:
    """One blob on its way, and the journal's entry for it, if it has one."""

    blob: Descriptor
    origin: Origin
    entry: Entry | None
    on_position: OnPosition
    _noted: str = ""

    def run(self, writer: BlobWriter) -> None:
        """Send what is missing, and have the registry store the blob."""

        def moved(position: int) -> None:
            self._note(writer)
            self.on_position(position)

        try:
            moved(writer.offset)
            if writer.offset < self.blob.size:
                with self.origin.blobs.open(self.blob.digest) as stream:
                    stream.seek(writer.offset)
                    if isinstance(stream, BlobReader):
                        stream.peek()  # with the first bytes comes the size, which costs a HEAD
                    writer.read_from(stream, on_position=moved)
            _check_size(writer, self.blob)
            writer.commit(self.blob.digest)
        except BaseException as error:
            self._leave(writer, error)
            raise
        if self.entry is not None:
            self.entry.remove()

    def _note(self, writer: BlobWriter) -> None:
        """Write down where the upload goes on, whenever that has changed."""
        if self.entry is not None and writer.location != self._noted:
            with suppress(DiskFullError):  # whoever pushes may do so to make room
                self.entry.write(writer.state())
            self._noted = writer.location

    def _leave(self, writer: BlobWriter, error: BaseException) -> None:
        """Keep a broken upload where another process can find it, or drop it."""
        if self.entry is not None and not isinstance(error, VerificationError | NotFoundError):
            writer.close()
            return
        writer.cancel()
        if self.entry is not None:
            self.entry.remove()


def _check_size(writer: BlobWriter, blob: Descriptor) -> None:
    if writer.size != blob.size:
        raise SizeMismatchError(
            f"The blob {blob.digest} has {writer.size:,} bytes, and the manifest says "
            f"{blob.size:,}. Nothing was stored. One of the two is damaged: get the image anew."
        )
