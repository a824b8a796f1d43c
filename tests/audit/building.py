"""Registries made of plain values, with sizes and digests as an example needs them."""

from __future__ import annotations

import hashlib

from regnb.audit.audit import Audit
from regnb.audit.kernel.seen import Seen
from regnb.errors import ManifestUnknownError
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.walk.inventory import Inventory

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def digest(name: str) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(name.encode()).hexdigest()}")


def blob(name: str, size: int, media_type: str = media_types.OCI_LAYER_GZIP) -> Descriptor:
    return Descriptor(media_type, digest(name), size)


def config(name: str, size: int, media_type: str = media_types.OCI_CONFIG) -> Descriptor:
    return Descriptor(media_type, digest(name), size)


def image(name: str, size: int, config: Descriptor, *layers: Descriptor) -> ImageManifest:
    return ImageManifest(media_types.OCI_MANIFEST, digest(name), b"x" * size, config, layers)


def index(name: str, size: int, *entries: Descriptor) -> Index:
    return Index(media_types.OCI_INDEX, digest(name), b"x" * size, entries)


class Building:
    """An inventory that is filled by hand; `audit` is what it comes to."""

    def __init__(self) -> None:
        self.inventory = Inventory("registry.example")
        self._members: set[tuple[str, str]] = set()

    def tag(self, repository: str, tag: str, manifest: Manifest) -> None:
        self.inventory.add_tag(repository, tag, manifest)
        self.hold(repository, manifest)

    def hold(self, repository: str, *manifests: Manifest) -> None:
        for manifest in manifests:
            code = self.inventory.record(manifest)
            if (repository, manifest.digest) not in self._members:
                self._members.add((repository, manifest.digest))
                self.inventory.add_member(repository, code, present=True)

    def lack(self, repository: str, parent: Manifest, name: Digest) -> None:
        code = self.inventory.digests.code(name)
        self.inventory.add_member(repository, code, present=False)
        gone = ManifestUnknownError("it is not there", status=404, code="MANIFEST_UNKNOWN")
        above = self.inventory.digests.code(parent.digest)
        self.inventory.add_failure(
            gone, stage="manifest", repository=repository, reference=name, parent=above
        )

    def audit(self) -> Audit:
        listed = set(self.inventory.listings.column("repository").tolist())
        for code, repository in enumerate(self.inventory.repositories.values):
            if code not in listed:
                self.inventory.add_listing(repository, "ok", 1)
        self.inventory.finish()
        return Audit(Seen(self.inventory))
