"""Bases: which image each image was made from, as far as the lists of their layers tell."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from regnb.audit.answers.known import Known
from regnb.audit.kernel.arrays import Flags, Ints, Links, once
from regnb.audit.kernel.chains import Chains
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.walk.columns import NONE
from regnb.walk.inventory import NO_TIME


class Bases:
    """The live images, and the longest beginnings of their layers that are images themselves.

    Attributes:
        place: of each live image.
        digest: of each.
    """

    def __init__(self, levels: Levels, images: Images, known: Known) -> None:
        """Find the images; match nothing yet."""
        self._levels, self._images, self.known = levels, images, known
        live, graph = levels.live, levels.graph
        self.place = live[images.is_image[graph.digest[live]]]
        self.digest = graph.digest[self.place]
        self._documents = once(self.digest, images.count)

    @cached_property
    def chains(self) -> Chains:
        """The lists of all live images, then those of the known ones."""
        own, known = self._images.diff_ids, self.known
        config = self._images.document("config")[self._documents]
        rows, diff_ids = own.follow(config)
        numbers = self._numbers()
        known_rows = np.repeat(np.arange(len(known.digest)), np.diff(known.layers.starts))
        return Chains.of(
            Links.of(
                np.concatenate([rows, len(config) + known_rows]),
                np.concatenate([diff_ids, numbers[known.layers.targets]]),
                len(config) + len(known.digest),
            )
        )

    @cached_property
    def node(self) -> Ints:
        """The node of each digest's list; NONE for what is no live image or has no layers."""
        node = np.full(self._images.count, NONE, dtype=np.int64)
        node[self._documents] = self.chains.full[: len(self._documents)]
        return node

    @cached_property
    def known_node(self) -> Ints:
        """The node of each known image's list."""
        return self.chains.full[len(self._documents) :]

    @cached_property
    def own_base(self) -> Ints:
        """For each image the node of its nearest base in this registry, or NONE."""
        return self._nearest(self.node)

    @cached_property
    def known_base(self) -> Ints:
        """For each image the node of its nearest base among the known ones, or NONE."""
        return self._nearest(self.known_node)

    @cached_property
    def base(self) -> Ints:
        """For each image its base, as an index of `place`; NONE where this registry has none."""
        return self.of_node[self.own_base]

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
    def known_of_node(self) -> Ints:
        """For each node the known image that has just these layers, the first by its name."""
        known, used = self.known, np.unique(self.known_base)
        rows = np.flatnonzero(np.isin(self.known_node, used[used >= 0]))
        names = [(known.name(row), str(known.digest[row])) for row in rows.tolist()]
        order = rows[sorted(range(len(rows)), key=names.__getitem__)]
        return self._first(self.known_node, order)

    @cached_property
    def siblings(self) -> Ints:
        """For each node how many distinct live images have just these layers; 0 for NONE."""
        counted = np.bincount(self.node[self._documents] + 1, minlength=len(self.chains.parent) + 1)
        return np.append(counted[1:], 0)

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

    def _numbers(self) -> Ints:
        """The number of each known diff_id among the texts of this registry, or one after them."""
        prose = self._levels.inventory.prose.values
        if not self.known.diff_ids:
            return np.empty(0, dtype=np.int64)
        own = {prose[code]: code for code in np.unique(self._images.diff_ids.targets).tolist()}
        new = range(len(prose), len(prose) + len(self.known.diff_ids))
        pairs = zip(self.known.diff_ids, new, strict=True)
        return np.array([own.get(text, number) for text, number in pairs], dtype=np.int64)
