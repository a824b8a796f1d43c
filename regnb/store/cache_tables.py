"""The tables of the cache: content by digest, and what registries said of tags and layers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from functools import partial

from regnb.store import database
from regnb.store.database import bytes_in_use

LEEWAY = 0.9
"""The part of the limit that is left when the least recently used content has gone."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS content (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, media_type TEXT NOT NULL,
    size INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS content_used ON content (used);
CREATE TABLE IF NOT EXISTS bodies (
    id INTEGER PRIMARY KEY REFERENCES content ON DELETE CASCADE, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS places (
    id INTEGER PRIMARY KEY, registry TEXT NOT NULL, repository TEXT NOT NULL,
    UNIQUE (registry, repository));
CREATE TABLE IF NOT EXISTS sightings (
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE, tag TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES content ON DELETE CASCADE,
    PRIMARY KEY (place, tag)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sightings_content ON sightings (content);
CREATE TABLE IF NOT EXISTS uncompressed (
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE, digest TEXT NOT NULL,
    source INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (place, digest, source)) WITHOUT ROWID;
"""

# What is written of the rows that are ``given``; a CROSS JOIN looks up what stands on its right.
_ADD_CONTENT = (
    "INSERT INTO content (digest, media_type, size, used) SELECT * FROM given WHERE true "
    "ON CONFLICT (digest) DO UPDATE SET media_type = excluded.media_type WHERE media_type = ''"
)
_ADD_BODIES = (
    "INSERT OR REPLACE INTO bodies SELECT id, body FROM given CROSS JOIN content USING (digest)"
)
_SET_USED = (
    "UPDATE content SET used = (SELECT max(used) FROM given) "
    "WHERE digest IN (SELECT digest FROM given)"
)
_ADD_PLACES = "INSERT OR IGNORE INTO places (registry, repository) SELECT * FROM given"
_ADD_SIGHTINGS = (
    "INSERT OR REPLACE INTO sightings SELECT places.id, tag, content.id FROM given "
    "CROSS JOIN places USING (registry, repository) CROSS JOIN content USING (digest)"
)

_ADD_UNCOMPRESSED = (
    "INSERT OR REPLACE INTO uncompressed SELECT places.id, digest, source, size FROM given "
    "CROSS JOIN places USING (registry, repository)"
)

WHOLE = ""
"""The name of the repository that stands for all of a registry."""

Told = tuple[str, str, int]
"""A registry, the digest of a layer, and what told its uncompressed size."""


@dataclass(slots=True)
class New:
    """What is to be written.

    Attributes:
        bodies: media type and bytes by digest.
        seen: digests by registry, repository and tag; their manifests are here, or in `bodies`.
        uncompressed: sizes that layers told.
        used: digests of content that was used.
        size: bytes of the bodies.
    """

    bodies: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    seen: dict[tuple[str, str, str], str] = field(default_factory=dict)
    uncompressed: dict[Told, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    size: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.bodies or self.seen or self.uncompressed or self.used)

    def add(self, digest: str, media_type: str, raw: bytes) -> None:
        """Take in some content; a media type that is known already stays."""
        before = self.bodies.get(digest)
        if before is None:
            self.size += len(raw)
        self.bodies[digest] = ((before and before[0]) or media_type, raw)

    def absorb(self, later: New) -> None:
        """Take in what came later."""
        for digest, (media_type, raw) in later.bodies.items():
            self.add(digest, media_type, raw)
        self.seen |= later.seen
        self.uncompressed |= later.uncompressed
        self.used |= later.used


def read(connection: sqlite3.Connection, digest: str) -> tuple[bytes, int] | None:
    """The bytes of some content, and when it was last used; None where it is not here."""
    # What is damaged may come as another type.
    query = (
        "SELECT CAST(body AS BLOB), CAST(used AS INTEGER) FROM content JOIN bodies USING (id) "
        "WHERE digest = ?"
    )
    found: tuple[bytes, int] | None = connection.execute(query, (digest,)).fetchone()
    if found is not None and None in found:
        raise database.DamagedError("there is a row without content")
    return found


def has_seen(connection: sqlite3.Connection, registry: str) -> bool:
    """Whether there is, or was, anything that a registry said."""
    query = "SELECT 1 FROM places WHERE registry = ? LIMIT 1"
    return connection.execute(query, (registry,)).fetchone() is not None


def read_uncompressed(connection: sqlite3.Connection, told: Told) -> int | None:
    """The size that a layer told; None where that is not here."""
    registry, digest, source = told
    query = (
        "SELECT CAST(size AS INTEGER) FROM places CROSS JOIN uncompressed ON place = places.id "
        "WHERE registry = ? AND repository = ? AND digest = ? AND source = ?"
    )
    try:
        found = connection.execute(query, (registry, WHOLE, digest, source)).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        return None  # a file that may only be read, and that an earlier version made
    if found is not None and None in found:
        raise database.DamagedError("there is a layer without a size")
    return None if found is None else int(found[0])


def write(connection: sqlite3.Connection, new: New, *, now: int) -> None:
    """Add to what is here, in one transaction; `now` is in seconds since 1970."""
    contents = ((digest, media, len(raw), now) for digest, (media, raw) in new.bodies.items())
    places = {(registry, repository) for registry, repository, _ in new.seen}
    places |= {(registry, WHOLE) for registry, _, _ in new.uncompressed}
    with database.transaction(connection):
        add = partial(database.write, connection)
        add(_ADD_CONTENT, "digest, media_type, size, used", contents)
        add(_ADD_BODIES, "digest, body", ((digest, raw) for digest, (_, raw) in new.bodies.items()))
        add(_SET_USED, "digest, used", ((digest, now) for digest in new.used))
        add(_ADD_PLACES, "registry, repository", places)
        sightings = ((*tag, digest) for tag, digest in new.seen.items())
        add(_ADD_SIGHTINGS, "registry, repository, tag, digest", sightings)
        told = ((of[0], WHOLE, of[1], of[2], size) for of, size in new.uncompressed.items())
        add(_ADD_UNCOMPRESSED, "registry, repository, digest, source, size", told)


def keep_within(connection: sqlite3.Connection, limit: int) -> None:
    """Let the least recently used go where there is too much, and in the end what layers told."""
    if bytes_in_use(connection) <= limit:
        return
    while (excess := bytes_in_use(connection) - int(limit * LEEWAY)) > 0:
        oldest = connection.execute("SELECT id, size FROM content ORDER BY used, id")
        going = []
        for number, size in oldest:
            going.append((number,))
            excess -= size
            if excess <= 0:
                break
        oldest.close()
        if not going:
            connection.execute("DELETE FROM uncompressed")
            return
        with database.transaction(connection):
            gone = "DELETE FROM content WHERE id IN (SELECT id FROM given)"
            database.write(connection, gone, "id", going)
