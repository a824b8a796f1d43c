"""DockerArchive: what ``docker save`` writes, as the images that ``docker push`` would make of it.

Such an archive has a ``manifest.json``: for each image a config, names, and layers that are not
compressed. The OCI manifests that belong to them are made here, always the same bytes. Newer ones
are OCI archives as well, and are read as that.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from regnb.errors import InvalidDigestError, InvalidDocumentError, LayoutError, printable
from regnb.interfaces import CONFIG_LIMIT
from regnb.model import fields, strict_json
from regnb.model.digest import Digest
from regnb.model.image_config import parse_image_config
from regnb.model.media_types import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from regnb.store.archive import Archive, OciMembers
from regnb.store.archive_file import ArchiveFile
from regnb.store.folder import INDEX, MARK
from regnb.store.holding import INDEX_LIMIT, MANIFEST_LIMIT, Holding
from regnb.store.names import IMAGE_NAME
from regnb.store.region import Region, damaged, region_of

MANIFEST = "manifest.json"
_GZIP = b"\x1f\x8b"
_IDENTIFIED = re.compile(r"(?:.*/)?([a-f0-9]{64})(?:\.json)?", re.ASCII)


class DockerArchive(Archive):
    """The images in a file that ``docker save`` wrote, with the methods of a registry."""

    scheme = "docker-archive"

    def _holding(self, file: ArchiveFile) -> Holding:
        return DockerMembers(file)


@dataclass(slots=True)
class _Made:
    """What has been made of an archive.

    Attributes:
        stamp: of the file that it was made of.
        index: bytes of an index.
        manifests: bytes of manifests.
        members: the members that other blobs are.
    """

    stamp: object
    index: bytes = b""
    manifests: dict[Digest, bytes] = field(default_factory=dict)
    members: dict[Digest, str] = field(default_factory=dict)


class DockerMembers:
    """The members of what ``docker save`` wrote."""

    def __init__(self, file: ArchiveFile) -> None:
        """Read nothing yet."""
        self._file = file
        self._oci = OciMembers(file)
        self._lock = threading.Lock()
        self._made: _Made | None = None

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return self._file.shown

    @property
    def stamp(self) -> object:
        """What tells the file from what may take its place."""
        return self._file.stamp

    def index(self) -> bytes | None:
        """The bytes of an index.

        Raises:
            LayoutError: the file is no such archive, or damaged.
            StorageError: it cannot be read.
        """
        return self._oci.index() if self._is_oci() else self._images().index

    def region(self, digest: Digest, cancelled: threading.Event) -> Region | None:
        """The bytes of one blob or manifest, not verified; None where there is none."""
        digest = Digest(digest)
        if self._is_oci():
            return self._oci.region(digest, cancelled)
        made = self._images()
        if digest in made.manifests:
            return region_of(made.manifests[digest], path=f"the manifest of {self.shown}")
        member = made.members.get(digest)
        return None if member is None else self._file.region(member, cancelled)

    def _is_oci(self) -> bool:
        return self._file.holds(MARK) and self._file.holds(INDEX)

    def _images(self) -> _Made:
        with self._lock:
            stamp = self._file.stamp
            if self._made is None or self._made.stamp != stamp:
                self._made = self._make(_Made(stamp))
            return self._made

    def _make(self, made: _Made) -> _Made:
        raw = self._file.read(MANIFEST, INDEX_LIMIT)
        if raw is None:
            raise LayoutError(
                f"{self.shown} holds no {MANIFEST}, so that docker save has not written it. "
                "What other programs write may be an OCI archive: oci-archive:."
            )
        try:
            listed = fields.items({MANIFEST: strict_json.loads(raw)}, MANIFEST)
            entries = [entry for image in listed for entry in self._image(image, made)]
        except (InvalidDocumentError, InvalidDigestError) as error:
            raise LayoutError(f"{self.shown} cannot be read: {error} Have it made anew.") from None
        made.index = _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
        return made

    def _image(self, value: object, made: _Made) -> Iterator[dict[str, Any]]:
        """The entries of the index for one image, after its manifest has been made."""
        source = fields.mapping(value, f"an image in {MANIFEST}")
        config = self._config(fields.text(source, "Config"), made)
        diff_ids = parse_image_config(config).diff_ids
        names = fields.texts(source, "Layers")
        if len(names) != len(diff_ids):
            raise InvalidDocumentError(
                f"an image has {len(names)} layers, and its config tells of {len(diff_ids)}."
            )
        layers = [self._layer(*pair, made) for pair in zip(names, diff_ids, strict=True)]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(OCI_CONFIG, Digest.of(config), len(config)),
            "layers": layers,
        }
        raw = _json(document)
        if len(raw) > MANIFEST_LIMIT:
            raise InvalidDocumentError(f"an image has {len(layers):,} layers.")
        digest = Digest.of(raw)
        made.manifests[digest] = raw
        entry = _descriptor(OCI_MANIFEST, digest, len(raw))
        tags = fields.texts(source, "RepoTags")
        yield from ({**entry, "annotations": {IMAGE_NAME: tag}} for tag in tags)
        if not tags:
            yield entry

    def _config(self, name: str, made: _Made) -> bytes:
        raw = self._file.read(name, CONFIG_LIMIT)
        if raw is None:
            raise InvalidDocumentError(f"it holds no {printable(name, 200)!r}, a config.")
        digest = Digest.of(raw)
        told = _IDENTIFIED.fullmatch(name)
        if told and told[1] != digest.encoded:
            raise damaged(f"{printable(name)} in {self.shown}", Digest(f"sha256:{told[1]}"))
        made.members[digest] = name
        return raw

    def _layer(self, name: str, diff_id: str, made: _Made) -> dict[str, Any]:
        region = self._file.region(name, threading.Event())
        if region is None:
            raise InvalidDocumentError(f"it holds no {printable(name, 200)!r}, a layer.")
        with region:
            # Docker keeps layers as they are unpacked, and their digest is in the config; but
            # others put them there compressed, and then it is another one.
            packed = region.read_at(0, len(_GZIP)) == _GZIP
            digest = _sha256(region) if packed else Digest(diff_id)
            made.members[digest] = name
            return _descriptor(OCI_LAYER_GZIP if packed else OCI_LAYER, digest, region.size)


def _sha256(region: Region) -> Digest:
    found = hashlib.sha256()
    for piece in region.pieces():
        found.update(piece)
    return Digest(f"sha256:{found.hexdigest()}")


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
