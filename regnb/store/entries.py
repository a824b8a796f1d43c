"""Entries: what the index of a layout leads to, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regnb.errors import InvalidDocumentError, LayoutError
from regnb.model import fields, strict_json
from regnb.model.descriptor import Descriptor
from regnb.model.reference import MAX_PATH
from regnb.store.names import Name, read_name


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an index.

    Attributes:
        descriptor: what it points to.
        name: what it is called, as far as it says.
        repository: that it belongs to.
        refused: text in the place of a name that is none.
    """

    descriptor: Descriptor
    name: Name
    repository: str
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """All entries of an index.

    Attributes:
        all: in the order of the index.
        repositories: for each repository, what its tags point to. Where a name stands twice, the
            first counts.
    """

    all: tuple[Entry, ...] = ()
    repositories: Mapping[str, Mapping[str, Descriptor]] = field(default_factory=dict)

    def refused(self, repository: str) -> tuple[str, ...]:
        """What stands in the place of names in a repository, and is none."""
        found = (entry.refused for entry in self.all if entry.repository == repository)
        return tuple(text for text in found if text is not None)


@dataclass(frozen=True, slots=True)
class Naming:
    """How the names in an index become names of repositories.

    Attributes:
        default: the repository of entries whose names hold none.
        prefix: what comes before all others; empty for a layout that stands alone.
    """

    default: str
    prefix: str = ""

    def repository(self, name: Name) -> str:
        """The repository of a name."""
        if not name.path:
            return self.default
        whole = f"{self.prefix}/{name.path}" if self.prefix else name.path
        return whole if len(whole) <= MAX_PATH else self.default

    def path(self, repository: str) -> str:
        """The reverse: the path that a name has in the index, or empty for none."""
        if not self.prefix:
            return repository
        return repository.removeprefix(self.prefix).removeprefix("/")


def read_entries(raw: bytes | None, *, naming: Naming, shown: str) -> Entries:
    """Read an index.

    Args:
        raw: the bytes of the index; None for one that is not there yet.
        naming: how its names become names of repositories.
        shown: what messages call the index.

    Raises:
        LayoutError: the index cannot be read.
    """
    if raw is None:
        return Entries()
    try:
        found = tuple(read_entry(one, naming) for one in index_items(raw))
    except InvalidDocumentError as error:
        raise LayoutError(
            f"{shown} cannot be read: {error} Have the layout made anew; its blobs can stay."
        ) from None
    repositories: dict[str, dict[str, Descriptor]] = {}
    for entry in found:
        tags = repositories.setdefault(entry.repository, {})
        if entry.name.tag is not None:
            tags.setdefault(entry.name.tag, _bare(entry.descriptor))
    return Entries(found, repositories)


def index_items(raw: bytes) -> list[Any]:
    """The entries of an index as they stand there.

    Raises:
        InvalidDocumentError: it is no index.
    """
    source = fields.mapping(strict_json.loads(raw), "the index")
    if "layers" in source or "config" in source:
        raise InvalidDocumentError("it could be taken for a manifest of an image (S14).")
    return fields.items(source, "manifests")


def read_entry(source: object, naming: Naming) -> Entry:
    """One entry of an index.

    Raises:
        InvalidDocumentError: it is no descriptor.
    """
    descriptor = Descriptor.from_json(source)
    name, refused = read_name(descriptor.annotations)
    return Entry(descriptor, name, naming.repository(name), refused)


def _bare(descriptor: Descriptor) -> Descriptor:
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
