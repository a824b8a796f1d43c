"""Shelf: images on disk as a registry."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from regnb.errors import printable
from regnb.interfaces import RateLimit
from regnb.model.digest import Digest
from regnb.store.contents import Contents
from regnb.store.layout_repository import LayoutRepository
from regnb.store.locking import need_posix
from regnb.store.writer import Writer

StrPath = str | os.PathLike[str]


class Shelf(ABC):
    """What layouts and archives have in common with a registry. Threads may share one.

    Attributes:
        path: of the folder or file.
        name: what tables call it: the last part of the path.
        url: where it is, with what it is in front.
        notices: nothing; a registry has some for its users.
        rate_limit: None; a registry may have one.
        requests: 0; a registry counts its own.
    """

    scheme = ""
    notices: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None
    requests = 0

    def __init__(self, path: StrPath, *, name: str | None = None) -> None:
        """Name a folder or file; nothing is read yet.

        Args:
            path: of it.
            name: what tables shall call it instead of the last part of the path.

        Raises:
            StorageError: the system keeps no files safely enough.
        """
        need_posix()
        self.path = Path(path)
        self.url = f"{self.scheme}:{os.fspath(path)}"
        self._name = name
        self.name = name or self.path.resolve().name or str(self.path)

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return printable(self.path)

    @property
    def absence(self) -> str:
        """That there is nothing at this place, and what to do; empty where there is something."""
        return ""

    @property
    @abstractmethod
    def state_folder(self) -> Path:
        """The folder for the state of transfers from or into it."""

    @abstractmethod
    def contents(self) -> Iterable[Contents]:
        """All that it holds: one, or one for each layout in a folder."""

    @abstractmethod
    def contents_of(self, repository: str) -> Contents:
        """What a repository of that name is in, or would be."""

    @abstractmethod
    def writer(self, repository: str, contents: Contents) -> Writer:
        """What writes for a repository.

        Raises:
            ReadOnlyError: nothing does.
        """

    def ping(self) -> None:
        """Look whether images can be read here.

        Raises:
            LayoutError: it is something else, or damaged.
            StorageError: it cannot be read.
        """
        for one in self.contents():
            one.entries()

    def repositories(self, *, on_refused: Callable[[str], object] | None = None) -> Iterator[str]:
        """The names of the repositories, each once. What is no name is in `LayoutTags.all`.

        Raises:
            LayoutError: it is no layout or archive, or its index cannot be read.
            StorageError: a file cannot be read.
        """
        for one in self.contents():
            yield from one.repositories()

    def repository(self, name: str, *, domain: str | None = None) -> LayoutRepository:
        """A handle on one repository.

        Args:
            name: of it.
            domain: the registry that tags shall be named after that are put into it; by default
                the one that those which are there are named after.

        Raises:
            InvalidReferenceError: `name` is no repository path.
        """
        return LayoutRepository(name, self, domain=domain)

    def origins(self, domain: str) -> Mapping[Digest, str]:
        """Which repository of a registry each blob is known to come from.

        Names in an index say so: it is as true as they are.

        Args:
            domain: of the registry, such as ``docker.io`` or ``localhost:5000``.
        """
        found: dict[Digest, str] = {}
        for one in self.contents():
            found |= one.origins(domain)
        return found

    def answers(self) -> bool:
        """True: what is on disk is there, or an error that says so."""
        return True

    def frugal(self) -> AbstractContextManager[None]:
        """Nothing: what fails on disk is not asked for again."""
        return nullcontext()

    def cancel(self) -> None:
        """End what other threads read here; their calls raise `OperationCancelledError`."""
        for one in self.opened():
            one.cancel()

    @abstractmethod
    def opened(self) -> Iterable[Contents]:
        """What has been read from so far."""

    def close(self) -> None:  # noqa: B027 - there is nothing to do, and nothing to override
        """Nothing; streams that are open can be read to their end."""

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """What it is, and where."""
        return f"<{type(self).__name__} {self.url!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle holds the path and the name."""
        return _again, (type(self), self.url.removeprefix(f"{self.scheme}:"), self._name)


def _again(kind: type[Shelf], path: str, name: str | None) -> Shelf:
    return kind(path, name=name)
