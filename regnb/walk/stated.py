"""Stated: what manifests state of the blobs that they name, which nobody has read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from regnb.walk.columns import NONE
from regnb.walk.inventory import LAYER, Inventory

PLAIN, GZIP, ZSTD, UNKNOWN = range(4)
"""How a layer can be compressed; `PLAIN` is not at all."""

Sizes = npt.NDArray[np.int64]


def stated_sizes(inventory: Inventory) -> tuple[Sizes, Sizes]:
    """The smallest and the largest size that descriptors state of each digest; -1 where none do."""
    child, size = inventory.edges.column("child"), inventory.edges.column("size")
    count = len(inventory.digests)
    smallest, largest = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(smallest, child, size)
    np.maximum.at(largest, child, size)
    return np.minimum(smallest, largest), largest


def compressions(inventory: Inventory) -> Sizes:
    """How each digest is compressed, as media types say; NONE for what is no layer.

    `UNKNOWN` where no media type says it, or where they disagree.
    """
    edges, count = inventory.edges, len(inventory.digests)
    layer = edges.column("kind") == LAYER
    media_type, child = edges.column("media_type")[layer], edges.column("child")[layer]
    told = np.full(len(inventory.texts), UNKNOWN)
    for code in np.unique(media_type).tolist():
        told[code] = _compression_of(inventory.texts.values[code])
    least, most = np.full(count, UNKNOWN + 1), np.full(count, NONE)
    np.minimum.at(least, child, told[media_type])
    np.maximum.at(most, child, told[media_type])
    found: Sizes = np.where((most >= 0) & (least != most), UNKNOWN, most)
    return found


def _compression_of(media_type: str) -> int:
    if media_type.endswith((".tar", "+json", "/json", "text/plain")):
        return PLAIN
    if media_type.endswith(("+gzip", ".gzip", "/gzip")):
        return GZIP
    return ZSTD if media_type.endswith(("+zstd", "/zstd")) else UNKNOWN
