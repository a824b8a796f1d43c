"""Writing an archive: one tar file that is an OCI archive, and what ``docker load`` reads."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from regnb.errors import LayoutError, NotFoundError, StorageError, printable
from regnb.interfaces import OnPosition
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index
from regnb.store.atomic import MODE, sync_folder
from regnb.store.contents import Contents
from regnb.store.docker_archive import MANIFEST
from regnb.store.entries import Entry
from regnb.store.folder import BLOBS, INDEX, MARK, MARK_CONTENT
from regnb.store.layout import Layout
from regnb.store.locking import lock
from regnb.store.region import PIECE
from regnb.store.shelf import StrPath
from regnb.store.trouble import explained


@dataclass(slots=True)
class _Freight:
    """What goes into an archive.

    Attributes:
        blobs: all that is copied, manifests too.
        images: every image for one platform.
        tags: the names of each that has some of its own.
    """

    blobs: dict[Digest, None] = field(default_factory=dict)
    images: dict[Digest, ImageManifest] = field(default_factory=dict)
    tags: dict[Digest, list[str]] = field(default_factory=dict)


def write_archive(layout: Layout, path: StrPath, *, on_position: OnPosition | None = None) -> None:
    """Write all images of a layout into one tar file, the same bytes for the same layout.

    It can be read as an OCI archive, and by ``docker load`` and ``skopeo copy docker-archive:``.
    Each blob is verified while it is copied. The file appears when it is whole; until then it is
    beside, with ``.part`` at the end of its name.

    Args:
        layout: to be written; one layout, not a folder of several.
        path: of the file; what is there is replaced.
        on_position: is told how many bytes of the file are written.

    Raises:
        LayoutError: this is no layout, or a folder of several.
        ManifestUnknownError: a manifest that the index names is missing.
        BlobUnknownError: a blob is missing.
        DigestMismatchError: a blob is damaged.
        DiskFullError: no space is left.
        StorageError: what else stands in the way.
    """
    contents, *others = layout.contents()
    raw = contents.holding.index()
    if others or raw is None:
        raise LayoutError(
            f"{layout.shown} is {'a folder of several layouts' if others else 'empty'}. Save one "
            "layout with images in it."
        )
    freight = _freight(contents)
    documents = {MARK: MARK_CONTENT, INDEX: raw, MANIFEST: _docker_manifest(contents, freight)}
    kept = (
        "What was there before is still there. The images are whole in "
        f"{layout.shown}, from which the same call goes on."
    )
    with explained(path, "written", kept=kept), _becoming(Path(path)) as file:
        _write(file, documents, contents, freight, on_position)


def _freight(contents: Contents) -> _Freight:
    freight = _Freight()
    for entry in contents.entries().all:
        contents.links(entry.descriptor)  # what the index names itself has to be there
        images = _load(contents, entry.descriptor, freight, set())
        if len(images) == 1 and entry.name.tag is not None:
            (only,) = images
            freight.tags.setdefault(only, []).append(_reference(entry))
    return freight


def _reference(entry: Entry) -> str:
    path = f"{entry.name.path or entry.repository}:{entry.name.tag}"
    return f"{entry.name.domain}/{path}" if entry.name.domain else path


def _load(contents: Contents, top: Descriptor, freight: _Freight, seen: set[Digest]) -> set[Digest]:
    """Take along what a manifest leads to; the images that it stands for."""
    images, waiting = set(), [top]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.digest in seen:
            continue
        seen.add(descriptor.digest)
        try:
            manifest = contents.manifest(descriptor)
        except NotFoundError:
            continue  # a platform that was not pulled
        freight.blobs[manifest.digest] = None
        if isinstance(manifest, Index):
            waiting += manifest.manifests
        elif isinstance(manifest, ImageManifest):
            freight.blobs |= {b.digest: None for b in manifest.references() if not b.foreign}
            if manifest.kind == "image" and not descriptor.is_attestation:
                freight.images[manifest.digest] = manifest
                images.add(manifest.digest)
    return images


def _docker_manifest(contents: Contents, freight: _Freight) -> bytes:
    images = sorted(freight.images.items())
    listed = [
        {
            "Config": _member(manifest.config.digest),
            "RepoTags": freight.tags.get(digest),
            "Layers": [_member(layer.digest) for layer in manifest.layers],
        }
        for digest, manifest in images
        if all(layer.digest in freight.blobs for layer in manifest.layers)
    ]
    return json.dumps(listed, separators=(",", ":")).encode()


def _member(digest: Digest) -> str:
    return f"{BLOBS}/{digest.algorithm}/{digest.encoded}"


def _write(
    file: IO[bytes],
    documents: dict[str, bytes],
    contents: Contents,
    freight: _Freight,
    on_position: OnPosition | None,
) -> None:
    told: Any = _Told(file, on_position) if on_position else file
    with tarfile.TarFile(
        fileobj=told, mode="w", format=tarfile.GNU_FORMAT, copybufsize=PIECE
    ) as archive:
        for name, raw in documents.items():
            archive.addfile(_header(name, len(raw)), io.BytesIO(raw))
        for digest in sorted(freight.blobs):
            with contents.region(digest) as region:
                size = region.size
            with contents.open(digest) as stream:
                archive.addfile(_header(_member(digest), size), stream)


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)  # its times and owners are 0 unless told otherwise
    header.size = size
    return header


class _Told:
    """A file that tells how much of it is written."""

    def __init__(self, file: IO[bytes], on_position: OnPosition) -> None:
        self._file, self._on_position = file, on_position
        self.tell = file.tell

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._on_position(self._file.tell())
        return written


@contextmanager
def _becoming(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place only when all has been written."""
    temporary = path.with_name(f"{path.name}.part")
    with explained(temporary, "opened"):
        number = _locked(temporary)
    with open(number, "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def _locked(temporary: Path) -> int:
    """The file, open, empty and ours alone, whatever a killed process left there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    number = os.open(temporary, flags, MODE)
    try:
        here = os.stat(temporary, follow_symlinks=False) if lock(number) else None
        ours = here is not None and os.path.samestat(os.fstat(number), here)
    except FileNotFoundError:
        ours = False
    if not ours:
        os.close(number)
        raise StorageError(
            f"{printable(temporary)} is being written by another process. Wait for it, or choose "
            "another name."
        )
    os.ftruncate(number, 0)
    return number
