"""The manifests and configs behind one image, each read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from regnb.errors import InvalidDocumentError, NotFoundError, PlatformRequiredError, printable
from regnb.interfaces import Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.image_config import ImageConfig, parse_image_config
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.model.media_types import INDEXES
from regnb.model.platform import Platform
from regnb.model.reference import Reference
from regnb.walk.crawl import DEPTH

WORKERS = 4

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Part:
    """One manifest of an image: the descriptor that leads to it, and the manifest itself.

    ``manifest`` is None where the repository does not hold it.
    """

    descriptor: Descriptor
    manifest: Manifest | None


class Parts:
    """Everything that has been read of one image so far.

    Attributes:
        known: the manifest or index at the top, or None before the first question.
    """

    def __init__(self, core: Origin, reference: Reference) -> None:
        """Remember whose parts they are; no request."""
        self.core = core
        self.reference = reference
        self.name = str(Reference("", reference.path, reference.tag, reference.digest))
        self.known: Manifest | None = None
        self._manifests: dict[Digest, Manifest | NotFoundError] = {}
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
        return self._read(lambda _: True)

    def images(self, platform: str | None) -> list[Part]:
        """The images that are no attestations, of all platforms or those that match one.

        Raises:
            ManifestUnknownError: one of them is not in the repository.
            InvalidPlatformError: `platform` is none.
            PlatformRequiredError: nothing matches `platform`.
        """
        wanted = None if platform is None else Platform.parse(platform)
        found = self._read(lambda entry: _may_be(entry, wanted))
        for part in found:
            self.held(part)
        if wanted is None:
            return found
        matching = [part for part in found if self._matches(part, wanted)]
        if not matching:
            raise PlatformRequiredError(
                f"{printable(self.name)} has no {printable(platform)}. It has: {self.choices()}."
            )
        return matching

    def held(self, part: Part) -> Manifest:
        """The manifest of a part.

        Raises:
            ManifestUnknownError: the repository does not hold it.
        """
        found = self._manifests.get(part.descriptor.digest, part.manifest)
        if isinstance(found, NotFoundError):
            raise found
        assert found is not None  # only what was not found is missing
        return found

    def below(self) -> tuple[Manifest, ...]:
        """What is below the top, as far as it has been read and is there."""
        found = self._manifests.values()
        return tuple(one for one in found if not isinstance(one, NotFoundError))

    def choices(self) -> str:
        """The platforms to choose from, as far as the top tells, as text for a message."""
        top = self.top()
        if isinstance(top, Index):
            entries = [entry for entry in top.manifests if not entry.is_attestation]
            named = [str(entry.platform) for entry in entries if entry.platform is not None]
        else:
            platform = self.platform_of(Part(top.descriptor, top))
            named = [str(platform)] if platform else []
        return printable(", ".join(named)) or "none that is named"

    def platform_of(self, part: Part) -> Platform | None:
        """The platform that the index says, or else the one in the config."""
        if part.descriptor.platform is not None:
            return part.descriptor.platform
        config = self.config_if_any(part)
        return config.platform if config else None

    def config(self, part: Part) -> ImageConfig:
        """The image config of a part; read at the first call.

        Raises:
            InvalidDocumentError: the part is an artifact or a legacy image, without one.
        """
        manifest = self.held(part)
        if not isinstance(manifest, ImageManifest) or manifest.kind != "image":
            raise InvalidDocumentError(
                f"{printable(self.name)} has no image config: it is of kind {manifest.kind}."
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
        """Read the configs of several parts side by side, each once."""
        distinct = {
            part.manifest.config.digest: part
            for part in parts
            if isinstance(part.manifest, ImageManifest)
        }
        side_by_side(self.config_if_any, distinct.values())

    def _matches(self, part: Part, wanted: Platform) -> bool:
        platform = self.platform_of(part)
        return platform is not None and platform.matches(wanted)

    def _read(self, wanted: Callable[[Descriptor], bool]) -> list[Part]:
        top = self.top()
        if isinstance(top, Index):
            return list(self._below(top, wanted, depth=1))
        return [Part(top.descriptor, top)]

    def _below(
        self, index: Index, wanted: Callable[[Descriptor], bool], *, depth: int
    ) -> Iterator[Part]:
        if depth > DEPTH:
            raise InvalidDocumentError(
                f"{printable(self.name)} holds indexes more than {DEPTH} deep."
            )
        entries = [entry for entry in index.manifests if wanted(entry)]
        unread = {entry.digest for entry in entries} - self._manifests.keys()
        self._manifests |= zip(unread, side_by_side(self._child, unread), strict=True)
        for entry in entries:
            manifest = self._manifests[entry.digest]
            if isinstance(manifest, Index):
                yield from self._below(manifest, wanted, depth=depth + 1)
            else:
                held = None if isinstance(manifest, NotFoundError) else manifest
                yield Part(entry, held)

    def _child(self, digest: Digest) -> Manifest | NotFoundError:
        try:
            return self.core.manifests.get(digest)
        except NotFoundError as error:
            return error


def _may_be(entry: Descriptor, wanted: Platform | None) -> bool:
    """Whether an entry of an index can be, or lead to, an image for a platform."""
    if entry.media_type in INDEXES:
        return True
    if wanted is None or entry.platform is None:
        return not entry.is_attestation
    return not entry.is_attestation and entry.platform.matches(wanted)


def side_by_side(read: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply `read` to every item, a few at once; results in order, the first error raised."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(read, items))
