"""Tag trees: the manifests that tags lead to by way of indexes, referrers left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.reach import reach
from regnb.walk.columns import NONE


@dataclass(frozen=True, slots=True)
class TagTrees:
    """Pairs of a tag that keeps something alive and a place that it leads to.

    Attributes:
        row: of `Inventory.tags`, for each tag, sorted by repository and name.
        consumer: of `Levels.tag`, for each tag.
        tree: number of `Levels.tag_places`, for each pair.
        place: for each pair.
    """

    row: Ints
    consumer: Ints
    tree: Ints
    place: Ints

    @classmethod
    def of(cls, levels: Levels) -> TagTrees:
        """The tags that are roots under the policy of `levels`."""
        tags, seen = levels.inventory.tags, levels.seen
        row, consumer = seen.read[levels.is_root], levels.consumer_of_tag[levels.is_root]
        name = seen.text_rank[tags.column("tag")[row]]
        home = seen.repository_rank[tags.column("repository")[row]]
        order = np.lexsort((name, home))
        tree, place = reach(levels.tag_places, (levels.graph.children,), len(levels.graph.keys))
        return cls(row[order], consumer[order], tree, place)

    def first_tags(self, count: int) -> Ints:
        """For each place the first tag by name that leads to it, as an index of `row`; or NONE."""
        first = np.full(len(self.consumer) + 1, len(self.row))
        np.minimum.at(first, self.consumer, np.arange(len(self.row)))
        best = np.full(count, len(self.row))
        np.minimum.at(best, self.place, first[self.tree])
        best[best == len(self.row)] = NONE
        return best
