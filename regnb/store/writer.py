"""Writer: what puts manifests and blobs into an OCI image layout (OCI image-spec, image layout)."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regnb.errors import BlobUnknownError, InvalidDocumentError, LayoutError
from regnb.errors import ManifestBlobUnknownError as MissingError
from regnb.model import strict_json
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest
from regnb.model.media_types import OCI_INDEX
from regnb.model.reference import parse
from regnb.store.atomic import sync_folder, write_atomically
from regnb.store.contents import Contents
from regnb.store.entries import index_items, read_entry
from regnb.store.folder import BLOBS, INDEX, MARK, MARK_CONTENT, Folder, not_followed
from regnb.store.names import IMAGE_NAME, REF_NAME
from regnb.store.part import Part, remove_parts_folder
from regnb.store.trouble import explained

STATE = ".regnb"
"""The folder in a layout for what is not finished yet."""

_BARE = {"mediaType", "digest", "size", "artifactType"}


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

    def part(self, blob: Descriptor) -> Part:
        """What a blob grows in until it is whole.

        Raises:
            LayoutError: the folder is something else than a layout.
            StorageError: the folders for it cannot be made.
        """
        self._prepare()
        target = self._blob_file(blob.digest)
        return Part(self._folder.path / STATE, blob, target)

    def put(self, manifest: Manifest, repository: str, tags: Sequence[str], *, domain: str) -> None:
        """Store a manifest, and let the index lead to it; raises as `LayoutManifests.put` does."""
        annotations = [self._annotations(repository, tag, domain) for tag in tags]
        self._check_complete(manifest)
        self._prepare()
        if not self._contents.holds_manifest(manifest.digest):
            self._store(manifest)
        with self._index() as items:
            if isinstance(manifest, Index):
                self._drop_bare(items, {one.digest for one in manifest.manifests})
            if not tags and not self._contents.leads_to(manifest.digest):
                items.append(_item(manifest))
            for tag, named in zip(tags, annotations, strict=True):
                self._drop_bare(items, {manifest.digest})
                self._replace(items, repository, tag, {**_item(manifest), "annotations": named})

    def untag(self, repository: str, tag: str) -> None:
        """Take a name out of the index; what it named stays on disk."""
        with self._index() as items:
            self._remove(items, repository, tag)

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
                fcntl.flock(file, fcntl.LOCK_EX)
                if not os.fstat(file).st_size:
                    os.write(file, MARK_CONTENT)
                    os.fsync(file)
                    sync_folder(self._folder.path)
                yield
            finally:
                os.close(file)

    @contextmanager
    def _index(self) -> Iterator[list[Any]]:
        """The entries of the index, to be changed; they are written if they were."""
        with self._locked():
            raw = self._folder.index()
            source, items = self._read(raw)
            before = json.dumps(items)
            yield items
            if raw is None or json.dumps(items) != before:
                source["manifests"] = items
                text = json.dumps(source, ensure_ascii=False, separators=(",", ":"))
                write_atomically(self._folder.path / INDEX, text.encode(), alone=True)

    def _read(self, raw: bytes | None) -> tuple[dict[str, Any], list[Any]]:
        if raw is None:
            return {"schemaVersion": 2, "mediaType": OCI_INDEX}, []
        try:
            items = index_items(raw)
            for item in items:
                read_entry(item, self._contents.naming)
            return strict_json.loads(raw), items
        except InvalidDocumentError as error:
            raise LayoutError(
                f"The index of {self._contents.shown} cannot be read, so that nothing was changed: "
                f"{error} Have the layout made anew; its blobs can stay."
            ) from None

    def _matching(self, items: list[Any], repository: str, tag: str) -> list[int]:
        naming = self._contents.naming
        entries = (read_entry(item, naming) for item in items)
        names = [(entry.repository, entry.name.tag) for entry in entries]
        return [position for position, name in enumerate(names) if name == (repository, tag)]

    def _replace(self, items: list[Any], repository: str, tag: str, item: Any) -> None:
        found = self._matching(items, repository, tag)
        position = found[0] if found else len(items)
        self._remove(items, repository, tag)
        items.insert(position, item)

    def _remove(self, items: list[Any], repository: str, tag: str) -> None:
        for position in reversed(self._matching(items, repository, tag)):
            del items[position]

    def _drop_bare(self, items: list[Any], digests: set[Digest]) -> None:
        """Leave out entries without a name that others lead to from now on."""
        items[:] = [i for i in items if i.keys() - _BARE or i["digest"] not in digests]


def _item(manifest: Manifest) -> dict[str, Any]:
    item = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size}
    return item | ({"artifactType": manifest.artifact_type} if manifest.artifact_type else {})
