"""LayoutRepository: one repository of a layout or archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from regnb.errors import LayoutError, ManifestUnknownError, RegnbError, RepositoryUnknownError
from regnb.interfaces import TagList
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Manifest, parse_manifest
from regnb.model.reference import check_path, check_tag
from regnb.store.contents import Contents
from regnb.store.layout_blobs import LayoutBlobs
from regnb.store.names import LOCAL, Name

if TYPE_CHECKING:
    from regnb.store.shelf import Shelf


class LayoutRepository:
    """One repository of a layout or archive; making one reads nothing but its index.

    Attributes:
        name: its path.
        registry: the layout or archive.
        tags: its tags.
        manifests: the manifests that it can read: all of its layout, which shares them.
        blobs: the blobs, likewise.
        referrers: the manifests by what they are about.
    """

    def __init__(self, name: str, registry: Shelf, *, domain: str | None = None) -> None:
        """Check the name.

        Args:
            name: its path.
            registry: the layout or archive.
            domain: as for `Shelf.repository`.

        Raises:
            InvalidReferenceError: `name` is no repository path.
        """
        self.name = check_path(name)
        self.registry = registry
        self._domain = domain
        contents = registry.contents_of(self.name)
        self._contents = contents
        self.writer = partial(registry.writer, self.name, contents)
        self.tags = LayoutTags(self, contents)
        self.manifests = LayoutManifests(self, contents)
        self.blobs = LayoutBlobs(contents, self.writer)
        self.referrers = LayoutReferrers(contents)

    @property
    def domain(self) -> str:
        """The registry that new tags are named after.

        Unless it was given, it is the one that all names here agree upon, or else ``localhost``.

        Raises:
            LayoutError: the index cannot be read.
        """
        if self._domain is not None:
            return self._domain
        named = (e.name for e in self._contents.entries().all if e.repository == self.name)
        domains = {name.domain for name in named if name != Name()}
        return (domains.pop() if len(domains) == 1 else "") or LOCAL

    def __reduce__(self) -> tuple[Any, ...]:
        """The name and the layout."""
        return _again, (self.name, self.registry, self._domain)

    def __repr__(self) -> str:
        """Name and layout."""
        return f"<LayoutRepository {self.name!r} of {self.registry.url!r}>"


def _again(name: str, registry: Shelf, domain: str | None) -> LayoutRepository:
    return LayoutRepository(name, registry, domain=domain)


class LayoutTags:
    """The tags of one repository of a layout."""

    __slots__ = ("_contents", "_repository")

    def __init__(self, repository: LayoutRepository, contents: Contents) -> None:
        """Read nothing yet."""
        self._repository = repository
        self._contents = contents

    def all(self) -> TagList:
        """List every tag, in the order of the index.

        Returns:
            The tags; what stands in the place of a name and is none is in ``invalid``.

        Raises:
            RepositoryUnknownError: the layout has no such repository.
            LayoutError: the index cannot be read, or there is no such folder.
        """
        entries, name = self._contents.entries(), self._repository.name
        if name not in entries.repositories:
            if self._repository.registry.absence:
                raise LayoutError(self._repository.registry.absence)
            raise _unknown(self._repository)
        return TagList(tuple(entries.repositories[name]), entries.refused(name))

    def list(self) -> TagList:
        """The same: a layout has only one page. Raises as `all` does."""
        return self.all()

    def get(self, tag: str) -> Descriptor:
        """Resolve a tag to the descriptor of its manifest.

        Raises:
            InvalidReferenceError: `tag` is no tag.
            RepositoryUnknownError: the layout has no such repository.
            ManifestUnknownError: the repository has no such tag.
            LayoutError: the index cannot be read.
        """
        tags = self._contents.entries().repositories.get(self._repository.name)
        if tags is None:
            raise _unknown(self._repository)
        if check_tag(tag) not in tags:
            raise ManifestUnknownError(
                f"{self._repository.name} in {self._contents.shown} has no tag {tag}. "
                "List its tags to see those that it has."
            )
        found = tags[tag]
        return Descriptor(found.media_type, found.digest, found.size)

    def untag(self, tag: str) -> None:
        """Take a tag away. Its manifest and blobs stay on disk, to be read by digest.

        Raises:
            InvalidReferenceError: `tag` is no tag.
            ManifestUnknownError: the repository has no such tag.
            ReadOnlyError: this is an archive.
            StorageError: the index cannot be written.
        """
        self.get(tag)
        self._repository.writer().untag(self._repository.name, tag)


class LayoutManifests:
    """The manifests that one repository of a layout can read."""

    __slots__ = ("_contents", "_repository")

    def __init__(self, repository: LayoutRepository, contents: Contents) -> None:
        """Read nothing yet."""
        self._repository = repository
        self._contents = contents

    def exists(self, digest: Digest) -> bool:
        """Whether a manifest is there, and whole.

        Raises:
            InvalidDigestError: `digest` is none, or nothing can be verified by it.
            StorageError: it cannot be read.
        """
        return self._contents.holds_manifest(Digest(digest))

    def get(self, reference: str | Descriptor) -> Manifest:
        """Read and verify one manifest, by tag or by digest.

        Args:
            reference: a tag, a digest, or the descriptor in an index, whose size has to be right
                too.

        Raises:
            InvalidReferenceError: `reference` is no tag.
            InvalidDigestError: it has a colon, but is no digest.
            RepositoryUnknownError: by tag, the layout has no such repository.
            ManifestUnknownError: there is no such manifest.
            DigestMismatchError: the bytes are other bytes.
            SizeMismatchError: the manifest is not as large as what points to it says.
            InvalidDocumentError: the bytes are no manifest, or an ambiguous one.
            LayoutError: the index cannot be read.
            StorageError: a file cannot be read.
        """
        if isinstance(reference, Descriptor):
            return self._contents.manifest(reference)
        if ":" in reference:
            return self._contents.manifest(Digest(reference))
        return self._contents.manifest(self._repository.tags.get(reference))

    def receive(self, reference: str) -> Callable[[], Manifest]:
        """What reads one manifest; it is not looked for before that. `get` says what it raises."""
        return partial(self.get, reference)

    def get_if_changed(self, reference: str, etag: str) -> Manifest | None:
        """Read a manifest, or say by None that its digest is still `etag`; raises as `get` does."""
        tag = ":" not in reference
        if tag and self._repository.tags.get(reference).digest == etag:
            return None
        return self.get(reference)

    def put(
        self,
        manifest: Manifest | bytes,
        *,
        tags: Iterable[str] = (),
        media_type: str | None = None,
    ) -> Descriptor:
        """Store a manifest, byte for byte, under its digest and any number of tags.

        Args:
            manifest: one that was read, or the bytes of one.
            tags: to store it under. Without any, the index leads to it all the same, unless
                another manifest does.
            media_type: of bytes that do not say it themselves.

        Returns:
            What points to the manifest now.

        Raises:
            InvalidReferenceError: one of the tags is none; nothing was written.
            InvalidDocumentError: the bytes are no manifest, or an ambiguous one.
            ManifestBlobUnknownError: a blob or manifest that it names is not there.
            ReadOnlyError: this is an archive.
            StorageError: it cannot be written.
        """
        names = [check_tag(tag) for tag in dict.fromkeys(tags)]
        document = (
            parse_manifest(manifest, media_type=media_type)
            if isinstance(manifest, bytes)
            else manifest
        )
        repository = self._repository
        repository.writer().put(document, repository.name, names, domain=repository.domain)
        return document.descriptor


class LayoutReferrers:
    """The manifests of a layout by what they are about."""

    __slots__ = ("_contents",)

    def __init__(self, contents: Contents) -> None:
        """Read nothing yet."""
        self._contents = contents

    def all(self, digest: Digest) -> tuple[Descriptor, ...]:
        """List the referrers of a manifest, whether or not the manifest itself is there.

        Raises:
            InvalidDigestError: `digest` is no digest.
            LayoutError: the index cannot be read.
            RegnbError: a manifest cannot be read, so that nobody knows what it is about.
        """
        return self._contents.referrers(Digest(digest))

    def listed(self, digest: Digest) -> tuple[Descriptor, ...] | None:
        """The same; None where a manifest that cannot be read leaves the question open."""
        try:
            return self.all(digest)
        except RegnbError:
            return None


def _unknown(repository: LayoutRepository) -> RepositoryUnknownError:
    return RepositoryUnknownError(
        repository.registry.absence
        or f"{repository.registry.shown} holds no repository {repository.name}. List its "
        "repositories to see those that it holds."
    )
