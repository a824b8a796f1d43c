"""Manifests and indexes (OCI image-spec, manifest and image index; Docker schema 2 and lists).

The bytes are kept as they came: the digest is over them, and they are what is pushed again.
Documents that two readers could take for two things are refused (W-M5, S14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from regnb.display.card import Card, Section, Shown, Table
from regnb.display.text import count, size
from regnb.errors import InvalidDocumentError, printable
from regnb.model import fields, media_types, strict_json
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest, proven

Kind = Literal["image", "artifact", "index", "schema1", "unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class Document(Shown):
    """What all kinds of manifest have.

    Attributes:
        media_type: as declared by the document and the registry.
        digest: what `raw` hashes to.
        raw: the bytes as they came.
        annotations: what its author says of it; not to be changed.
        subject: the manifest that this one is about, if any.
    """

    media_type: str
    digest: Digest
    raw: bytes = field(hash=False)
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False, kw_only=True)
    subject: Descriptor | None = field(default=None, kw_only=True)
    declared_artifact_type: str | None = field(default=None, kw_only=True)

    @property
    def size(self) -> int:
        """Bytes of the document itself."""
        return len(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """What points to this document."""
        return Descriptor(self.media_type, self.digest, self.size)

    @property
    def kind(self) -> Kind:
        """What sort of document this is."""
        return "unknown"

    @property
    def artifact_type(self) -> str | None:
        """What sort of artifact it is, as it says; None for images."""
        return self.declared_artifact_type

    def references(self) -> tuple[Descriptor, ...]:
        """What the document points to, in its own order; its subject is not among them."""
        return ()

    def _facts(self) -> tuple[tuple[str, object], ...]:
        facts: list[tuple[str, object]] = [
            ("digest", self.digest),
            ("media type", self.media_type),
            ("document", size(self.size)),
        ]
        if self.artifact_type:
            facts.append(("artifact type", self.artifact_type))
        if self.subject:
            facts.append(("subject", self.subject.digest))
        return tuple(facts)

    def _annotations(self) -> tuple[Section, ...]:
        return (Section("annotations", self.annotations),) if self.annotations else ()


@dataclass(frozen=True, slots=True, repr=False)
class ImageManifest(Document):
    """One image for one platform, or an artifact in the form of one.

    Attributes:
        config: the image config, or whatever stands in its place.
        layers: in order, the lowest first.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def kind(self) -> Kind:
        """``image`` where the config is an image config, else ``artifact``."""
        return "image" if self.config.media_type in media_types.IMAGE_CONFIGS else "artifact"

    @property
    def artifact_type(self) -> str | None:
        """The declared type, or else the type of a config that is no image config."""
        if self.declared_artifact_type or self.kind == "image":
            return self.declared_artifact_type
        return self.config.media_type

    def references(self) -> tuple[Descriptor, ...]:
        """The config, then the layers."""
        return (self.config, *self.layers)

    @property
    def declared_size(self) -> int:
        """Bytes of config and layers, repeats and foreign layers included."""
        return sum(reference.size for reference in self.references())

    @property
    def stored_size(self) -> int:
        """Bytes of the document, the config and each distinct layer that is not foreign."""
        own = {r.digest: r.size for r in self.references() if not r.foreign}
        return self.size + sum(own.values())

    def card(self) -> Card:
        """Sizes, layers and annotations."""
        rows = tuple(
            (position, media_types.short(layer.media_type), layer.digest.short, size(layer.size))
            for position, layer in enumerate(self.layers)
        )
        table = Table(("position", "type", "digest", "size"), rows, right=frozenset({0, 3}))
        title = f"{self.digest.short} {count(len(rows), 'layer')} {size(self.declared_size)}"
        facts = (*self._facts(), ("config", self.config.digest), ("kind", self.kind))
        layers = Section(f"layers ({len(rows)})", table, open=True)
        return Card("Manifest", title, facts, (layers, *self._annotations()))


@dataclass(frozen=True, slots=True, repr=False)
class Index(Document):
    """Several manifests under one digest, usually one a platform.

    Attributes:
        manifests: in order; they may be indexes themselves.
    """

    manifests: tuple[Descriptor, ...]

    @property
    def kind(self) -> Kind:
        """``index``."""
        return "index"

    def references(self) -> tuple[Descriptor, ...]:
        """The manifests."""
        return self.manifests

    def card(self) -> Card:
        """The entries by platform, and annotations."""
        rows = tuple(
            (
                "attestation" if entry.is_attestation else str(entry.platform or ""),
                media_types.short(entry.media_type),
                entry.digest.short,
                size(entry.size),
            )
            for entry in self.manifests
        )
        table = Table(("platform", "type", "digest", "document"), rows, right=frozenset({3}))
        title = f"{self.digest.short} {count(len(rows), 'manifest')}"
        entries = Section(f"manifests ({len(rows)})", table, open=True)
        return Card("Index", title, self._facts(), (entries, *self._annotations()))


