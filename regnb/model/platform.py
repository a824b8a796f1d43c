"""Platforms: what an image runs on (OCI image-spec, image index, "platform")."""

from __future__ import annotations

from dataclasses import dataclass, replace

from regnb.errors import InvalidPlatformError, printable
from regnb.model import fields

# The variant that builders mean where they name none.
_USUAL_VARIANTS = {"amd64": "v1", "arm": "v7", "arm64": "v8"}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a processor, with what tells variants of them apart."""

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``os/architecture`` or ``os/architecture/variant``.

        Raises:
            InvalidPlatformError: `text` has another form.
        """
        os, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        if not os or not architecture or "/" in variant or text.endswith("/"):
            raise InvalidPlatformError(
                f"{printable(text, 80)!r} is no platform. Expected os/architecture[/variant], "
                "such as linux/arm64/v8."
            )
        return cls(os, architecture, variant or None)

    @classmethod
    def from_json(cls, value: object) -> Platform:
        """Read the object that an index holds.

        Raises:
            InvalidDocumentError: it is no such object.
        """
        mapping = fields.mapping(value, "platform")
        return cls(
            os=fields.text(mapping, "os") or "unknown",
            architecture=fields.text(mapping, "architecture") or "unknown",
            variant=fields.text(mapping, "variant") or None,
            os_version=fields.text(mapping, "os.version") or None,
            os_features=fields.texts(mapping, "os.features"),
        )

    @property
    def is_unknown(self) -> bool:
        """Whether this is the placeholder that builders give to attestations."""
        return self.os == "unknown" and self.architecture == "unknown"

    @property
    def usual(self) -> Platform:
        """The same with the variant that builders mean where they name none, and no version.

        Two names of one platform are equal in it: ``linux/arm64`` and ``linux/arm64/v8``.
        """
        variant = self.variant or _USUAL_VARIANTS.get(self.architecture)
        return replace(self, variant=variant, os_version=None, os_features=())

    def matches(self, wanted: Platform) -> bool:
        """Whether an image for this platform is what `wanted` asks for.

        Whatever `wanted` leaves open, any image has: ``linux/arm64`` is met by ``linux/arm64/v8``.
        An image that names no variant is one of its architecture's usual variant.
        """
        variant = self.variant or _USUAL_VARIANTS.get(self.architecture)
        return (
            (self.os, self.architecture) == (wanted.os, wanted.architecture)
            and wanted.variant in {None, variant}
            and wanted.os_version in {None, self.os_version}
            and set(wanted.os_features) <= set(self.os_features)
        )

    def __str__(self) -> str:
        """``os/architecture[/variant]``."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
