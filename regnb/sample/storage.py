"""What the sample registry holds, in memory: repositories of manifests, tags and blobs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any

from regnb.sample.names import digest_of

CAPACITY = 1 << 30


class FullError(Exception):
    """The registry holds as many bytes as it may."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was pushed, and what its JSON says (nothing, where it is no object)."""

    raw: bytes
    media_type: str
    digest: str
    document: Mapping[str, Any]

    @classmethod
    def read(cls, raw: bytes, media_type: str, *, algorithm: str = "sha256") -> Manifest:
        """Take bytes as they are; whether they make a good manifest is the pusher's question."""
        try:
            document = json.loads(raw, parse_constant=_no_json)
        except (ValueError, RecursionError):
            document = None
        known = document if isinstance(document, dict) else {}
        return cls(raw, media_type, digest_of(raw, algorithm), known)

    @property
    def subject(self) -> str | None:
        """The digest of the manifest that this one refers to."""
        return _text(self.document.get("subject"), "digest")

    def descriptor(self) -> dict[str, Any]:
        """The descriptor that a list of referrers shows (OCI distribution-spec 1.1, referrers)."""
        shown: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.raw),
        }
        of_config = _text(self.document.get("config"), "mediaType")
        if artifact_type := _text(self.document, "artifactType") or of_config:
            shown["artifactType"] = artifact_type
        annotations = self.document.get("annotations")
        if annotations and isinstance(annotations, dict):
            shown["annotations"] = {k: v for k, v in annotations.items() if isinstance(v, str)}
        return shown


def _text(fields: object, name: str) -> str | None:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else None


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


@dataclass(slots=True)
class Repository:
    """One repository: manifests by digest, digests by tag, and the digests of its blobs."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)


class Upload:
    """A blob on its way in; whoever writes to it holds its lock.

    Attributes:
        short: whether a chunk has come that only the last one may be as short as.
    """

    def __init__(self, storage: Storage) -> None:
        """Begin with nothing."""
        self.id = str(uuid.uuid4())
        self.data = bytearray()
        self.short = False
        self.lock = Lock()
        self._storage = storage

    def append(self, pieces: Iterable[bytes]) -> None:
        """Add bytes as they arrive; those before a break stay.

        Raises:
            FullError: the registry has no room for them.
        """
        for piece in pieces:
            self._storage.hold(len(piece))
            self.data += piece

    def cut(self, size: int) -> None:
        """Forget all bytes after the first `size`."""
        self._storage.hold(size - len(self.data))
        del self.data[size:]


class Storage:
    """All repositories. Each method is one atomic step.

    Deleting takes content from a repository; its bytes stay until nothing runs any more, as in
    a registry whose garbage is not collected.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        """Begin empty; `capacity` is in bytes."""
        self.capacity = capacity
        self.held = 0
        self._lock = RLock()
        self._repositories: dict[str, Repository] = {}
        self._content: dict[str, bytes] = {}
        self._uploads: dict[tuple[str, str], Upload] = {}

    def hold(self, size: int) -> None:
        """Count bytes that come (or, below zero, go).

        Raises:
            FullError: they would be more than the capacity.
        """
        with self._lock:
            if size > 0 and self.held + size > self.capacity:
                raise FullError
            self.held += size

    # What is there

    def names(self) -> list[str]:
        """The names of all repositories."""
        with self._lock:
            return list(self._repositories)

    def knows(self, name: str) -> bool:
        """Whether there is such a repository."""
        return name in self._repositories

    def tags(self, name: str) -> list[str]:
        """The tags of a repository; none for one that is unknown."""
        with self._lock:
            return list(self._repository(name).tags)

    def manifest(self, name: str, reference: str) -> Manifest | None:
        """A manifest by tag or digest."""
        with self._lock:
            repository = self._repository(name)
            return repository.manifests.get(repository.tags.get(reference, reference))

    def blob(self, name: str, digest: str) -> bytes | None:
        """A blob, if this repository has it."""
        with self._lock:
            return self._content[digest] if digest in self._repository(name).blobs else None

    def referrers(self, name: str, subject: str) -> list[Manifest]:
        """The manifests of a repository that refer to a digest, which need not be there itself."""
        with self._lock:
            manifests = list(self._repository(name).manifests.values())
        return [manifest for manifest in manifests if manifest.subject == subject]

    def uploads(self, name: str) -> list[Upload]:
        """The uploads into a repository that have begun and not ended."""
        with self._lock:
            return [upload for (into, _), upload in self._uploads.items() if into == name]

    def _repository(self, name: str) -> Repository:
        return self._repositories.get(name) or Repository()

    # What comes in

    def put_manifest(self, name: str, manifest: Manifest, *, tags: Iterable[str] = ()) -> None:
        """Add a manifest, and move tags to it."""
        with self._lock:
            repository = self._repositories.setdefault(name, Repository())
            if manifest.digest not in repository.manifests:
                self.hold(len(manifest.raw))
            repository.manifests[manifest.digest] = manifest
            repository.tags.update(dict.fromkeys(tags, manifest.digest))

    def put_blob(self, name: str, raw: bytes, *, digest: str) -> None:
        """Add a blob under a digest that the caller has checked."""
        with self._lock:
            if digest not in self._content:
                self.hold(len(raw))
                self._content[digest] = raw
            self._repositories.setdefault(name, Repository()).blobs.add(digest)

    def mount(self, name: str, digest: str, *, source: str | None = None) -> bool:
        """Add a blob that another repository, or any one at all, has already."""
        with self._lock:
            sources = self._repositories if source is None else [source]
            if not any(digest in self._repository(other).blobs for other in sources):
                return False
            self._repositories.setdefault(name, Repository()).blobs.add(digest)
            return True

    def start(self, name: str) -> Upload:
        """Begin an upload into a repository."""
        upload = Upload(self)
        with self._lock:
            self._uploads[name, upload.id] = upload
        return upload

    @contextmanager
    def upload(self, name: str, identity: str) -> Iterator[Upload | None]:
        """An upload in progress, locked so that nobody else writes to it."""
        upload = self._uploads.get((name, identity))
        if upload is None:
            yield None
            return
        with upload.lock:
            yield upload if (name, identity) in self._uploads else None

    def end(self, name: str, upload: Upload) -> None:
        """Forget an upload and its bytes, finished or not."""
        with self._lock:
            if self._uploads.pop((name, upload.id), None):
                self.hold(-len(upload.data))

    # What goes

    def delete_tag(self, name: str, tag: str) -> bool:
        """Take a tag away; False when it is not there."""
        with self._lock:
            return self._repository(name).tags.pop(tag, None) is not None

    def delete_manifest(self, name: str, digest: str) -> bool:
        """Take a manifest away with its tags; False when it is not there."""
        with self._lock:
            repository = self._repository(name)
            manifest = repository.manifests.pop(digest, None)
            if manifest is None:
                return False
            self.hold(-len(manifest.raw))
            repository.tags = {t: d for t, d in repository.tags.items() if d != digest}
            return True

    def delete_blob(self, name: str, digest: str) -> bool:
        """Take a blob away from a repository; False when it is not there."""
        with self._lock:
            blobs = self._repository(name).blobs
            if digest not in blobs:
                return False
            blobs.remove(digest)
            return True
