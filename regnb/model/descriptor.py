"""Descriptors: how one document points to another (OCI image-spec, descriptor)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from regnb.display import text
from regnb.display.card import Card, Section, Shown
from regnb.errors import InvalidDigestError, InvalidDocumentError
from regnb.model import fields
from regnb.model.digest import ALGORITHMS, Digest
from regnb.model.media_types import is_foreign, short
from regnb.model.platform import Platform

ATTESTATION = "attestation-manifest"
REFERENCE_TYPE = "vnd.docker.reference.type"
_PLAIN = 3
"""How many fields a descriptor has that says no more than it has to."""


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
        data: the content itself, where it is embedded; it has the size and the digest.
    """

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    urls: tuple[str, ...] = field(default=(), hash=False)
    platform: Platform | None = field(default=None, hash=False)
    artifact_type: str | None = field(default=None, hash=False)
    data: bytes | None = field(default=None, hash=False)

    @classmethod
    def from_json(cls, value: object) -> Descriptor:
        """Read a descriptor out of a manifest or index.

        Raises:
            InvalidDocumentError: a field is missing or of the wrong kind, its digest is none, or
                what it embeds is not what it describes.
        """
        source = fields.mapping(value, "descriptor")
        if len(source) == _PLAIN:
            try:
                return _plain(source["mediaType"], source["digest"], source["size"])
            except (KeyError, TypeError):
                pass  # it has other fields, or such as cannot be looked up
        digest, size = _digest(fields.text(source, "digest")), fields.size(source, "size")
        return cls(
            media_type=fields.text(source, "mediaType"),
            digest=digest,
            size=size,
            annotations=fields.text_map(source, "annotations"),
            urls=fields.texts(source, "urls"),
            platform=_platform(source),
            artifact_type=fields.text(source, "artifactType") or None,
            data=_embedded(fields.text(source, "data"), digest, size),
        )

    @property
    def foreign(self) -> bool:
        """Whether the content may not be distributed, and so lies elsewhere.

        Content that only names other places (`urls`) may be in the registry all the same.
        """
        return is_foreign(self.media_type)

    @property
    def is_attestation(self) -> bool:
        """Whether this is what a builder says of another entry, and no image."""
        if self.annotations.get(REFERENCE_TYPE) == ATTESTATION:
            return True
        return self.platform is not None and self.platform.is_unknown

    def card(self) -> Card:
        """The facts, and the annotations."""
        facts: list[tuple[str, object]] = [
            ("size", text.size(self.size)),
            ("media type", self.media_type),
            ("digest", self.digest),
        ]
        if self.platform:
            facts.append(("platform", str(self.platform)))
        if self.artifact_type:
            facts.append(("artifact type", self.artifact_type))
        if self.foreign:
            facts.append(("foreign", "lies elsewhere; not fetched"))
        if self.urls:
            facts.append(("also at", " ".join(self.urls)))
        sections = (Section("annotations", self.annotations),) if self.annotations else ()
        title = f"{self.digest.short} {text.size(self.size)} {short(self.media_type)}"
        return Card("Descriptor", title, tuple(facts), sections)


@lru_cache(maxsize=4096, typed=True)
def _plain(media_type: object, digest: object, size: object) -> Descriptor:
    """Images share layers, so that the same descriptor is read again and again in a walk."""
    source = {"mediaType": media_type, "digest": digest, "size": size}
    return Descriptor(
        fields.text(source, "mediaType"),
        _digest(fields.text(source, "digest")),
        fields.size(source, "size"),
    )


def _digest(text: str) -> Digest:
    try:
        return Digest(text)
    except InvalidDigestError as error:
        raise InvalidDocumentError(str(error)) from None


def _platform(source: Mapping[str, Any]) -> Platform | None:
    value = source.get("platform")
    # Some writers put an object of empty texts where they know no platform. That says nothing, and
    # is not the unknown/unknown of attestations.
    if value is None or not any(fields.mapping(value, "platform").values()):
        return None
    return Platform.from_json(value)


def _embedded(encoded: str, digest: Digest, size: int) -> bytes | None:
    if not encoded:
        return None
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise InvalidDocumentError("data of a descriptor is not base64.") from None
    # Whoever fetches the content and whoever reads it here must see the same (S13, S14).
    if len(data) != size or not _hashes_to(data, digest):
        raise InvalidDocumentError("data of a descriptor is not what its digest and size say.")
    return data


def _hashes_to(data: bytes, digest: Digest) -> bool:
    return digest.algorithm in ALGORITHMS and Digest.of(data, digest.algorithm) == digest
