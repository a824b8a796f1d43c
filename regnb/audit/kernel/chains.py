"""Chains: lists of layers in a tree of their beginnings, so that prefixes are the same node.

Nodes are numbered by what they are, level by level: equal lists have equal nodes, and no hash
stands for a list anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints, Links
from regnb.walk.columns import NONE


@dataclass(frozen=True, slots=True)
class Chains:
    """The tree of the lists.

    Attributes:
        full: the node of each whole list; NONE for one without layers.
        parent: of each node, the one with a layer less; NONE for those with one layer.
        depth: layers of each node.
    """

    full: Ints
    parent: Ints
    depth: Ints

    @classmethod
    def of(cls, lists: Links) -> Chains:
        """The tree of lists of layers, the lowest layer first; the layers are numbers from 0 on."""
        lengths = np.diff(lists.starts)
        many = int(lists.targets.max()) + 1 if len(lists.targets) else 1
        full = np.full(len(lengths), NONE, dtype=np.int64)
        alive, above = np.flatnonzero(lengths > 0), np.full(len(lengths), NONE, dtype=np.int64)
        parents, depths, count, depth = [], [], 0, 0
        while len(alive):
            layer = lists.targets[lists.starts[alive] + depth].astype(np.int64)
            keys, node = np.unique((above[alive] + 1) * many + layer, return_inverse=True)
            depth += 1
            parents.append(keys // many - 1)
            depths.append(np.full(len(keys), depth, dtype=np.int64))
            above[alive] = node + count
            count += len(keys)
            ends = lengths[alive] == depth
            full[alive[ends]] = above[alive[ends]]
            alive = alive[~ends]
        none = np.empty(0, dtype=np.int64)
        return cls(full, np.concatenate([none, *parents]), np.concatenate([none, *depths]))

    def nearest(self, wanted: Flags) -> Ints:
        """For each node the nearest one above it that is wanted; NONE where there is none."""
        found = np.full(len(self.parent), NONE, dtype=np.int64)
        starts = np.flatnonzero(np.diff(self.depth, prepend=0))
        for first, last in zip(starts[1:], np.append(starts, len(found))[2:], strict=True):
            parent = self.parent[first:last]
            found[first:last] = np.where(wanted[parent], parent, found[parent])
        return found

    def begins(self, node: Ints, other: Ints) -> Flags:
        """Whether the list of `node` is a beginning of that of `other`, or all of it."""
        at = other.copy()
        while len(rows := np.flatnonzero(self.depth[at] > self.depth[node])):
            at[rows] = self.parent[at[rows]]
        same: Flags = at == node
        return same
