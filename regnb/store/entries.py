"""Entries: what the index of a layout leads to, and under which names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regnb.errors import InvalidDocumentError, LayoutError
from regnb.model import fields, strict_json
from regnb.model.descriptor import Descriptor
from regnb.model.media_types import OCI_INDEX
from regnb.model.reference import MAX_PATH
from regnb.store.names import Name, read_name

_NEW = {"schemaVersion": 2, "mediaType": OCI_INDEX}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an index.

    Attributes:
        descriptor: what it points to.
        name: what it is called, as far as it says.
        repository: that it belongs to.
        source: the entry as it stands in the index; not to be changed.
        refused: text in the place of a name that is none.
    """

    descriptor: Descriptor
    name: Name
    repository: str
    source: Mapping[str, Any]
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """All entries of an index.

    Attributes:
        all: in the order of the index.
        document: whatever else the index holds; not to be changed.
        repositories: for each repository, what its tags point to. Where a name stands twice, the
            first counts: of the names of several registries, the one that was put last.
    """

    all: tuple[Entry, ...]
    document: Mapping[str, Any]
    repositories: Mapping[str, Mapping[str, Descriptor]]

    @classmethod
    def of(cls, entries: Iterable[Entry], document: Mapping[str, Any]) -> Entries:
        """Sort entries by their names."""
        found = tuple(entries)
        repositories: dict[str, dict[str, Descriptor]] = {}
        for entry in found:
            tags = repositories.setdefault(entry.repository, {})
            if entry.name.tag is not None:
                tags.setdefault(entry.name.tag, entry.descriptor)
        return cls(found, document, repositories)

    def as_bytes(self) -> bytes:
        """The index, as it is written."""
        document = {**self.document, "manifests": [entry.source for entry in self.all]}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

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
        return Entries.of((), _NEW)
    try:
        document = _document(raw)
        found = [read_entry(one, naming) for one in fields.items(document, "manifests")]
    except InvalidDocumentError as error:
        raise LayoutError(
            f"{shown} cannot be read: {error} Have the layout made anew; its blobs can stay."
        ) from None
    return Entries.of(found, document)


def _document(raw: bytes) -> dict[str, Any]:
    source = fields.mapping(strict_json.loads(raw), "the index")
    if "layers" in source or "config" in source:
        raise InvalidDocumentError("it could be taken for a manifest of an image (S14).")
    return source


def read_entry(source: Any, naming: Naming) -> Entry:
    """One entry of an index.

    Raises:
        InvalidDocumentError: it is no descriptor.
    """
    descriptor = Descriptor.from_json(source)
    name, refused = read_name(descriptor.annotations)
    return Entry(descriptor, name, naming.repository(name), source, refused)
