"""Uncompressed sizes: how large layers are as they are unpacked, as a few of their bytes tell.

A gzip member ends with its uncompressed size, modulo 2**32 (RFC 1952, 2.3.1): in a layer of 4 GiB
and more, and in one of several members, that is not the size of the whole. A frame of zstd may
begin with its size (RFC 8878, 3.1.1.1), and often does not; of several frames that is the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnb.model.descriptor import Descriptor
from regnb.walk.columns import NONE
from regnb.walk.inventory import BY_ISIZE, BY_ZSTD_HEADER, LAYER, Inventory
from regnb.walk.places import BlobJob
from regnb.walk.stated import GZIP, ZSTD, Sizes, compressions, stated_sizes

HOMES = 3
"""How many repositories are asked for one layer, at most."""

_ISIZE = 4
_SMALLEST_MEMBER = 18  # bytes of the header and the trailer of gzip
_LONGEST_HEADER = 18
_FRAME = b"\x28\xb5\x2f\xfd"
_DICTIONARY_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)
_SHORT_SIZE = 256  # what a size of two bytes leaves out


@dataclass(frozen=True, slots=True)
class LayerJob:
    """A layer, and whom to ask for a part of it.

    Attributes:
        layer: its digest and stored size.
        source: what will tell the size: ``BY_ISIZE`` or ``BY_ZSTD_HEADER``.
        jobs: it in one repository after the other.
    """

    layer: Descriptor
    source: int
    jobs: tuple[BlobJob, ...]

    @property
    def part(self) -> range:
        """The positions of the bytes that tell the size."""
        size = self.layer.size
        if self.source == BY_ISIZE:
            return range(size - _ISIZE, size)
        return range(min(size, _LONGEST_HEADER))

    def told_by(self, part: bytes) -> int:
        """The size that these bytes tell; NONE where they tell none."""
        if self.source == BY_ISIZE:
            return int.from_bytes(part, "little")
        return frame_content_size(part)


def frame_content_size(head: bytes) -> int:
    """What the first bytes of a frame of zstd say of its size; NONE where they say nothing."""
    if head[:4] != _FRAME or len(head) <= len(_FRAME):
        return NONE
    descriptor = head[4]
    single_segment = descriptor >> 5 & 1
    length = _SIZE_BYTES[descriptor >> 6] or single_segment
    start = 5 + (not single_segment) + _DICTIONARY_BYTES[descriptor & 3]
    field = head[start : start + length]
    if not length or len(field) < length:
        return NONE
    told = int.from_bytes(field, "little") + (_SHORT_SIZE if length == 2 else 0)  # noqa: PLR2004
    return told if told < 1 << 63 else NONE  # what no column holds cannot be true


class Layers:
    """The compressed layers that a walk has met, and where to ask for each."""

    def __init__(self, inventory: Inventory) -> None:
        """Find the layers that repositories should hold, and up to `HOMES` of these for each."""
        self._inventory = inventory
        edges = inventory.edges
        self._compression, self._size = compressions(inventory), _sizes(inventory)
        wanted = _askable(inventory, self._compression, self._size)
        rows = np.flatnonzero((edges.column("kind") == LAYER) & wanted[edges.column("child")])
        parent = edges.cells("parent", rows)
        child = edges.cells("child", rows).astype(np.int64)
        self._names = sorted(inventory.repositories.values)
        self._parent = np.full(len(inventory.digests), NONE)
        self._parent[child] = parent
        many = max(len(self._names), 1)
        named = (home[parent] for home in _homes(inventory, self._names))
        held = [child[home != NONE] * many + home[home != NONE] for home in named]
        self._layer, self._home = np.divmod(_distinct(np.concatenate(held)), many)
        self._starts = np.flatnonzero(np.diff(self._layer, prepend=NONE))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._starts)

    def order(self) -> list[int]:
        """Their numbers, those of one repository together."""
        found: list[int] = np.argsort(self._home[self._starts], kind="stable").tolist()
        return found

    def job(self, number: int) -> LayerJob:
        """One of them."""
        first = int(self._starts[number])
        layer = int(self._layer[first])
        source = BY_ISIZE if self._compression[layer] == GZIP else BY_ZSTD_HEADER
        described = Descriptor("", self._inventory.digests.values[layer], int(self._size[layer]))
        return LayerJob(described, source, tuple(self._jobs(layer, first)))

    def _jobs(self, layer: int, first: int) -> Iterator[BlobJob]:
        for row in range(first, min(first + HOMES, len(self._layer))):
            if self._layer[row] == layer:
                name = self._names[self._home[row]]
                yield BlobJob(name, layer, int(self._parent[layer]))


def _sizes(inventory: Inventory) -> Sizes:
    """The stored bytes of each digest: what the registry said, or the most that is stated."""
    size = stated_sizes(inventory)[1]
    size[inventory.sizes.column("digest")] = inventory.sizes.column("size")
    return size


def _askable(inventory: Inventory, compression: Sizes, size: Sizes) -> npt.NDArray[np.bool_]:
    """Whether each digest is a compressed layer that should be here, and large enough to be one."""
    edges = inventory.edges
    wanted: npt.NDArray[np.bool_] = (compression == GZIP) & (size >= _SMALLEST_MEMBER)
    wanted |= (compression == ZSTD) & (size > len(_FRAME))
    here = np.zeros(len(wanted), dtype=bool)
    here[edges.column("child")[edges.column("foreign") == 0]] = True
    here[[layer for layer, found in inventory.located.items() if not found]] = False
    return wanted & here


def _homes(inventory: Inventory, names: list[str]) -> Sizes:
    """The first `HOMES` repositories that hold each manifest, by their places in `names`.

    NONE where there are no more.
    """
    rank = np.empty(len(names), dtype=np.int64)
    rank[inventory.repositories.find(names)] = np.arange(len(names))
    members, many = inventory.members, max(len(names), 1)
    digest = members.column("digest").astype(np.int64)
    pairs = digest * many + rank[members.column("repository")]
    digest, home = np.divmod(_distinct(pairs[members.column("present") == 1]), many)
    first = np.diff(digest, prepend=NONE) != 0
    place = np.arange(len(digest)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    found = np.full((HOMES, len(inventory.digests)), NONE)
    few = place < HOMES
    found[place[few], digest[few]] = home[few]
    return found


def _distinct(keys: Sizes) -> Sizes:
    """The keys, sorted, each once; quicker than `numpy.unique`, which hashes so many."""
    keys.sort()
    found: Sizes = keys[np.diff(keys, prepend=NONE) != 0]
    return found