@dataclass(frozen=True, slots=True, repr=False)
class OpaqueManifest(Document):
    """A manifest that is kept but not read: schema 1, or another type of its own (W-M7)."""

    @property
    def kind(self) -> Kind:
        """``schema1`` or ``unknown``."""
        return "schema1" if self.media_type in media_types.LEGACY_MANIFESTS else "unknown"

    @property
    def reason(self) -> str:
        """Why it is not read."""
        if self.kind == "schema1":
            return "Docker schema 1 names layers without their sizes. It is kept as it is."
        return (
            f"{printable(self.media_type, 120)} is no type that is read here. It is kept as it is."
        )

    def card(self) -> Card:
        """The facts, and why there is no more."""
        title = f"{self.digest.short} {self.kind}"
        return Card("Manifest", title, self._facts(), self._annotations(), (self.reason,))


Manifest = ImageManifest | Index | OpaqueManifest


def parse_manifest(
    raw: bytes, *, media_type: str | None = None, digest: Digest | None = None
) -> Manifest:
    """Read a manifest of any kind.

    Args:
        raw: the document.
        media_type: the Content-Type that it came with, if any.
        digest: what it was asked for by, if by digest.

    Raises:
        DigestMismatchError: `raw` does not hash to `digest`.
        UnsupportedDigestError: the algorithm of `digest` cannot be computed here.
        InvalidDocumentError: it is no manifest, or could be taken for two kinds of them.
    """
    return parse_proven(raw, media_type=media_type, digest=proven(raw, digest))


def parse_proven(raw: bytes, *, media_type: str | None, digest: Digest) -> Manifest:
    """Read a manifest whose bytes have passed their digest; the rest is as for `parse_manifest`."""
    try:
        source = fields.mapping(strict_json.loads(raw), "the document")
        return _read(source, media_types.base_type(media_type), digest, raw)
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"Manifest {digest.short} is refused: {error}") from None


# The fields that tell the kinds of document apart, and the type of one that names none.
_FORMS = (
    (("manifests",), media_types.OCI_INDEX),
    (("config", "layers"), media_types.OCI_MANIFEST),
    (("fsLayers",), media_types.SCHEMA1_SIGNED),
    (("blobs",), media_types.OCI_ARTIFACT),
)
_FORM_OF_TYPE = {
    **dict.fromkeys(media_types.INDEXES, media_types.OCI_INDEX),
    **dict.fromkeys(media_types.IMAGE_MANIFESTS, media_types.OCI_MANIFEST),
    **dict.fromkeys(media_types.LEGACY_MANIFESTS, media_types.SCHEMA1_SIGNED),
}


def _read(source: dict[str, Any], given: str, digest: Digest, raw: bytes) -> Manifest:
    form = _form(source)
    media_type = _agreed_type(source, given) or form
    if not media_type:
        raise InvalidDocumentError("it has no media type, and nothing that a manifest has.")
    expected = _FORM_OF_TYPE.get(media_type, form)
    if form != expected:
        raise InvalidDocumentError(f"it is called {media_type} and does not have that form.")
    if media_type in media_types.INDEXES:
        return _read_index(source, media_type, digest, raw)
    if media_type in media_types.IMAGE_MANIFESTS:
        return _read_image(source, media_type, digest, raw)
    if media_type in media_types.LEGACY_MANIFESTS:
        return OpaqueManifest(media_type, digest, raw)
    return OpaqueManifest(media_type, digest, raw, **_common(source))


def _form(source: Mapping[str, Any]) -> str:
    """What the document is by its fields; never two things at once (W-M5, S14)."""
    found = [form for names, form in _FORMS if not source.keys().isdisjoint(names)]
    if len(found) > 1:
        named = [name for names, _ in _FORMS for name in names if name in source]
        raise InvalidDocumentError(
            f"it holds {' and '.join(named)}, so that it could be read as two kinds of document."
        )
    return found[0] if found else ""


def _agreed_type(source: Mapping[str, Any], given: str) -> str:
    """The type that document and registry agree on; empty where neither says one."""
    inside = fields.text(source, "mediaType")
    # A generic type says nothing: some registries and files have no better. Schema 1 comes so.
    sent = given if given.startswith("application/vnd.") else ""
    if inside and sent and inside != sent:
        raise InvalidDocumentError(
            f"it calls itself {printable(inside, 120)} and was sent as {printable(sent, 120)}."
        )
    # M7: Docker's own types have to stand in the document, those of OCI may.
    if not inside and sent in {media_types.DOCKER_MANIFEST, media_types.DOCKER_LIST}:
        raise InvalidDocumentError(f"it was sent as {sent} and does not call itself that.")
    return inside or sent


def _read_index(source: dict[str, Any], media_type: str, digest: Digest, raw: bytes) -> Index:
    entries = tuple(map(Descriptor.from_json, fields.items(source, "manifests")))
    return Index(media_type, digest, raw, entries, **_common(source))


def _read_image(
    source: dict[str, Any], media_type: str, digest: Digest, raw: bytes
) -> ImageManifest:
    config = Descriptor.from_json(source.get("config"))
    layers = tuple(map(Descriptor.from_json, fields.items(source, "layers")))
    return ImageManifest(media_type, digest, raw, config, layers, **_common(source))


def _common(source: dict[str, Any]) -> dict[str, Any]:
    subject = source.get("subject")
    return {
        "annotations": fields.text_map(source, "annotations"),
        "subject": Descriptor.from_json(subject) if subject is not None else None,
        "declared_artifact_type": fields.text(source, "artifactType") or None,
    }
