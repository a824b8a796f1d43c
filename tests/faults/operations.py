"""What users do with a registry: each operation, and the one of its requests that is befallen."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from regnb.core.registry import Registry
from tests.faults import stock
from tests.faults.endings import Break
from tests.faults.scenario import Rule
from tests.faults.stock import (
    BLOB,
    BLOB_DIGEST,
    DOOMED,
    DOOMED_BLOB,
    DOOMED_MANIFEST,
    MANIFEST,
    PUSHED,
    REPOSITORY,
    TAG,
    TARGET,
    digest_of,
)

CHUNK = 300_000
MIDDLE = len(BLOB) // 2
FIRST_CUT = 100_000
LIMIT = len(BLOB) + 1000  # of what is read at once


@dataclass(frozen=True, slots=True)
class Effect:
    """What an operation leaves in the registry: bytes at a path of `TARGET`, or None there."""

    path: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that a user does.

    Attributes:
        name: how the matrix calls it.
        does: with a client, and the name of the repository to write to; gives what was read.
        method: of the request that is befallen.
        path: a regular expression for its path.
        nth: the number of that request among its like.
        size: bytes in the body of the response, or of the request where it sends something.
        result: what has to be read.
        effect: what has to be in the registry afterwards.
        attempts: at that request, as promised (F1).
        before: trouble that comes before the fault, always the same.
        bearer: whether the registry wants tokens, and not the password itself.
    """

    name: str
    does: Callable[[Registry, str], object]
    method: str
    path: str
    nth: int = 1
    size: int = 0
    result: object = None
    effect: Effect | None = None
    attempts: int = 6
    before: tuple[Rule, ...] = ()
    bearer: bool = False

    def __str__(self) -> str:
        return self.name


def _read_whole(registry: Registry, _: str) -> bytes:
    with registry.repository(REPOSITORY).blobs.open(BLOB_DIGEST) as stream:
        return stream.read()


def _seek_and_read(registry: Registry, _: str) -> bytes:
    with registry.repository(REPOSITORY).blobs.open(BLOB_DIGEST) as stream:
        stream.seek(MIDDLE)
        return stream.read()


def _put_bytes(registry: Registry, target: str) -> None:
    registry.repository(target).blobs.put(BLOB)


def _put_file(registry: Registry, target: str) -> None:
    registry.repository(target).blobs.put(io.BytesIO(BLOB), chunk_size=CHUNK)


def _write(registry: Registry, target: str) -> None:
    with registry.repository(target).blobs.create(chunk_size=CHUNK) as writer:
        for start in range(0, len(BLOB), 50_000):
            writer.write(BLOB[start : start + 50_000])
        writer.commit(BLOB_DIGEST)


def _write_a_little(registry: Registry, target: str) -> None:
    """All in one chunk: so that its beginning is at hand as long as it is not committed."""
    with registry.repository(target).blobs.create() as writer:
        writer.write(BLOB)
        writer.commit()


def _mount(registry: Registry, target: str) -> None:
    writer = registry.repository(target).blobs.mount(BLOB_DIGEST, REPOSITORY)
    if writer is not None:  # the registry wants the bytes
        with writer:
            writer.write(BLOB)
            writer.commit()


def _manifest(reference: str) -> Callable[[Registry, str], bytes]:
    return lambda registry, _: registry.repository(REPOSITORY).manifests.get(reference).raw


def _put_manifest(*tags: str) -> Callable[[Registry, str], object]:
    return lambda registry, target: registry.repository(target).manifests.put(PUSHED, tags=tags)


_BLOB_PATH = f"/blobs/{BLOB_DIGEST}$"
_UPLOADS = "/blobs/uploads/$"
_UPLOAD = "/blobs/uploads/."
_STORED = Effect(f"blobs/{BLOB_DIGEST}", BLOB)
_BY_DIGEST = Effect(f"manifests/{digest_of(PUSHED)}", PUSHED)

