"""The cache as a user sees it: what is in it, how large it is, and how to empty it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from regnb.core.registry import Registry
from regnb.display.card import Card, Shown
from regnb.display.text import size
from regnb.errors import CacheWarning
from regnb.frames.build import frame
from regnb.frames.cache_schema import CACHE
from regnb.interfaces import Registry as AnyRegistry
from regnb.options import cache_limit
from regnb.store import database
from regnb.store.cache import ContentCache, cache_folder
from regnb.walk.journal import FOLDER


class Cache(Shown):
    """Manifests and image configs on disk, so that none is read from a registry twice.

    It is shared by all registries, sessions and processes of an account, and what was not used for
    longest goes first. Content is verified whenever it is taken out. Beside it lie the answers that
    unfinished audits have had, for the next call to go on with.

    ``REGNB_CACHE`` in the environment names another folder, or is ``off``;
    ``set_options(cache_limit=...)`` or ``REGNB_CACHE_LIMIT`` say how many bytes it may take.
    """

    @property
    def path(self) -> Path | None:
        """The folder; None where `REGNB_CACHE` is ``off``."""
        return cache_folder()

    @property
    def limit(self) -> int:
        """Bytes that it may take."""
        return cache_limit()

    @property
    def size(self) -> int:
        """Bytes that it takes now."""
        with _opened() as cache:
            return cache.size

    @property
    def entry_count(self) -> int:
        """How many manifests and configs are in it."""
        with _opened() as cache:
            return cache.entry_count

    def entries(self) -> pd.DataFrame:
        """What is in it, sorted by digest; no request.

        Returns:
            Columns ``digest media_type size used_at``; sizes are bytes, and ``used_at`` is right to
            the hour.
        """
        with _opened() as cache:
            found = cache.entries()
        columns = {
            "digest": [one.digest for one in found],
            "media_type": [one.media_type for one in found],
            "size": [one.size for one in found],
            "used_at": [datetime.fromtimestamp(one.used, UTC) for one in found],
        }
        return frame(CACHE, columns, registry="", retrieved=datetime.now(UTC))

    def clear(self) -> None:
        """Empty it, and forget what unfinished audits were answered.

        Audits that run meanwhile do no worse than without it.

        Raises:
            StorageError: it cannot be used, or only be read.
        """
        with _opened() as cache:
            cache.clear()
        folder = cache_folder()
        for path in [] if folder is None else (folder / FOLDER).glob("*.sqlite3"):
            database.remove(path)

    def card(self) -> Card:
        """Where it is, and how full."""
        if self.path is None:
            return Card("Cache", "off", notes=("REGNB_CACHE is off: nothing is kept on disk.",))
        with _opened() as cache:
            facts: tuple[tuple[str, object], ...] = (
                ("path", self.path),
                ("entries", f"{cache.entry_count:,}"),
                ("bytes", f"{size(cache.size)} of {size(self.limit)}"),
            )
            notes = (cache.trouble,) if cache.trouble else ()
        return Card("Cache", str(self.path), facts, notes=notes)


cache = Cache()
"""The cache of this account."""

_told: set[str] = set()
"""What the caller was last warned of, and need not hear again while it stands in the way."""


@contextmanager
def cache_of(registry: AnyRegistry) -> Iterator[ContentCache]:
    """The cache for a walk of a registry; one that holds nothing where images are on disk."""
    folder = cache_folder() if isinstance(registry, Registry) else None
    with closing(ContentCache(folder, limit=cache_limit())) as opened:
        yield opened


def warn_of_trouble(*troubles: str, stacklevel: int) -> None:
    """Warn the caller of a public method of what cannot be kept on disk: once while it lasts."""
    standing = [trouble for trouble in troubles if trouble]
    new = [trouble for trouble in standing if trouble not in _told]
    _told.intersection_update(standing)
    _told.update(new)
    if new:
        warnings.warn(" ".join(new), CacheWarning, stacklevel=stacklevel + 1)


def _opened() -> closing[ContentCache]:
    """The cache as it is; looking at it makes no file."""
    return closing(ContentCache(cache_folder(), limit=cache_limit(), make=False))
