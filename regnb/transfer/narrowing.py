"""Narrowing: an index with only some of its platforms."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from regnb.model import strict_json
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest, parse_manifest

ABOUT = "vnd.docker.reference.digest"
"""The annotation by which an attestation in an index names the entry that it is about."""


def narrowed(index: Index, chosen: Collection[Digest], *, inner: Iterable[Index] = ()) -> Manifest:
    """An index of the chosen entries and their attestations: another document, of another digest.

    Args:
        index: as it was read.
        chosen: digests of images in it, or in one of the `inner` indexes.
        inner: indexes that it names. What is chosen of them becomes an entry of its own.
    """
    kept = {
        descriptor.digest: entry
        for one in (index, *inner)
        for descriptor, entry in _entries(one)
        if descriptor.digest in chosen or _is_about(descriptor, chosen)
    }
    source = strict_json.loads(index.raw)
    assert isinstance(source, dict)  # or it would be no index
    narrow = {**source, "mediaType": index.media_type, "manifests": list(kept.values())}
    text = json.dumps(narrow, ensure_ascii=False, separators=(",", ":"))
    return parse_manifest(text.encode(), media_type=index.media_type)


def _entries(index: Index) -> Iterator[tuple[Descriptor, Any]]:
    source = strict_json.loads(index.raw)
    assert isinstance(source, dict)  # as above
    return zip(index.manifests, source["manifests"], strict=True)


def _is_about(entry: Descriptor, chosen: Collection[Digest]) -> bool:
    return entry.is_attestation and entry.annotations.get(ABOUT) in chosen
