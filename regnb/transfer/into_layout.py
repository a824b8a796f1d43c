"""Into a layout: blobs become files, whole or not at all (F7)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from regnb.errors import NotFoundError
from regnb.interfaces import OnPosition, Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest
from regnb.model.reference import REFERRERS_TAG
from regnb.store.layout_repository import LayoutRepository
from regnb.store.part import pause, remove_parts_folder
from regnb.transfer.destination import Action, Step


class IntoLayout:
    """One repository of an OCI image layout, to be written to."""

    vouches = False  # files may have been removed or damaged since: each blob is looked at

    def __init__(self, repository: LayoutRepository) -> None:
        """Touch nothing yet."""
        self._repository = repository

    def holds(self, manifest: Digest) -> bool:
        """Whether a manifest is there, whole."""
        return self._repository.manifests.exists(manifest)

    def has_tag(self, tag: str, manifest: Digest) -> bool:
        """Never mind: to write an index that says so already costs nothing."""
        return False

    def look(self, blob: Descriptor) -> Step:
        """By its size: reading it can wait until the transfer."""
        try:
            there = self._repository.blobs.stat(blob.digest).size == blob.size
        except NotFoundError:
            there = False
        return Step(blob, "skip" if there else "transfer")

    def take(self, step: Step, origin: Origin, on_position: OnPosition) -> Action:
        """Complete the file of a blob, unless it is whole; what is there is read and verified."""
        blobs = self._repository.blobs
        if step.action == "skip" and blobs.holds(step.blob):
            return "skip"

        def wait() -> None:
            pause()
            on_position(0)  # raises where the transfer is to end meanwhile

        with blobs.part(step.blob, wait=wait) as part:
            if part.superseded and blobs.holds(step.blob):  # another process has been at it
                part.restart()
                return "skip"
            on_position(part.offset)
            origin.blobs.fetch(step.blob, part, on_position=on_position)
            part.commit()
        return "transfer"

    def store(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Take a manifest, of which everything is there."""
        manifests = self._repository.manifests
        lists = [self._listed(tag) for tag in tags if REFERRERS_TAG.fullmatch(tag)]
        manifests.put(manifest, tags=tags)
        for digest in chain.from_iterable(lists):
            # Unless the new list names it, the index itself leads to it from now on.
            manifests.put(manifests.get(digest))

    def _listed(self, tag: str) -> list[Digest]:
        """The manifests on a list of referrers, as far as they are there."""
        try:
            found = self._repository.manifests.get(tag)
        except NotFoundError:
            return []
        listed = found.manifests if isinstance(found, Index) else ()
        return [one.digest for one in listed if self._repository.manifests.exists(one.digest)]

    def cancel(self) -> None:
        """End what other threads are reading there."""
        self._repository.registry.cancel()

    def tidy(self) -> None:
        """Remove the folder for parts, unless some are left in it."""
        remove_parts_folder(self._repository.registry.state_folder)
