"""Contents: the manifests and blobs of one layout or archive, and how they hang together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regnb.errors import (
    BlobUnknownError,
    BodyTooLargeError,
    InvalidDocumentError,
    LayoutError,
    ManifestUnknownError,
    NotFoundError,
    SizeMismatchError,
    VerificationError,
)
from regnb.interfaces import CONFIG_LIMIT
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, parse_manifest
from regnb.model.media_types import IMAGE_MANIFESTS, INDEXES
from regnb.model.reference import referrers_tag
from regnb.store.entries import Entries, Entry, Naming, read_entries
from regnb.store.holding import MANIFEST_LIMIT, Holding
from regnb.store.names import Name
from regnb.store.region import BlobFile, Region, damaged

_UNREADABLE = (NotFoundError, VerificationError, InvalidDocumentError, BodyTooLargeError)
_MANIFESTS = IMAGE_MANIFESTS | INDEXES


@dataclass(frozen=True, slots=True)
class Links:
    """What one manifest says of others.

    Attributes:
        descriptor: of the manifest, as a list of referrers shows it.
        subject: what it is about, or None.
        children: the manifests that it names, if it is an index.
        blobs: the blobs that it names, but for those that lie elsewhere.
    """

    descriptor: Descriptor
    subject: Digest | None
    children: tuple[Descriptor, ...]
    blobs: tuple[Descriptor, ...]


class Contents:
    """What is in one layout or archive; nothing is read before it is asked for.

    Threads may share it. What is known of a manifest is kept, since its digest says that it never
    changes; the index is read again whenever it has changed.

    Attributes:
        holding: the files.
        naming: how the names in its index become names of repositories.
    """

    def __init__(self, holding: Holding, *, naming: Naming) -> None:
        """Read nothing yet."""
        self.holding = holding
        self.naming = naming
        self._cancelled = threading.Event()
        self._links: dict[Digest, Links] = {}
        self._entries: tuple[object, Entries] | None = None
        self._subjects: (
            tuple[object, tuple[dict[str, list[Descriptor]], dict[Digest, list[Descriptor]]]] | None
        ) = None

    def cancel(self) -> None:
        """End what other threads are reading; what begins later is not touched."""
        cancelled, self._cancelled = self._cancelled, threading.Event()
        cancelled.set()

    def entries(self) -> Entries:
        """What the index leads to.

        Raises:
            LayoutError: the index cannot be read, or this is no layout.
            StorageError: a file cannot be read.
        """
        stamp, known = self.holding.stamp, self._entries
        if known is not None and stamp is not None and known[0] == stamp:
            return known[1]
        raw = self.holding.index()
        entries = read_entries(raw, naming=self.naming, shown=f"The index of {self.shown}")
        self._entries = stamp, entries
        return entries

    def remember(self, entries: Entries) -> None:
        """Take what has just been written into the index for what is there."""
        self._entries = self.holding.stamp, entries

    def repositories(self) -> tuple[str, ...]:
        """The names of the repositories, each once.

        Nobody named the one of entries without a name. Where it has none but such as are about
        images of others, it is left out.

        Raises:
            LayoutError: the index cannot be read, or this is no layout.
            StorageError: a file cannot be read.
        """
        entries, default = self.entries(), self.naming.default
        names = tuple(entries.repositories)
        nobodys = [one for one in entries.all if one.repository == default]
        if names == (default,) or not all(self._is_about(one) for one in nobodys):
            return names
        return tuple(name for name in names if name != default)

    def _is_about(self, entry: Entry) -> bool:
        """Whether an entry has no name, and is about another."""
        if entry.name != Name() or entry.refused is not None:
            return False
        try:
            return self.links(entry.descriptor).subject is not None
        except _UNREADABLE:
            return False

    @property
    def shown(self) -> str:
        """What messages call it."""
        return self.holding.shown

    def region(self, digest: Digest) -> Region:
        """The bytes of a blob, not verified.

        Raises:
            BlobUnknownError: there is no such blob.
            LayoutError: what is in its place is no plain file.
            StorageError: it cannot be opened.
        """
        found = self.holding.region(digest, self._cancelled)
        if found is None:
            raise BlobUnknownError(
                f"{self.shown} holds no blob {Digest(digest)}. Pull the image again, or have the "
                "archive made anew."
            )
        return found

    def open(self, digest: Digest) -> BlobFile:
        """A blob as a stream that verifies itself; raises as `region` does."""
        digest = Digest(digest)
        digest.verifier()  # refuses what cannot be verified before anything is opened
        return BlobFile(self.region(digest), digest)

    def read(self, digest: Digest, *, limit: int = CONFIG_LIMIT) -> bytes:
        """A small blob, verified.

        Raises:
            BodyTooLargeError: it is larger than `limit`.
            DigestMismatchError: the bytes are other bytes.
            RegnbError: as for `region`.
        """
        digest = Digest(digest)
        verifier = digest.verifier()
        with self.region(digest) as region:
            if region.size > limit:
                raise BodyTooLargeError(
                    f"{region.path} has {region.size:,} bytes; {limit:,} are allowed here. "
                    "Read it with blobs.open() instead."
                )
            raw = region.read_at(0, limit)
            verifier.update(raw)
            if not verifier.verified():
                raise damaged(region.path, digest)
        return raw

    def manifest(self, reference: Digest | Descriptor) -> Manifest:
        """A manifest by its digest, or by what points to it.

        Raises:
            ManifestUnknownError: there is no such manifest.
            SizeMismatchError: it is not as large as what points to it says.
            InvalidDocumentError: it is no manifest, or an ambiguous one.
            RegnbError: as for `read`.
        """
        descriptor = reference if isinstance(reference, Descriptor) else None
        digest = reference.digest if isinstance(reference, Descriptor) else Digest(reference)
        raw = self._manifest_bytes(digest)
        if descriptor is not None and descriptor.size != len(raw):
            raise SizeMismatchError(
                f"The manifest {digest} in {self.shown} has {len(raw):,} bytes, and what points "
                f"to it says {descriptor.size:,}. Read it by its digest, or pull it again."
            )
        given = descriptor.media_type if descriptor and descriptor.media_type in _MANIFESTS else ""
        return parse_manifest(raw, media_type=given or None, digest=digest)

    def _manifest_bytes(self, digest: Digest) -> bytes:
        try:
            return self.read(digest, limit=MANIFEST_LIMIT)
        except BlobUnknownError:
            pass
        raise ManifestUnknownError(
            f"{self.shown} holds no manifest {digest}. Pull the image again, with the platforms "
            "that you need, or have the archive made anew."
        )

    def holds_manifest(self, digest: Digest) -> bool:
        """Whether a manifest is there, whole."""
        try:
            return bool(self.manifest(Digest(digest)).raw)
        except _UNREADABLE:
            return False

    def links(self, reference: Digest | Descriptor) -> Links:
        """What a manifest says of others; raises as `manifest` does."""
        digest = reference.digest if isinstance(reference, Descriptor) else reference
        if digest not in self._links:
            self._links[digest] = _links(self.manifest(reference))
        return self._links[digest]

    def tree(self, tops: Iterable[Descriptor]) -> Iterator[Links]:
        """The manifests that some lead to, and these themselves, each once.

        What an index names and the layout lacks is left out: it was not pulled.

        Raises:
            RegnbError: a manifest that is there cannot be read.
        """
        waiting, seen = deque(tops), set[Digest]()
        while waiting:
            descriptor = waiting.popleft()
            if descriptor.digest in seen:
                continue
            seen.add(descriptor.digest)
            try:
                found = self.links(descriptor)
            except NotFoundError:
                continue
            yield found
            waiting.extend(found.children)

    def leads_to(self, digest: Digest, *, within: str | None = None) -> bool:
        """Whether the index leads to a manifest, by itself or through other indexes.

        Args:
            digest: of the manifest.
            within: the repository whose entries count; all by default.
        """
        found = self.entries().all
        tops = [one.descriptor for one in found if within in (None, one.repository)]
        if any(top.digest == digest for top in tops):
            return True
        try:
            indexes = self.tree(top for top in tops if top.media_type in INDEXES)
            return any(one.descriptor.digest == digest for one in indexes)
        except _UNREADABLE:
            return False

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """The manifests that are about another; by their subjects, and by the fallback tag.

        Raises:
            RegnbError: a manifest of the layout cannot be read, so that nobody knows.
        """
        digest = Digest(digest)
        lists, about = self._about()
        found: dict[Digest, Descriptor] = {}
        for entry in lists.get(referrers_tag(digest), ()):
            listed = self.manifest(entry)
            if isinstance(listed, Index):
                found |= {one.digest: one for one in listed.manifests}
        for one in about.get(digest, ()):
            found.setdefault(one.digest, one)
        return tuple(found.values())

    def _about(self) -> tuple[dict[str, list[Descriptor]], dict[Digest, list[Descriptor]]]:
        """What tags name, by tag, and what manifests are about, by subject; read once an index."""
        stamp, known = self.holding.stamp, self._subjects
        if known is not None and stamp is not None and known[0] == stamp:
            return known[1]
        tagged: dict[str, list[Descriptor]] = {}
        about: dict[Digest, list[Descriptor]] = {}
        for entry in self.entries().all:
            if entry.name.tag is not None:
                tagged.setdefault(entry.name.tag, []).append(entry.descriptor)
        for one in self.tree(entry.descriptor for entry in self.entries().all):
            if one.subject is not None:
                about.setdefault(one.subject, []).append(one.descriptor)
        self._subjects = stamp, (tagged, about)
        return tagged, about

    def origins(self, domain: str) -> dict[Digest, str]:
        """Which repository of a registry each blob is known to come from, by names of the index."""
        found: dict[Digest, str] = {}
        for entry in self.entries().all:
            if entry.name.domain != domain:
                continue
            try:
                for one in self.tree([entry.descriptor]):
                    found |= {b.digest: entry.name.path for b in one.blobs if b.digest not in found}
            except (*_UNREADABLE, LayoutError):
                continue  # a damaged image; whoever moves it is told then
        return found


def _links(manifest: Manifest) -> Links:
    descriptor = Descriptor(
        manifest.media_type,
        manifest.digest,
        manifest.size,
        annotations=manifest.annotations,
        artifact_type=manifest.artifact_type,
    )
    subject = manifest.subject.digest if manifest.subject else None
    children = manifest.manifests if isinstance(manifest, Index) else ()
    blobs = manifest.references() if isinstance(manifest, ImageManifest) else ()
    return Links(descriptor, subject, children, tuple(b for b in blobs if not b.foreign))
