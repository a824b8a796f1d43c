"""The manifests and configs behind one image, each read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from regnb.core.repository import Repository
from regnb.errors import InvalidDocumentError, NotFoundError, PlatformRequiredError, printable
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.image_config import ImageConfig, parse_image_config
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.model.platform import Platform
from regnb.model.reference import Reference

WORKERS = 4
DEEPEST = 8  # indexes within indexes; real ones stop at two

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Part:
    """One manifest of an image: the descriptor that leads to it, and the manifest itself.

    ``manifest`` is None where the repository does not hold it.
    """

    descriptor: Descriptor
    manifest: Manifest | None

    @property
    def platform(self) -> Platform | None:
        """What the index says that it runs on."""
        return self.descriptor.platform


class Parts:
    """Everything that has been read of one image so far.

    Attributes:
        known: the manifest or index at the top, or None before the first question.
    """

    def __init__(self, core: Repository, reference: Reference) -> None:
        """Remember whose parts they are; no request."""
        self.core = core
        self.reference = reference
        self.known: Manifest | None = None
        self._manifests: dict[Digest, Manifest | None] = {}
        self._configs: dict[Digest, ImageConfig] = {}

    def top(self) -> Manifest:
        """The manifest or index that the reference names; read at the first call."""
        if self.known is None:
            # Where both are given, the digest decides (U3).
            asked = self.reference.digest or self.reference.tag or "latest"
            self.known = self.core.manifests.get(asked)
        return self.known

    def all(self) -> list[Part]:
        """Every manifest that is no index, in the order of the indexes; missing ones too."""
        top = self.top()
        if not isinstance(top, Index):
            return [Part(top.descriptor, top)]
        return [part for part in self._below(top, 1) if not isinstance(part.manifest, Index)]

    def images(self, platform: str | None) -> list[Part]:
        """The images that are no attestations, of all platforms or those that match one.

        Raises:
            ManifestUnknownError: one of them is not in the repository.
            PlatformRequiredError: nothing matches `platform`.
        """
        found = [part for part in self.all() if not part.descriptor.is_attestation]
        if platform is not None:
            wanted = Platform.parse(platform)
            choices = ", ".join(str(self.platform_of(part)) for part in found)
            found = [part for part in found if self._matches(part, wanted)]
            if not found:
                raise PlatformRequiredError(
                    f"{printable(self.reference)} has no {printable(platform)}. "
                    f"It has: {printable(choices)}."
                )
        for part in found:
            if part.manifest is None:
                self.core.manifests.get(part.descriptor.digest)  # raises, with the reason
        return found

    def platform_of(self, part: Part) -> Platform | None:
        """The platform that the index says, or else the one in the config."""
        if part.platform is not None or part.manifest is None:
            return part.platform
        config = self.config_if_any(part)
        return config.platform if config else None

    def config(self, part: Part) -> ImageConfig:
        """The image config of a part; read at the first call.

        Raises:
            InvalidDocumentError: the part is an artifact or a legacy image, without one.
        """
        manifest = part.manifest
        if not isinstance(manifest, ImageManifest) or manifest.kind != "image":
            kind = manifest.kind if manifest else "missing"
            raise InvalidDocumentError(
                f"{printable(self.reference)} has no image config: it is of kind {kind}."
            )
        digest = manifest.config.digest
        if digest not in self._configs:
            raw = self.core.blobs.get(digest)
            self._configs[digest] = parse_image_config(raw, digest=digest)
        return self._configs[digest]

    def config_if_any(self, part: Part) -> ImageConfig | None:
        """The image config of a part, or None where it is no image but an artifact, say."""
        manifest = part.manifest
        if manifest is None or manifest.kind != "image" or part.descriptor.is_attestation:
            return None
        return self.config(part)

    def read_configs(self, parts: Iterable[Part]) -> None:
        """Read the configs of several parts side by side."""
        side_by_side(self.config_if_any, parts)

    def _matches(self, part: Part, wanted: Platform) -> bool:
        platform = self.platform_of(part)
        return platform is not None and platform.matches(wanted)

    def _below(self, index: Index, depth: int) -> list[Part]:
        if depth > DEEPEST:
            raise InvalidDocumentError(
                f"{printable(self.reference)} holds indexes more than {DEEPEST} deep."
            )
        found = []
        for child, manifest in zip(
            index.manifests, side_by_side(self._child, index.manifests), strict=True
        ):
            found.append(Part(child, manifest))
            if isinstance(manifest, Index):
                found += self._below(manifest, depth + 1)
        return found

    def _child(self, descriptor: Descriptor) -> Manifest | None:
        digest = descriptor.digest
        if digest not in self._manifests:
            try:
                self._manifests[digest] = self.core.manifests.get(digest)
            except NotFoundError:
                self._manifests[digest] = None
        return self._manifests[digest]


def side_by_side(read: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply `read` to every item, a few at once; results in order, the first error raised."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(read, items))
