"""Descriptors: how one document points to another (OCI image-spec, descriptor)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from regnb.display.card import Card, Section, Shown
from regnb.display.text import size
from regnb.errors import InvalidDocumentError
from regnb.model import fields
from regnb.model.digest import Digest
from regnb.model.media_types import is_foreign, short
from regnb.model.platform import Platform

ATTESTATION = "attestation-manifest"
REFERENCE_TYPE = "vnd.docker.reference.type"


@dataclass(frozen=True, slots=True, repr=False)
class Descriptor(Shown):
    """The type, digest and size of some content, and what is said about it.

    Attributes:
        media_type: what the content is.
        digest: what it hashes to.
        size: how many bytes it has.
        annotations: what its author says of it; not to be changed.
        urls: where else it may be had; never fetched unasked (S1).
        platform: in an index, what it runs on.
        artifact_type: in an index, what kind of artifact it is.
        data: the content itself, where it is embedded.
    """

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    urls: tuple[str, ...] = ()
    platform: Platform | None = None
    artifact_type: str | None = None
    data: bytes | None = field(default=None, hash=False)

    @classmethod
    def from_json(cls, value: object) -> Descriptor:
        """Read a descriptor out of a manifest or index.

        Raises:
            InvalidDocumentError: a field is missing or of the wrong kind.
            InvalidDigestError: its digest is none.
        """
        source = fields.mapping(value, "descriptor")
        platform = source.get("platform")
        return cls(
            media_type=fields.text(source, "mediaType"),
            digest=Digest(fields.text(source, "digest")),
            size=fields.size(source, "size"),
            annotations=fields.text_map(source, "annotations"),
            urls=fields.texts(source, "urls"),
            platform=Platform.from_json(platform) if platform is not None else None,
            artifact_type=fields.text(source, "artifactType") or None,
            data=_embedded(fields.text(source, "data")),
        )

    @property
    def foreign(self) -> bool:
        """Whether the content lies elsewhere: its type says so, or it names other places."""
        return bool(self.urls) or is_foreign(self.media_type)

    @property
    def is_attestation(self) -> bool:
        """Whether this is what a builder says of another entry, and no image."""
        if self.annotations.get(REFERENCE_TYPE) == ATTESTATION:
            return True
        return self.platform is not None and self.platform.is_unknown

    def card(self) -> Card:
        """The facts, and the annotations."""
        facts: list[tuple[str, object]] = [
            ("size", size(self.size)),
            ("media type", self.media_type),
            ("digest", self.digest),
        ]
        if self.platform:
            facts.append(("platform", str(self.platform)))
        if self.artifact_type:
            facts.append(("artifact type", self.artifact_type))
        if self.foreign:
            facts.append(("foreign", "lies elsewhere; not fetched"))
        sections = (Section("annotations", self.annotations),) if self.annotations else ()
        title = f"{self.digest.short} {size(self.size)} {short(self.media_type)}"
        return Card("Descriptor", title, tuple(facts), sections)


def _embedded(text: str) -> bytes | None:
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidDocumentError("data of a descriptor is not base64.") from None
