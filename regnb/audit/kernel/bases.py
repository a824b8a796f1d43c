"""Bases: which image each image was made from, as far as the lists of their layers tell."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, once
from regnb.audit.kernel.chains import Chains
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.walk.columns import NONE
from regnb.walk.moments import NO_TIME


class Bases:
    """The live images, and the longest beginnings of their layers that are images themselves.

    Attributes:
        place: of each live image.
        digest: of each.
    """

    def __init__(self, levels: Levels, images: Images) -> None:
        """Find the images; match nothing yet."""
        self._levels, self._images = levels, images
        live, graph = levels.live, levels.graph
        self.place = live[images.is_image[graph.digest[live]]]
        self.digest = graph.digest[self.place]
        self._documents = once(self.digest, images.count)

    @cached_property
    def chains(self) -> Chains:
        """The lists of all live images."""
        return Chains.of(self._lists())

    @cached_property
    def node(self) -> Ints:
        """The node of each digest's list; NONE for what is no live image or has no layers."""
        node = np.full(self._images.count, NONE, dtype=np.int64)
        node[self._documents] = self.chains.full[: len(self._documents)]
        return node

    @cached_property
    def own_base(self) -> Ints:
        """For each image the node of its nearest base in this registry, or NONE."""
        return self._nearest(self.node)

    @cached_property
    def base(self) -> Ints:
        """For each image its base, as an index of `place`; NONE where this registry has none."""
        return self.of_node[self.own_base]

    @cached_property
    def has_base(self) -> Flags:
        """Whether each digest is an image that was made from another of this registry."""
        found: Flags = np.zeros(self._images.count, dtype=bool)
        found[self.digest] = self.base != NONE
        return found

    @cached_property
    def labels(self) -> Codes:
        """The labels of the base of each digest, as `Images.config` has them; NONE without any."""
        labels = self._images.config("labels")
        found = np.full(self._images.count, NONE, dtype=labels.dtype)
        found[self.digest] = np.append(labels[self.digest], NONE)[self.base]
        return found

    @cached_property
    def of_node(self) -> Ints:
        """For each node the image that has just these layers, and NONE for the node NONE.

        Of several the one with the fewest steps of history: what only adds labels or a command to
        another image has more. Then the one that says it is the oldest, then by name.
        """
        images, levels = self._images, self._levels
        steps = images.config("history_count")[self.digest]
        created = images.config("created", unknown=NO_TIME)[self.digest].astype(np.int64)
        created = np.where(created == NO_TIME, np.iinfo(np.int64).max, created)
        order = np.lexsort(
            (
                levels.seen.digest_rank[self.digest],
                levels.seen.repository_rank[levels.graph.repository[self.place]],
                created,
                steps,
            )
        )
        return self._first(self.node[self.digest], order)

    @cached_property
    def siblings(self) -> Ints:
        """For each node how many distinct live images have just these layers; 0 for NONE."""
        counted = np.bincount(self.node[self._documents] + 1, minlength=len(self.chains.parent) + 1)
        return np.append(counted[1:], 0)

    def _lists(self) -> Links:
        """The layers of each distinct image, as numbers of `Inventory.prose`."""
        config = self._images.document("config")[self._documents]
        rows, diff_ids = self._images.diff_ids.follow(config)
        return Links.of(rows, diff_ids, len(config))

    def _nearest(self, nodes: Ints) -> Ints:
        wanted: Flags = np.zeros(len(self.chains.parent), dtype=bool)
        wanted[nodes[nodes >= 0]] = True
        found: Ints = np.append(self.chains.nearest(wanted), NONE)[self.node[self.digest]]
        return found

    def _first(self, node: Ints, order: Ints) -> Ints:
        found = np.full(len(self.chains.parent) + 1, NONE, dtype=np.int64)
        order = order[node[order] >= 0][::-1]
        found[node[order]] = order
        found[NONE] = NONE
        return found
