"""The table of repository manifests: which repository holds which, and how they are led to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Ints, contains, distinct, pack, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import maybe, nullable, numbered, strings
from regnb.audit.tables.referrers import Referrers
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_REPOSITORY_MANIFESTS
from regnb.frames.audit_words import MEMBER_SOURCE
from regnb.walk.columns import NONE
from regnb.walk.inventory import BY_INDEX, BY_SUBJECT, BY_TAG


def repository_manifests(levels: Levels) -> pd.DataFrame:
    """One row a repository and manifest that it holds or should hold, sorted by both."""
    inventory, content, graph = levels.inventory, levels.content, levels.graph
    places = _Places(levels)
    keys = places.keys
    repository, digest = unpack(keys, content.count)
    held, lacked = contains(graph.keys, keys), contains(places.lacked, keys)
    depth = places.depth(held)
    columns = {
        "repository": strings(inventory.repositories.values, repository),
        "digest": strings(inventory.digests.values, digest),
        "source": numbered(MEMBER_SOURCE, places.source()),
        "present": maybe(held, known=held | lacked),
        "live": held & (depth >= 0),
        "depth": nullable(depth, known=depth >= 0),
        **places.led_to(),
    }
    return build(AUDIT_REPOSITORY_MANIFESTS, inventory, columns, len(keys))


class _Places:
    """Pairs of repository and manifest, as keys: those held, and those that something names."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels
        inventory, content, graph = levels.inventory, levels.content, levels.graph
        count, members, about = content.count, inventory.members, Referrers.of(levels)
        gone = members.column("present") == 0
        self._members = pack(members.column("repository"), members.column("digest"), count)
        self.lacked = distinct(self._members[gone])
        self._above, child = content.children.follow(graph.digest)
        self._entries = pack(graph.repository[self._above], child, count)
        self._children = distinct(self._entries.copy())
        self._referrers = distinct(pack(about.repository, about.digest, count))
        self.keys = self._in_order(
            distinct(np.concatenate((graph.keys, self.lacked, self._children, self._referrers)))
        )

    def _in_order(self, keys: Ints) -> Ints:
        seen = self._levels.seen
        repository, digest = unpack(keys, self._levels.content.count)
        return keys[np.lexsort((seen.digest_rank[digest], seen.repository_rank[repository]))]

    def depth(self, held: np.ndarray[Any, np.dtype[np.bool_]]) -> Ints:
        """Steps from the nearest root; what is not held is one below the nearest index."""
        levels, keys = self._levels, self.keys
        depth = np.full(len(keys), NONE, dtype=np.int64)
        depth[held] = levels.depth[np.searchsorted(levels.graph.keys, keys[held])]
        above = levels.depth[self._above]
        entries, above = self._entries[above >= 0], above[above >= 0]
        order = np.lexsort((above, entries))
        entries, first = np.unique(entries[order], return_index=True)
        below = np.flatnonzero(~held & contains(entries, keys))
        depth[below] = above[order][first][np.searchsorted(entries, keys[below])] + 1
        return depth

    def source(self) -> Ints:
        """What first led to each: what the walk wrote down, else what names it now."""
        keys, led = self.keys, self.led_to()
        source = np.where(led["is_child"], BY_INDEX, BY_SUBJECT)
        source[led["is_tagged"]] = BY_TAG
        order = np.argsort(self._members, kind="stable")
        members = self._members[order]
        known = contains(members, keys)
        noted = self._levels.inventory.members.column("source")[order]
        source[known] = noted[np.searchsorted(members, keys[known])]
        return source

    def led_to(self) -> dict[str, Any]:
        """How the tags, indexes and referrers of each repository lead to its manifests."""
        seen, graph, keys = self._levels.seen, self._levels.graph, self.keys
        held = contains(graph.keys, keys)
        tags = np.bincount(seen.tag_place, minlength=len(graph.keys))
        tag_count = np.zeros(len(keys), dtype=np.int64)
        tag_count[held] = tags[np.searchsorted(graph.keys, keys[held])]
        return {
            "is_tagged": tag_count > 0,
            "is_child": contains(self._children, keys),
            "is_referrer": contains(self._referrers, keys),
            "tag_count": tag_count,
        }
