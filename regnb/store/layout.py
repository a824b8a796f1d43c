"""Layout: OCI image layouts in a folder (OCI image-spec, image layout)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from regnb.errors import LayoutError, ReadOnlyError, printable
from regnb.model.digest import Digest
from regnb.store.contents import Contents
from regnb.store.entries import Naming
from regnb.store.folder import MARK, Folder
from regnb.store.names import slug
from regnb.store.region import Region
from regnb.store.shelf import Shelf, StrPath
from regnb.store.trouble import explained
from regnb.store.writer import STATE, Writer

DEPTH = 8
"""Folders within folders in which layouts are looked for."""

FOLDERS = 10_000
"""Folders that are looked at."""


_PREFIX = 200  # characters, so that there is room for the repository


class Layout(Shelf):
    """An OCI image layout, or a folder of them, with the methods of a registry.

    An empty folder is a layout without images. One that is absent is made when something is first
    written; to list what it holds is an error. A folder that is no layout, but has some below it,
    shows them all: the repositories of each begin with the path of its folder. Symbolic links are
    not followed.
    """

    scheme = "oci"

    def __init__(self, path: StrPath, *, name: str | None = None) -> None:
        """Name a folder; nothing is read yet.

        Args:
            path: of the folder.
            name: what tables shall call it instead of the last part of the path.
        """
        super().__init__(path, name=name)
        default = slug(PurePath(self.path.resolve().name))
        self._root = Contents(Folder(self.path), naming=Naming(default))
        self._nowhere = Contents(_Nowhere(self.shown), naming=Naming(default))
        self._below: dict[str, Contents] = {}
        self._folders: dict[tuple[Path, str], Contents] = {}

    @property
    def absence(self) -> str:
        """That there is no such folder, and how to name what may be meant."""
        with explained(self.path, "read"):
            try:
                os.stat(self.path)
            except (FileNotFoundError, NotADirectoryError):
                return f"There is no folder {self.shown}. {_meant(self.path)}"
        return ""

    @property
    def state_folder(self) -> Path:
        """The folder for what is not finished yet; it need not be there."""
        return self.path / STATE

    def contents(self) -> Iterable[Contents]:
        """The layout, or all layouts below the folder.

        Raises:
            LayoutError: there is something else, or nothing.
            StorageError: the folder cannot be looked at.
        """
        if self.absence:
            raise LayoutError(self.absence)
        if self._alone():
            return [self._root]
        self._look_below()
        return [one for _, one in sorted(self._below.items())]

    def contents_of(self, repository: str) -> Contents:
        """The layout that a repository is in, or would be."""
        if self._alone():
            return self._root
        if self._prefix(repository) is None:
            self._look_below()
        prefix = self._prefix(repository)
        if prefix is not None:
            return self._below[prefix]
        return self._nowhere if self._below else self._root

    def writer(self, repository: str, contents: Contents) -> Writer:
        """What writes for a repository.

        Raises:
            ReadOnlyError: the folder is one of several layouts, none of which is the repository's.
        """
        folder = contents.holding
        if not isinstance(folder, Folder):
            raise ReadOnlyError(
                f"{self.shown} is a folder of several layouts, and {repository} is in none of "
                "them. Write to one of those layouts, or to a new folder beside them."
            )
        return Writer(contents, folder)

    def opened(self) -> Iterable[Contents]:
        """What has been read from so far."""
        return [self._root, *self._folders.values()]

    def _alone(self) -> bool:
        with explained(self.path, "read"):
            return os.path.lexists(self.path / MARK) or Folder(self.path).vacant

    def _prefix(self, repository: str) -> str | None:
        parts = repository.split("/")
        tried = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((prefix for prefix in tried if prefix in self._below), None)

    def _look_below(self) -> None:
        below: dict[str, Contents] = {}
        for folder in _layouts(self.path):
            prefix = _free(slug(folder.relative_to(self.path)), below)
            known = self._folders.get((folder, prefix))
            one = known or Contents(Folder(folder), naming=Naming(prefix, prefix))
            below[prefix] = self._folders[folder, prefix] = one
        if not below:
            Folder(self.path).check()
        self._below = below


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """Where a repository is that none of several layouts has."""

    shown: str
    stamp: object = None

    def index(self) -> bytes | None:
        return None

    def region(self, digest: Digest, cancelled: threading.Event) -> Region | None:
        return None


def _meant(path: Path) -> str:
    """What to write instead of a path that is not there, or of ``folder:tag`` as skopeo has it."""
    folder, _, name = str(path).partition(":")
    if not name or not Path(folder).is_dir():
        return "Check the path."
    image = name if ":" in name else f"...:{name}"
    meant = printable(f"regnb.connect('oci:{folder}')['{image}']")
    return f"An image is named after its layout: {meant}, if that is meant."


def _free(prefix: str, taken: Iterable[str]) -> str:
    """A prefix that no other layout has, where two folders resemble each other."""
    short = prefix[:_PREFIX].rstrip("._-/")
    number, free = 2, short
    while free in set(taken):
        number, free = number + 1, f"{short}-{number}"
    return free


def _layouts(folder: Path) -> Iterator[Path]:
    """The layouts below a folder, by name; what lies in a layout is not looked at."""
    waiting, seen = [(folder, 0)], 0
    while waiting:
        here, depth = waiting.pop()
        seen += 1
        if seen > FOLDERS:
            raise LayoutError(
                f"{printable(folder)} has more than {FOLDERS:,} folders in it. Name the one that "
                "holds the layouts."
            )
        if depth and (here / MARK).is_file():
            yield here
        elif depth < DEPTH:
            waiting += [(below, depth + 1) for below in reversed(_subfolders(here))]


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as found:
            kept = [f for f in found if f.is_dir(follow_symlinks=False) and f.name[0] != "."]
    except OSError:
        return []  # one that may not be looked into is none of ours
    return sorted(Path(one.path) for one in kept)
