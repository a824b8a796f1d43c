"""Cache: manifests and configs on disk, by digest, so that none is read from a registry twice.

Content is the same wherever it comes from, so that registries and processes share it; it is
verified when it is put in and when it is taken out. Which digest a tag had when it was last seen is
kept beside it, for conditional requests alone: what a repository holds is for the repository to
say.

The cache is a help and never an obstacle. Where it cannot be used it is empty, takes nothing, and
says why in `trouble`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from regnb.errors import InvalidDigestError, RegnbError, StorageError, VerificationError
from regnb.model import media_types
from regnb.model.digest import Digest, proven
from regnb.model.manifest import Manifest, parse_manifest
from regnb.store import cache_tables, database
from regnb.store.database import bytes_in_use, open_somehow

FILE = "content-1.sqlite3"
"""Its name; the number is that of the tables in it."""

WAITING = 8 * 1024 * 1024
"""Bytes of new content that are kept in memory before they are written."""

FRESH = 3600
"""Seconds for which content counts as just used: not every look at it is worth a write."""

# A manifest that names none is one of these by its fields.
_EVIDENT = frozenset({media_types.OCI_MANIFEST, media_types.OCI_INDEX})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the cache tells of one thing that it holds.

    Attributes:
        digest: of it.
        media_type: of a manifest; empty for a config.
        size: bytes.
        used: when it was last used, seconds since 1970; accurate to an hour.
    """

    digest: str
    media_type: str
    size: int
    used: int


