"""Effect: exactly what is alive, and what is freed, once tags and manifests are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.kernel.graph import spread
from regnb.audit.kernel.levels import Levels

Semantics = Literal["untag", "delete-digest"]
"""Whether tags are taken away alone, or their manifests are deleted with all of their tags."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What goes, and what stays.

    Attributes:
        asked: the tags of `Seen.read` that were asked for.
        attached: tags that belong to what goes, and go with it.
        tags: all tags that go: those, and whatever names a manifest that is deleted.
        deleted: the places whose manifest is deleted by digest.
        before: the places that were alive.
        after: those that still are.
        blobs: the digests that are freed.
    """

    asked: Flags
    attached: Flags
    tags: Flags
    deleted: Flags
    before: Flags
    after: Flags
    blobs: Flags

    @classmethod
    def of(cls, levels: Levels, *, asked: Flags, deleted: Flags, semantics: Semantics) -> Effect:
        """Think tags and manifests away.

        Args:
            levels: what was seen, and what counts as alive.
            asked: a flag for each of `Seen.read`.
            deleted: a flag for each place, of manifests that are deleted in any case.
            semantics: whether the manifests of the tags asked for are deleted too.
        """
        place, deleted = levels.seen.tag_place, deleted.copy()
        if semantics == "delete-digest":
            deleted[place[asked]] = True
        lost = asked | deleted[place]
        before = levels.depth >= 0
        left = Levels(levels.seen.without_attachments(lost), levels.policy)
        after = left.closure(left.roots(without=lost), without=deleted) >= 0
        attached = ~lost & (before & ~after)[place]
        if semantics == "delete-digest":
            deleted[place[attached]] = True
        return cls(
            asked=asked,
            attached=attached,
            tags=lost | attached,
            deleted=deleted,
            before=before,
            after=after,
            blobs=levels.live_blobs & ~levels.blobs_of(np.flatnonzero(after)),
        )

    def bare(self, levels: Levels) -> Ints:
        """The places that are deleted and have no tag."""
        bare = self.deleted.copy()
        bare[levels.seen.tag_place] = False
        return np.flatnonzero(bare)

    def held(self, levels: Levels) -> Ints:
        """The tags that are taken away alone, and whose manifest something needs that stays.

        Their manifests must not be deleted in place of the tags.
        """
        place = levels.seen.tag_place
        alone = self.tags & ~self.deleted[place]
        return np.flatnonzero(alone & self.needed(levels)[place])

    def needed(self, levels: Levels) -> Flags:
        """The places that are alive afterwards, or that tags that stay need whatever the policy.

        They need what they lead to, and what is about that.
        """
        graph = levels.seen.without_attachments(self.tags).graph
        kept = levels.seen.tag_place[~self.tags]
        steps = (graph.children, graph.referrers)
        return self.after | (spread(kept, steps, len(graph.keys), without=self.deleted) >= 0)

    @property
    def gone(self) -> Ints:
        """The places that are deleted or fall out of use."""
        return np.flatnonzero(self.deleted | (self.before & ~self.after))
