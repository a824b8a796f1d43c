"""Small documents to build tests from."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from regnb.model import media_types
from regnb.model.digest import Digest

A, B, C = (Digest.of(name) for name in (b"a", b"b", b"c"))

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(A),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def descriptor(digest: str = A, size: Any = 10, media_type: str = "a/b", **more: Any) -> Any:
    return {"mediaType": media_type, "digest": digest, "size": size, **more}


def image(**changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": descriptor(C, 5, media_types.OCI_CONFIG),
        "layers": [descriptor(A, 10, media_types.OCI_LAYER_GZIP), descriptor(B, 20)],
        **changes,
    }


def index(**changes: Any) -> dict[str, Any]:
    child = descriptor(A, 30, media_types.OCI_MANIFEST)
    platform = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    return {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [{**child, "platform": platform}],
        **changes,
    }


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


def damaged(data: st.DataObject, raw: bytes) -> bytes:
    """A document with a few bytes in its middle replaced."""
    start = data.draw(st.integers(0, len(raw)))
    end = start + data.draw(st.integers(0, 4))
    inserted = data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b"\\", b"[", b"}", b"-9"]))
    return raw[:start] + inserted + raw[end:]
