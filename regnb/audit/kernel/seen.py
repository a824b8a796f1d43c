"""Seen: what a walk saw, as the arrays that all answers are worked out on."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints, Links, ranks
from regnb.audit.kernel.content import DESCRIPTOR, Content
from regnb.audit.kernel.graph import Attachments, Graph, attachments
from regnb.walk.inventory import CHILD, LAYER, Inventory


class Seen:
    """An inventory with what follows from it under every policy, worked out when it is asked for.

    Attributes:
        inventory: what a walk has seen; it does not change any more.
    """

    def __init__(self, inventory: Inventory) -> None:
        """Compute nothing yet."""
        self.inventory = inventory

    @cached_property
    def content(self) -> Content:
        """Sizes and links."""
        return Content.of(self.inventory)

    @cached_property
    def graph(self) -> Graph:
        """The manifests that repositories hold."""
        return Graph.of(self.inventory, self.content, self.attachments)

    @cached_property
    def attachments(self) -> Attachments:
        """The tags that belong to another manifest, by their names."""
        return attachments(self.inventory)

    @cached_property
    def digest_rank(self) -> Ints:
        """The place of each digest in sorted order."""
        return ranks(self.inventory.digests.values)

    @cached_property
    def repository_rank(self) -> Ints:
        """The place of the name of each repository in sorted order."""
        return ranks(self.inventory.repositories.values)

    @cached_property
    def text_rank(self) -> Ints:
        """The place of each short text in sorted order, names of tags among them."""
        return ranks(self.inventory.texts.values)

    @cached_property
    def tag_order(self) -> Ints:
        """The rows of `Inventory.tags`, by repository and name."""
        tags = self.inventory.tags
        name, home = self.text_rank[tags.column("tag")], tags.column("repository")
        return np.lexsort((name, self.repository_rank[home]))

    @cached_property
    def sized(self) -> Flags:
        """Whether a descriptor says how large each digest is, or it was read."""
        sized: Flags = self.content.size_source != DESCRIPTOR
        sized[self.inventory.edges.column("child")] = True
        return sized

    @cached_property
    def named(self) -> Links:
        """From documents to everything that they name and the registry holds, entries included."""
        edges = self.inventory.edges
        parent, child = edges.column("parent"), edges.column("child")
        entry = (edges.column("kind") == CHILD) & (self.content.document[child] >= 0)
        blob = (edges.column("kind") <= LAYER) & (edges.column("foreign") == 0)
        wanted = entry | blob
        return Links.of(parent[wanted], child[wanted], self.content.count)

    @cached_property
    def read(self) -> Ints:
        """The rows of `Inventory.tags` that were read."""
        return np.flatnonzero(self.inventory.tags.column("digest") >= 0)

    @cached_property
    def tag_place(self) -> Ints:
        """The place that each tag of `read` names."""
        tags, read = self.inventory.tags, self.read
        return self.graph.place(tags.column("repository")[read], tags.column("digest")[read])

    @cached_property
    def attached(self) -> Flags:
        """Whether each tag of `read` is an attachment of another manifest, by its name."""
        attached = np.zeros(len(self.inventory.tags), dtype=bool)
        attached[self.attachments.row] = True
        return attached[self.read]

    def without_attachments(self, tags: Flags) -> Seen:
        """The same, where some tags of `read` no longer say what their manifests belong to."""
        if not (tags & self.attached).any():
            return self
        kept = np.ones(len(self.inventory.tags), dtype=bool)
        kept[self.read[tags]] = False
        other = copy(self)
        other.graph = self.graph.attach(self.inventory, self.content, self.attachments.only(kept))
        return other
