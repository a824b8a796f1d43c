"""The face that a registry and an OCI image layout share.

Whatever walks, moves or counts images is written against these protocols, so that it works on
both. The registry client (`regnb.core`) has more methods than these. `Origin` is what images can
be moved from; everything else needs only the smaller protocols before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import BufferedIOBase
from typing import Protocol

from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Manifest

CONFIG_LIMIT = 8 * 1024 * 1024
"""Bytes that `Blobs.get` accepts unless told otherwise: no real image config is larger (S9)."""

OnPosition = Callable[[int], object]
"""Is told how many bytes of a blob are through, whenever that changes: fewer, too, where the blob
had to be begun anew. It is called by the thread that moves the blob."""


class TagList(tuple[str, ...]):
    """The tags of one repository, as listed; what was listed but is no tag is in ``invalid``.

    Some registries list nulls, digests or names that the grammar refuses (W-T8).
    """

    invalid: tuple[str, ...]

    def __new__(cls, tags: tuple[str, ...] = (), invalid: tuple[str, ...] = ()) -> TagList:
        """Keep `tags` in the order of the listing."""
        self = super().__new__(cls, tags)
        self.invalid = invalid
        return self


class Tags(Protocol):
    """The tags of one repository."""

    def all(self) -> TagList:
        """List every tag."""

    def get(self, tag: str) -> Descriptor:
        """Resolve one tag to the descriptor of its manifest."""


class Manifests(Protocol):
    """The manifests of one repository."""

    def exists(self, digest: Digest) -> bool:
        """Whether the repository holds this manifest."""

    def get(self, reference: str) -> Manifest:
        """Read and verify one manifest, by tag or by digest."""

    def receive(self, reference: str) -> Callable[[], Manifest]:
        """Ask for one manifest and verify it; what is returned reads it, at any time later."""

    def get_if_changed(self, reference: str, etag: str) -> Manifest | None:
        """Read a manifest, or say by None that its digest is still the one in `etag`."""


class Blobs(Protocol):
    """The blobs of one repository."""

    def stat(self, digest: Digest) -> Descriptor:
        """Say how large a blob is."""

    def get(self, digest: Digest, *, limit: int = CONFIG_LIMIT) -> bytes:
        """Read and verify a small blob."""

    def open(self, digest: Digest) -> BufferedIOBase:
        """Read a blob of any size as a stream that verifies itself."""

    def read_range(self, blob: Descriptor, positions: range) -> bytes | None:
        """Read some bytes of a blob, not verified; None where that would take the whole of it."""


class Referrers(Protocol):
    """The manifests of one repository by what they are about."""

    def all(self, digest: Digest) -> tuple[Descriptor, ...]:
        """List the referrers of one manifest."""

    def listed(self, digest: Digest) -> tuple[Descriptor, ...] | None:
        """List them as far as that takes no tag; None where it always does."""


class Repository(Protocol):
    """One repository of a registry."""

    @property
    def name(self) -> str:
        """The path of the repository, without the registry's host."""

    @property
    def tags(self) -> Tags:
        """Its tags."""

    @property
    def manifests(self) -> Manifests:
        """Its manifests."""

    @property
    def blobs(self) -> Blobs:
        """Its blobs."""

    @property
    def referrers(self) -> Referrers:
        """Its manifests by what they are about."""


class RateLimit(Protocol):
    """How much more a registry may be asked."""

    @property
    def remaining(self) -> int | None:
        """Requests that are left, or None where it did not say."""


class Registry(Protocol):
    """A registry, or whatever stands in for one."""

    @property
    def name(self) -> str:
        """What tables call it: host and port, or a word such as ``sample``."""

    @property
    def url(self) -> str:
        """Where it is."""

    @property
    def requests(self) -> int:
        """How many requests it was sent so far; none where images are on disk."""

    @property
    def rate_limit(self) -> RateLimit | None:
        """How much more it may be asked, as far as it has said so."""

    def repositories(self, *, on_refused: Callable[[str], object] | None = None) -> Iterator[str]:
        """The names of its repositories, as far as it lists them.

        `on_refused` is called with what is listed but is no name of a repository.
        """

    def repository(self, name: str) -> Repository:
        """A handle on one repository; no request."""

    def answers(self) -> bool:
        """Whether it answers at all now."""

    def frugal(self) -> AbstractContextManager[None]:
        """In a ``with`` block, what fails is asked for less often once many things did."""

    def cancel(self) -> None:
        """End what other threads are asking it; their calls raise `OperationCancelledError`."""


class Partial(Protocol):
    """A blob that is being put together, from its first byte on."""

    @property
    def digest(self) -> Digest:
        """Of the whole blob."""

    @property
    def offset(self) -> int:
        """Bytes that are there."""

    def write(self, data: bytes | memoryview) -> object:
        """Add the next bytes, all of them."""

    def fill(self, readinto: Callable[[memoryview], int]) -> int:
        """Add the next bytes, which `readinto` puts to the front of a buffer; how many.

        It is given room for no more than are missing. 0 where it gives none, or none are missing.
        """

    def restart(self) -> None:
        """Throw away what is there."""

    def check(self) -> None:
        """Raise `DigestMismatchError` unless what is there is the blob."""


class OriginManifests(Manifests, Protocol):
    """Manifests that can be moved elsewhere."""

    def get(self, reference: str | Descriptor) -> Manifest:
        """Read and verify one manifest, by tag, by digest, or as an index describes it."""


class OriginBlobs(Blobs, Protocol):
    """Blobs that can be moved elsewhere."""

    def fetch(
        self, blob: Descriptor, into: Partial, *, on_position: OnPosition | None = None
    ) -> None:
        """Complete `into` from where it stands, and verify it."""


class Origin(Repository, Protocol):
    """A repository that images can be moved from."""

    @property
    def registry(self) -> Registry:
        """What holds it."""

    @property
    def manifests(self) -> OriginManifests:
        """Its manifests."""

    @property
    def blobs(self) -> OriginBlobs:
        """Its blobs."""


class PagedTags(Tags, Protocol):
    """Tags that need not be listed all at once."""

    def list(self) -> TagList:
        """List the first of them, as many as come at once."""


class Opened(Origin, Protocol):
    """A repository as a client shows it."""

    @property
    def tags(self) -> PagedTags:
        """Its tags."""


class Service(Registry, Protocol):
    """What a client can be made of: a registry, or images on disk."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What it wants its users to know, as far as it has said so."""

    def ping(self) -> None:
        """Ask whether it answers."""

    def repository(self, name: str) -> Opened:
        """A handle on one repository; no request."""

    def close(self) -> None:
        """Let go of what is open; a later call opens it again."""
