"""Small content for tests: one config, one layer, one manifest."""

from __future__ import annotations

import json
from typing import Any

from regnb.model.digest import Digest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST

CONFIG = b'{"architecture": "amd64", "os": "linux"}'
CONFIG_DIGEST = Digest.of(CONFIG)
LAYER = bytes(range(256)) * 40
LAYER_DIGEST = Digest.of(LAYER)


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": Digest.of(content), "size": len(content)}


def manifest(**annotations: str) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, CONFIG),
        "layers": [descriptor(OCI_LAYER_GZIP, LAYER)],
        "annotations": annotations,
    }
    return json.dumps(document).encode()


MANIFEST = manifest()
MANIFEST_DIGEST = Digest.of(MANIFEST)