PING = Operation("ping", lambda registry, _: registry.ping(), "GET", "^/v2/$", size=2)
CATALOG = Operation(
    "catalog",
    lambda registry, _: tuple(registry.repositories()),
    *("GET", "/_catalog$", 2, 1300),
    result=(*stock.NAMES, REPOSITORY, TARGET),
)
TAGS = Operation(
    "tags",
    lambda registry, _: tuple(registry.repository(REPOSITORY).tags.all()),
    *("GET", "/tags/list$", 2, 1300),
    result=(TAG, *stock.TAGS),
)
REFERRERS = Operation(
    "referrers",
    lambda registry, _: {
        one.digest for one in registry.repository(REPOSITORY).referrers.all(digest_of(MANIFEST))
    },
    *("GET", "/referrers/", 2, 3000),
    result=frozenset(digest_of(each) for each in stock.REFERRERS),
)
RESOLVE = Operation(
    "tag_resolve",
    lambda registry, _: registry.repository(REPOSITORY).tags.get(TAG).digest,
    *("HEAD", f"/manifests/{TAG}$"),
    result=digest_of(MANIFEST),
)
STAT = Operation(
    "blob_stat",
    lambda registry, _: registry.repository(REPOSITORY).blobs.stat(BLOB_DIGEST).size,
    *("HEAD", _BLOB_PATH),
    result=len(BLOB),
)
BY_TAG = Operation(
    "manifest_by_tag",
    _manifest(TAG),
    *("GET", f"/manifests/{TAG}$", 1, len(MANIFEST)),
    result=MANIFEST,
)
BY_DIGEST = Operation(
    "manifest_by_digest",
    _manifest(digest_of(MANIFEST)),
    *("GET", f"/manifests/{digest_of(MANIFEST)}$", 1, len(MANIFEST)),
    result=MANIFEST,
)
GET = Operation(
    "blob_get",
    lambda registry, _: registry.repository(REPOSITORY).blobs.get(BLOB_DIGEST, limit=LIMIT),
    *("GET", _BLOB_PATH, 1, len(BLOB)),
    result=BLOB,
)
READ = Operation("blob_read", _read_whole, "GET", _BLOB_PATH, 1, len(BLOB), BLOB)
SEEK = Operation(
    "blob_seek", _seek_and_read, "GET", _BLOB_PATH, 1, len(BLOB) - MIDDLE, BLOB[MIDDLE:]
)
RESUME = Operation(
    "blob_resume",
    _read_whole,
    *("GET", _BLOB_PATH, 2, len(BLOB) - FIRST_CUT),
    result=BLOB,
    attempts=5,  # the cut is the first that fails after what was progress (F6)
    before=(Rule(Break(FIRST_CUT), "GET", _BLOB_PATH),),
)
PUT_BY_TAG = Operation(
    "manifest_put_by_tag",
    _put_manifest("new"),
    *("PUT", "/manifests/new$"),
    effect=Effect("manifests/new", PUSHED),
)
PUT_BY_DIGEST = Operation(
    "manifest_put_by_digest", _put_manifest(), "PUT", "/manifests/sha", effect=_BY_DIGEST
)
BEGIN = Operation("blob_put_post", _put_bytes, "POST", _UPLOADS, effect=_STORED, attempts=3)
PUT = Operation("blob_put", _put_bytes, "PUT", _UPLOAD, size=len(BLOB), effect=_STORED)
PATCH = Operation("blob_put_chunk", _put_file, "PATCH", _UPLOAD, 2, CHUNK, effect=_STORED)
CLOSE = Operation("blob_put_close", _put_file, "PUT", _UPLOAD, effect=_STORED)
WRITE = Operation("writer_chunk", _write, "PATCH", _UPLOAD, 2, CHUNK, effect=_STORED)
WRITE_CLOSE = Operation("writer_close", _write, "PUT", _UPLOAD, effect=_STORED)
WRITE_AT_ONCE = Operation(
    "writer_commit", _write_a_little, "PUT", _UPLOAD, size=len(BLOB), effect=_STORED
)
MOUNT = Operation("blob_mount", _mount, "POST", _UPLOADS, effect=_STORED, attempts=3)
DELETE_MANIFEST = Operation(
    "manifest_delete",
    lambda registry, target: registry.repository(target).manifests.delete(
        digest_of(DOOMED_MANIFEST)
    ),
    *("DELETE", "/manifests/sha"),
    effect=Effect(f"manifests/{DOOMED}", None),
)
DELETE_BLOB = Operation(
    "blob_delete",
    lambda registry, target: registry.repository(target).blobs.delete(digest_of(DOOMED_BLOB)),
    *("DELETE", "/blobs/sha"),
    effect=Effect(f"blobs/{digest_of(DOOMED_BLOB)}", None),
)
UNTAG = Operation(
    "tag_delete",
    lambda registry, target: registry.repository(target).tags.untag(DOOMED),
    *("DELETE", f"/manifests/{DOOMED}$"),
    effect=Effect(f"manifests/{DOOMED}", None),
)
TOKEN = Operation(
    "token", _manifest(TAG), "GET", "^/token$", size=150, result=MANIFEST, bearer=True
)