class ContentCache:
    """Content by digest, and the digests that tags had. Threads share it.

    Attributes:
        path: of the file; None for a cache that holds nothing.
        limit: bytes that the file may have in use.
        trouble: why it cannot be used or only be read, or was begun anew; empty where all is well.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        limit: int,
        make: bool = True,
        patience: float = database.PATIENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open the cache of a folder.

        Args:
            folder: of the file; without one the cache holds nothing.
            limit: bytes that the file may have in use.
            make: the file, where it is not there; else there is only `trouble` if it cannot be.
            patience: seconds to wait for another process that writes to it.
            now: tells seconds since 1970.
        """
        self.path = None if folder is None else folder / FILE
        self.limit = limit
        self.trouble = ""
        self._patience = patience
        self._now = now
        self._writes = True
        self._file = threading.RLock()  # whoever has the connection
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()  # whoever changes what is new; never held for the file
        self._new = cache_tables.New()
        self._leaving = cache_tables.New()  # what is being written
        if self.path is not None and (make or os.path.exists(self.path)):
            try:
                self._open(self.path)
            except database.FAILURES as error:
                self._give_up(error)
        elif self.path is not None and (obstacle := database.obstacle(self.path)):
            self.trouble = f"The cache {self.path} is not used: {obstacle}."

    def manifest(self, digest: Digest) -> Manifest | None:
        """A manifest, or None where it is not here, or not whole."""
        found = self._verified(digest)
        if found is None:
            return None
        try:
            return parse_manifest(found, digest=digest)
        except RegnbError:  # it was taken in as something else
            return None

    def config(self, digest: Digest) -> bytes | None:
        """The bytes of a config, or None where it is not here, or not whole."""
        return self._verified(digest)

    def holds(self, digest: Digest) -> bool:
        """Whether there is content of this digest, whole or not."""

        def look(connection: sqlite3.Connection) -> bool:
            query = "SELECT 1 FROM content WHERE digest = ?"
            return connection.execute(query, (digest,)).fetchone() is not None

        return self._waiting(digest) is not None or self._use(look, False)

    def add_manifest(self, manifest: Manifest) -> None:
        """Take in a manifest that was read; it is written by the next `flush`.

        Not one whose type only its registry told: another may call it otherwise.
        """
        if self._takes and _tells_its_type(manifest):
            self._add(manifest.digest, manifest.raw, manifest.media_type)

    def add_config(self, digest: Digest, raw: bytes) -> None:
        """Take in a config that was read; it is written by the next `flush`.

        Raises:
            VerificationError: `raw` does not hash to `digest`.
        """
        if self._takes:
            self._add(proven(raw, digest), raw, "")

    @property
    def _takes(self) -> bool:
        """Whether anything is taken in."""
        return self._connection is not None and self._writes

    def _add(self, digest: Digest, raw: bytes, media_type: str) -> None:
        with self._lock:
            self._new.add(digest, media_type, raw)
            full = self._new.size > WAITING
        if full:
            self.flush()

    def _waiting(self, digest: str) -> bytes | None:
        """The bytes of what is not in the file yet."""
        found = self._new.bodies.get(digest) or self._leaving.bodies.get(digest)
        return None if found is None else found[1]

    def has_seen(self, registry: str) -> bool:
        """Whether the file has, or had, anything that a registry said, by its URL."""
        return self._use(lambda it: cache_tables.has_seen(it, registry), False)

    def sightings(self, registry: str, repository: str) -> dict[str, Digest]:
        """The digests that the tags of a repository had when they were last seen.

        Only those whose manifest is here.

        Args:
            registry: its URL.
            repository: its name.
        """

        def look(connection: sqlite3.Connection) -> list[tuple[str, str]]:
            query = (
                "SELECT tag, digest FROM sightings JOIN places ON places.id = place "
                "JOIN content ON content.id = content WHERE registry = ? AND repository = ?"
            )
            return connection.execute(query, (registry, repository)).fetchall()

        nothing: list[tuple[str, str]] = []
        found: dict[str, Digest] = {}
        for tag, digest in self._use(look, nothing):
            try:
                found[tag] = Digest(digest)
            except InvalidDigestError:
                continue  # nothing that was written here
        return found

    def sight(self, registry: str, repository: str, tag: str, digest: Digest) -> None:
        """Remember the digest of a tag; written by the next `flush`."""
        with self._lock:
            if self._takes:
                self._new.seen[registry, repository, tag] = digest

    def uncompressed(self, registry: str, digest: Digest, source: int) -> int | None:
        """What a layer told a registry's reader of its uncompressed size; None if it was not asked.

        Nothing proves it, so that no registry's word is taken for another's.

        Args:
            registry: its URL.
            digest: of the layer.
            source: what told it.
        """
        key = (registry, str(digest), source)
        for new in (self._new, self._leaving):
            if key in new.uncompressed:
                return new.uncompressed[key]
        return self._use(lambda it: cache_tables.read_uncompressed(it, key), None)

    def note_uncompressed(self, registry: str, digest: Digest, source: int, size: int) -> None:
        """Remember what a layer told; written by the next `flush`."""
        with self._lock:
            if self._takes:
                self._new.uncompressed[registry, str(digest), source] = size

    def flush(self) -> None:
        """Write what was taken in, in one transaction, and keep within the limit.

        Other threads take in more meanwhile.
        """
        with self._file:
            with self._lock:
                # In this order: what is new is found in one of the two at any time.
                self._leaving.absorb(self._new)  # there is some already where Ctrl-C came
                self._new = cache_tables.New()
            leaving = self._leaving
            if not leaving:
                return

            def write(connection: sqlite3.Connection) -> bool:
                cache_tables.write(connection, leaving, now=int(self._now()))
                return True

            # Once more for a file that is found damaged now, and begun anew.
            if self._use(write, False) or self._use(write, False):
                self._use(lambda it: cache_tables.keep_within(it, self.limit), None)
            self._leaving = cache_tables.New()

    def entries(self) -> list[Entry]:
        """All that is here, by digest."""

        def look(connection: sqlite3.Connection) -> list[Entry]:
            query = "SELECT digest, media_type, size, used FROM content ORDER BY digest"
            return [Entry(*row) for row in connection.execute(query)]

        nothing: list[Entry] = []
        return self._use(look, nothing)

    @property
    def entry_count(self) -> int:
        """How many manifests and configs are here."""
        query = "SELECT count(*) FROM content"
        return int(self._use(lambda connection: connection.execute(query).fetchone()[0], 0))

    @property
    def size(self) -> int:
        """Bytes of the file that are in use."""
        return self._use(bytes_in_use, 0)

    def clear(self) -> None:
        """Forget everything, and give the space back.

        Raises:
            StorageError: it cannot be used, or only be read.
        """

        def empty(connection: sqlite3.Connection) -> None:
            with database.transaction(connection):
                connection.execute("DELETE FROM content")
                connection.execute("DELETE FROM places")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        with self._file:
            with self._lock:
                self._new, self._leaving = cache_tables.New(), cache_tables.New()
            if self._writes:
                self._use(empty, None)
            if self.trouble and (self._connection is None or not self._writes):
                raise StorageError(self.trouble)

    def close(self) -> None:
        """Write what was taken in, and let go of the file. Doing it twice does no harm."""
        with self._file:
            self.flush()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self, path: Path) -> None:
        self._connection, self._writes = open_somehow(
            path, cache_tables.SCHEMA, patience=self._patience
        )
        if not self._writes:
            self.trouble = f"The cache {path} can only be read: what is new is not kept."

    def _verified(self, digest: Digest) -> bytes | None:
        """The bytes, if they are what they should be."""
        if (waiting := self._waiting(digest)) is not None:
            return waiting
        found = self._use(lambda it: cache_tables.read(it, digest), None)
        if found is None:
            return None
        raw, used = found
        try:
            proven(raw, digest)
        except (VerificationError, InvalidDigestError):
            if self._writes:
                query = "DELETE FROM content WHERE digest = ?"
                self._use(lambda it: it.execute(query, [digest]), None)
            return None
        if self._writes and not 0 <= self._now() - used <= FRESH:
            with self._lock:
                self._new.used.add(digest)
        return raw

    def _use(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Do something with the file, or nothing where that cannot be done."""
        with self._file:
            if self._connection is None:
                return otherwise
            try:
                return work(self._connection)
            except database.FAILURES as error:
                self._give_up(error)
                return otherwise

    def _give_up(self, error: Exception) -> None:
        """Use the file no more; one that is damaged is moved, and another is begun."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self.trouble = f"The cache {self.path} is not used: {database.reason(error)}."
        if self.path is not None and self._writes and database.is_damaged(error):
            try:
                aside = database.set_aside(self.path)
            except OSError as trouble:
                self.trouble += f" It cannot be moved away: {trouble.strerror}."
                return
            self.trouble = f"The cache was damaged and begins anew; it is now {aside}."
            try:
                self._open(self.path)
            except database.FAILURES as trouble:
                self.trouble += f" It is not used: {database.reason(trouble)}."


def cache_folder() -> Path | None:
    """The folder for what is kept between sessions; None where `REGNB_CACHE` is ``off``.

    ``REGNB_CACHE`` names it; else it is the folder that the system has for caches of this account.
    """
    named = os.environ.get("REGNB_CACHE", "").strip()
    if named.lower() == "off":
        return None
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path  # noqa: PLC0415 - only who has no folder of his own

    return Path(user_cache_path("regnb", appauthor=False)).absolute()


def _tells_its_type(manifest: Manifest) -> bool:
    """Whether its bytes show the type of a manifest without being called so."""
    return manifest.media_type in _EVIDENT or bool(json.loads(manifest.raw).get("mediaType"))
