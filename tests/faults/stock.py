"""What the sample registry holds for the matrix, and holds again before each of its cells."""

from __future__ import annotations

import hashlib
import json

from regnb.model.digest import Digest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from regnb.sample.storage import Manifest, Storage

MIB = 1 << 20
PAGE_SIZE = 20
ITEMS = 45  # of each listing: three pages

REPOSITORY = "team/app"
TARGET = "team/new"  # where operations write and delete
TAG, DOOMED = "1.0", "doomed"


def noise(seed: str, size: int) -> bytes:
    """Bytes no part of which is like another, the same at every run."""
    return hashlib.shake_256(seed.encode()).digest(size)


def digest_of(raw: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(raw).hexdigest())


BLOB = noise("blob", MIB + 4321)
BLOB_DIGEST = digest_of(BLOB)
CONFIG, LAYER = b'{"architecture": "amd64", "os": "linux"}', noise("layer", 1000)
DOOMED_BLOB = noise("doomed", 500)
NAMES = tuple(f"base/{number:02}-{'n' * 60}" for number in range(ITEMS))
TAGS = tuple(f"tag-{number:02}-{'t' * 60}" for number in range(ITEMS))


def image(note: str, subject: bytes | None = None) -> bytes:
    """A manifest of more than 8 KiB: so that a fault can be anywhere in it."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(OCI_CONFIG, CONFIG),
        "layers": [_descriptor(OCI_LAYER_GZIP, LAYER)] * 2,
        "annotations": {"note": note},
    }
    if subject is not None:
        document["subject"] = _descriptor(OCI_MANIFEST, subject)
    return json.dumps(document).encode()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


MANIFEST = image("x" * 9000)
PUSHED = image("pushed")
DOOMED_MANIFEST = image("doomed")
REFERRERS = tuple(image(f"referrer {number}", MANIFEST) for number in range(ITEMS))


def fill(storage: Storage) -> None:
    """All that operations read."""
    for content in (BLOB, CONFIG, LAYER):
        storage.put_blob(REPOSITORY, content, digest=digest_of(content))
    storage.put_manifest(REPOSITORY, Manifest.read(MANIFEST, OCI_MANIFEST), tags=[TAG, *TAGS])
    for referrer in REFERRERS:
        storage.put_manifest(REPOSITORY, Manifest.read(referrer, OCI_MANIFEST))
    for name in NAMES:
        storage.put_blob(name, CONFIG, digest=digest_of(CONFIG))
    restock(storage)


def restock(storage: Storage) -> None:
    """Undo what an operation has done to `TARGET`."""
    storage.delete_blob(TARGET, BLOB_DIGEST)
    storage.delete_manifest(TARGET, digest_of(PUSHED))
    for upload in storage.uploads(TARGET):
        storage.end(TARGET, upload)
    for content in (CONFIG, LAYER, DOOMED_BLOB):
        storage.put_blob(TARGET, content, digest=digest_of(content))
    storage.put_manifest(TARGET, Manifest.read(DOOMED_MANIFEST, OCI_MANIFEST), tags=[DOOMED])
