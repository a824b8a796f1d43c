"""Writer: what puts manifests and blobs into an OCI image layout (OCI image-spec, image layout)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from regnb.errors import BlobUnknownError
from regnb.errors import ManifestBlobUnknownError as MissingError
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest
from regnb.model.reference import parse
from regnb.store.atomic import sync_folder, write_atomically
from regnb.store.contents import Contents
from regnb.store.entries import Entries, Entry, read_entry
from regnb.store.folder import BLOBS, INDEX, MARK, MARK_CONTENT, Folder, not_followed
from regnb.store.locking import lock
from regnb.store.names import IMAGE_NAME, REF_NAME
from regnb.store.part import Part, pause, remove_parts_folder
from regnb.store.trouble import explained

STATE = ".regnb"
"""The folder in a layout for what is not finished yet."""

_PLAIN = {"mediaType", "digest", "size", "artifactType", "annotations"}


class Writer:
    """What writes into one layout. Nothing is made before something is written.

    Blobs and manifests come first, then the index that leads to them, in one step each: whoever
    reads meanwhile, or whatever breaks, never meets a name without its image.
    """

    __slots__ = ("_contents", "_folder")

    def __init__(self, contents: Contents, folder: Folder) -> None:
        """Write nothing yet."""
        self._contents = contents
        self._folder = folder

    def part(self, blob: Descriptor, *, wait: Callable[[], object] = pause) -> Part:
        """What a blob grows in until it is whole.

        Raises:
            LayoutError: the folder is something else than a layout.
            StorageError: the folders for it cannot be made.
        """
        self._prepare()
        target = self._blob_file(blob.digest)
        return Part(self._folder.path / STATE, blob, target, wait=wait)

    def put(self, manifest: Manifest, repository: str, tags: Sequence[str], *, domain: str) -> None:
        """Store a manifest, and let the index lead to it; raises as `LayoutManifests.put` does."""
        annotations = [self._annotations(repository, tag, domain) for tag in tags]
        self._check_complete(manifest)
        self._prepare()
        if not self._contents.holds_manifest(manifest.digest):
            self._store(manifest)
        with self._entries() as entries:
            led = (
                {one.digest for one in manifest.manifests} if isinstance(manifest, Index) else set()
            )
            led |= {manifest.digest} if tags else set()
            _drop_untagged(entries, {one: self._by_digest(one, repository, domain) for one in led})
            if not tags and not self._is_led_to(manifest, repository):
                named = self._by_digest(manifest.digest, repository, domain)
                entries.append(self._entry(manifest, {} if manifest.subject else named))
            for named in annotations:
                _replace(entries, self._entry(manifest, named))

    def untag(self, repository: str, tag: str) -> None:
        """Take a name out of the index; what it named stays on disk."""
        with self._entries() as entries:
            entries[:] = [one for one in entries if _key(one) != (repository, tag)]

    def _store(self, manifest: Manifest) -> None:
        """As a part, too: so that nothing of it stays but what the next call goes on with."""
        with self.part(manifest.descriptor) as part:
            part.restart()
            part.write(manifest.raw)
            part.commit()
        remove_parts_folder(self._folder.path / STATE)

    def _annotations(self, repository: str, tag: str, domain: str) -> dict[str, str]:
        path = self._contents.naming.path(repository)
        if not path:
            return {REF_NAME: tag}
        return {REF_NAME: tag, IMAGE_NAME: str(parse(f"{domain}/{path}:{tag}"))}

    def _by_digest(self, digest: Digest, repository: str, domain: str) -> dict[str, str]:
        """What tells the repository of an image without a tag.

        Not of what is about an image: what has a name is taken for an image by other programs.
        """
        path = self._contents.naming.path(repository)
        return {IMAGE_NAME: str(parse(f"{domain}/{path}@{digest}"))} if path else {}

    def _is_led_to(self, manifest: Manifest, repository: str) -> bool:
        within = None if manifest.subject else repository
        return self._contents.leads_to(manifest.digest, within=within)

    def _check_complete(self, manifest: Manifest) -> None:
        for one in manifest.references():
            if not one.foreign:
                self._check_there(one, manifest.digest)

    def _check_there(self, one: Descriptor, parent: Digest) -> None:
        size = None
        try:
            with self._contents.region(one.digest) as region:
                size = region.size
        except BlobUnknownError:
            pass
        if size != one.size:
            wrong = "is not there" if size is None else f"has {size:,} bytes, not {one.size:,}"
            raise MissingError(
                f"{parent} was not put into {self._contents.shown}: it names {one.digest}, which "
                f"{wrong}. Put that first."
            )

    def _prepare(self) -> None:
        self._folder.check()
        with explained(self._folder.path, "made"):
            self._folder.path.mkdir(parents=True, exist_ok=True)
        with self._locked():
            pass

    def _blob_file(self, digest: Digest) -> Path:
        """Where a blob belongs, its folder made; nothing there is a symbolic link (S15)."""
        target = self._folder.blob_path(digest)
        for folder in (self._folder.path / BLOBS, target.parent):
            with explained(folder, "made"):
                if folder.is_symlink():
                    raise not_followed(str(folder))
                folder.mkdir(exist_ok=True)
        return target

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the layout against other writers, in this process or another.

        Its mark is locked, which is never replaced, so that no file of a lock's own is left over.
        """
        mark = self._folder.path / MARK
        with explained(mark, "locked"):
            file = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                lock(file, wait=True)
                if not os.fstat(file).st_size:
                    os.write(file, MARK_CONTENT)
                    os.fsync(file)
                    sync_folder(self._folder.path)
                yield
            finally:
                os.close(file)

    @contextmanager
    def _entries(self) -> Iterator[list[Entry]]:
        """The entries of the index, to be changed; they are written if they were."""
        with self._locked():
            before = self._contents.entries()
            entries = list(before.all)
            yield entries
            is_new = self._contents.holding.stamp is None
            if is_new or [id(one) for one in entries] != [id(one) for one in before.all]:
                after = Entries.of(entries, before.document)
                write_atomically(self._folder.path / INDEX, after.as_bytes(), alone=True)
                self._contents.remember(after)

    def _entry(self, manifest: Manifest, annotations: Mapping[str, str]) -> Entry:
        item = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size}
        if manifest.artifact_type:
            item["artifactType"] = manifest.artifact_type
        more = {"annotations": annotations} if annotations else {}
        return read_entry({**item, **more}, self._contents.naming)


def _replace(entries: list[Entry], new: Entry) -> None:
    """Put an entry in the place of the one with its name, and before those of other registries."""
    named = [at for at, one in enumerate(entries) if _key(one) == _key(new)]
    first = named[0] if named else len(entries)
    if named and entries[first].source == new.source:
        new = entries[first]
    for at in reversed(named):
        if entries[at].name.is_of(new.name.domain):
            del entries[at]
    entries.insert(first, new)


def _key(entry: Entry) -> tuple[str, str | None]:
    return entry.repository, entry.name.tag


def _drop_untagged(entries: list[Entry], led: Mapping[Digest, Mapping[str, str]]) -> None:
    """Leave out entries that say no more than others which lead there from now on.

    Args:
        entries: of the index.
        led: what others lead to, with the annotations that say no more.
    """

    def is_plain(one: Entry) -> bool:
        digest, given = one.descriptor.digest, one.source.get("annotations", {})
        return digest in led and given in ({}, led[digest]) and not one.source.keys() - _PLAIN

    entries[:] = [one for one in entries if not is_plain(one)]
