"""Source: images on disk, by where they are and what they are."""

from __future__ import annotations

from pathlib import Path

from regnb.errors import LayoutError, printable
from regnb.store.archive import OciArchive
from regnb.store.archive_file import ArchiveFile
from regnb.store.docker_archive import MANIFEST, DockerArchive
from regnb.store.folder import INDEX, MARK
from regnb.store.layout import Layout
from regnb.store.shelf import Shelf, StrPath

_KINDS: dict[str, type[Shelf]] = {kind.scheme: kind for kind in (Layout, OciArchive, DockerArchive)}


def open_target(target: str) -> Shelf | None:
    """Images on disk by what they are and where: ``oci:folder/``, say. Nothing is read yet.

    None for anything else: a registry. A host may be called ``oci`` too: ``oci:5000`` is its port.

    Raises:
        ValueError: no path follows.
    """
    scheme, _, path = target.partition(":")
    if scheme not in _KINDS or path.isdigit():
        return None
    if not path:
        raise ValueError(f"{target} names no place: write a path after it.")
    return _KINDS[scheme](path)


def open_source(path: StrPath) -> Shelf:
    """Images on disk by where they are; what they are is looked up, unless a text says it as well.

    Raises:
        ValueError: it says only what they are.
        LayoutError: there is nothing, or nothing with images in it.
        StorageError: the file cannot be read.
    """
    place = Path(path)
    told = open_target(path) if isinstance(path, str) else None
    if told is not None or place.is_dir():
        source = told or Layout(path)
        source.ping()
        return source
    if not place.is_file():
        raise LayoutError(
            f"There is no folder and no file {printable(place)}. Name a folder with an OCI image "
            "layout, an OCI archive, or what docker save wrote."
        )
    return _open_archive(path, ArchiveFile(place))


def _open_archive(path: StrPath, file: ArchiveFile) -> Shelf:
    if file.holds(MARK) and file.holds(INDEX):
        return OciArchive(path, file=file)
    if file.holds(MANIFEST):
        return DockerArchive(path, file=file)
    raise LayoutError(
        f"{file.shown} holds neither {INDEX} nor {MANIFEST}: it is no archive of images. Make one "
        "with docker save, skopeo copy or img.save()."
    )
