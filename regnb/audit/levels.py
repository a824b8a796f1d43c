"""Levels: who counts as a consumer of storage. The registry, its repositories, or their tags."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from regnb.audit.closure import Holdings, Reach, reach
from regnb.audit.content import Content, Flags, Ints, distinct, once, pack, unpack
from regnb.audit.usage import Amounts, Pairs, amounts, needed_by
from regnb.walk.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Level:
    """The consumers of one level: what each reaches, needs, and how many it stands for."""

    reached: Reach
    pairs: Pairs
    weight: Ints

    def amounts(self, content: Content) -> Amounts:
        """The bytes of each consumer; raises OverflowError as `Content.check_sums` does."""
        content.check_sums()
        return amounts(self.reached, self.pairs, content, weight=self.weight)

    def needed_by(self, content: Content) -> Ints:
        """How many consumers need each digest."""
        return needed_by(self.pairs, content, weight=self.weight)


class Levels:
    """The levels of an inventory, each worked out when it is first asked for."""

    def __init__(self, inventory: Inventory) -> None:
        """Compute nothing yet."""
        self.inventory = inventory

    @cached_property
    def content(self) -> Content:
        """Sizes and links."""
        return Content.of(self.inventory)

    @cached_property
    def holdings(self) -> Holdings:
        """Which repository holds which manifest."""
        members = self.inventory.members
        there = members.column("present") == 1
        repository, digest = members.column("repository")[there], members.column("digest")[there]
        return Holdings.of(repository, digest, self.content.count)

    @cached_property
    def roots(self) -> Ints:
        """Keys of repository and digest, one for each tag that was read, in the order of rows."""
        repository, digest = self._tags("repository"), self._tags("digest")
        return pack(repository, digest, self.content.count)

    @cached_property
    def registry(self) -> Level:
        """One consumer: whatever the repositories reach and need."""
        digest = once(self.repository.reached.digest, self.content.count)
        blob = once(self.repository.pairs.blob, self.content.count)
        all_alike = np.zeros_like(digest)  # one consumer, and its depths are nobody's question
        return Level(
            Reach(all_alike, digest, all_alike),
            Pairs(np.zeros_like(blob), blob),
            weight=np.ones(1, dtype=np.int64),
        )

    @cached_property
    def repository(self) -> Level:
        """One consumer for each number of a repository."""
        home = np.arange(len(self.inventory.repositories))
        reached = self._reach(*unpack(self.roots, self.content.count), home)
        return self._level(reached, np.ones(len(home), dtype=np.int64))

    @cached_property
    def tag(self) -> Level:
        """One consumer for each of `tag_groups`, weighted by its tags."""
        home, digest = unpack(self.tag_groups, self.content.count)
        reached = self._reach(np.arange(len(home)), digest, home)
        weight = np.bincount(self.group_of_tag, minlength=len(home)).astype(np.int64)
        return self._level(reached, weight)

    @cached_property
    def tag_groups(self) -> Ints:
        """Keys of repository and digest, each once: tags of one key have the same numbers."""
        return distinct(self.roots.copy())

    @cached_property
    def group_of_tag(self) -> Ints:
        """The place in `tag_groups` of each tag that was read."""
        return np.searchsorted(self.tag_groups, self.roots).astype(np.int64)

    @cached_property
    def read(self) -> Flags:
        """Whether each tag could be read."""
        read: Flags = self.inventory.tags.column("digest") >= 0
        return read

    def _tags(self, column: str) -> Ints:
        values: Ints = self.inventory.tags.column(column)[self.read]
        return values

    def _reach(self, consumer: Ints, digest: Ints, home: Ints) -> Reach:
        children, holdings = self.content.children, self.holdings
        return reach(consumer, digest, home=home, children=children, holdings=holdings)

    def _level(self, reached: Reach, weight: Ints) -> Level:
        return Level(reached, Pairs.of(reached, self.content), weight)
