"""Levels: who counts as a consumer of storage, and what is alive, under one policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from regnb.audit.kernel.arrays import (
    Codes,
    Flags,
    Ints,
    Links,
    distinct,
    narrowed,
    once,
    pack,
    unpack,
)
from regnb.audit.kernel.content import Content
from regnb.audit.kernel.graph import Graph, spread
from regnb.audit.kernel.policy import OCI, LivenessPolicy
from regnb.audit.kernel.reach import Reach, reach
from regnb.audit.kernel.seen import Seen
from regnb.audit.kernel.usage import Amounts, Pairs, amounts, needed_by, stored
from regnb.walk.columns import NONE
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

    def stored(self, content: Content) -> Ints:
        """The distinct bytes that each consumer needs; raises OverflowError as `amounts` does."""
        content.check_sums()
        return stored(self.pairs, content, len(self.weight))

    def merged(self, group: Ints, count: int, content: Content) -> Level:
        """The level of `count` groups of these consumers; `group` is that of each."""

        def together(consumer: Codes, digest: Codes) -> Ints:
            return distinct(pack(group[consumer], digest, content.count))

        return Level(
            Reach(*unpack(together(self.reached.consumer, self.reached.digest), content.count)),
            Pairs(*narrowed(together(self.pairs.consumer, self.pairs.blob), content.count)),
            np.ones(count, dtype=np.int64),
        )

    def needed_by(self, content: Content) -> Ints:
        """How many consumers need each digest."""
        return needed_by(self.pairs, content, weight=self.weight)


class Levels:
    """The levels of what was seen, under one policy, each worked out when it is first asked for.

    Attributes:
        seen: what a walk saw.
        policy: what is alive.
    """

    def __init__(self, seen: Seen, policy: LivenessPolicy = OCI) -> None:
        """Compute nothing yet."""
        self.seen = seen
        self.policy = policy

    @property
    def inventory(self) -> Inventory:
        """What a walk saw, as it was written down."""
        return self.seen.inventory

    @property
    def content(self) -> Content:
        """Sizes and links."""
        return self.seen.content

    @property
    def graph(self) -> Graph:
        """The manifests that repositories hold."""
        return self.seen.graph

    @property
    def steps(self) -> tuple[Links, ...]:
        """The links between places that the policy follows."""
        graph, policy = self.graph, self.policy
        steps = (graph.children,) if policy.children != "documents" else ()
        return (*steps, graph.referrers) if policy.referrers == "with-subject" else steps

    @property
    def needs(self) -> Links:
        """From a live document to what has to stay for its sake."""
        held_alone = self.policy.children == "all"
        return self.content.blobs if held_alone else self.seen.named

    @cached_property
    def without_referrers(self) -> Levels:
        """The same where nothing is alive for what it is about; itself where that is so anyway."""
        links, policy = self.graph.referrers, self.policy
        if policy.referrers == "ignored" or not (len(links.targets) or self.graph.is_about.any()):
            return self
        return Levels(self.seen, replace(policy, referrers="ignored"))

    @cached_property
    def is_root(self) -> Flags:
        """Whether each tag of `Seen.read` keeps what it names alive."""
        if self.policy.attachments == "roots":
            return np.ones(len(self.seen.read), dtype=bool)
        return ~self.seen.attached

    def roots(self, without: Flags | None = None) -> Ints:
        """The places that are alive by themselves, each once.

        Args:
            without: tags, as a flag for each of `Seen.read`, that are thought away.
        """
        graph, kept = self.graph, self.is_root
        if self.policy.roots == "manifests":
            return np.arange(len(graph.keys))
        kept = kept if without is None else kept & ~without
        alive = np.zeros(len(graph.keys), dtype=bool)
        alive[self.seen.tag_place[kept]] = True
        if self.policy.referrers == "kept":
            alive |= graph.is_about
        return np.flatnonzero(alive)

    def closure(self, roots: Ints, without: Flags | None = None) -> Ints:
        """How many steps of the policy lead from `roots` to each place; NONE where none do.

        Args:
            roots: places to begin with.
            without: places that are thought away.
        """
        return spread(roots, self.steps, len(self.graph.keys), without=without)

    @cached_property
    def depth(self) -> Ints:
        """Steps from the nearest root to each place; NONE for what is not alive."""
        return self.closure(self.roots())

    @cached_property
    def live(self) -> Ints:
        """The places that are alive."""
        return np.flatnonzero(self.depth >= 0)

    def blobs_of(self, places: Ints) -> Flags:
        """Whether each digest has to stay for the sake of `places`."""
        documents = np.zeros(self.content.count, dtype=bool)
        documents[self.graph.digest[places]] = True
        kept = documents.copy()
        kept[self.needs.targets_of(documents)] = True
        return kept

    @cached_property
    def live_blobs(self) -> Flags:
        """Whether each digest has to stay."""
        return self.blobs_of(self.live)

    @cached_property
    def garbage(self) -> int:
        """Bytes of what was seen and is not alive; raises as `Content.check_sums` does."""
        self.content.check_sums()
        seen = self.blobs_of(np.arange(len(self.graph.keys)))
        return int(self.content.size[seen & ~self.live_blobs].sum())

    @cached_property
    def registry(self) -> Level:
        """One consumer: whatever is alive."""
        digest = once(self.graph.digest[self.live], self.content.count)
        blob = np.flatnonzero(self.live_blobs)
        return Level(
            Reach(np.zeros_like(digest), digest),
            Pairs(np.zeros_like(blob), blob),
            weight=np.ones(1, dtype=np.int64),
        )

    @cached_property
    def repository(self) -> Level:
        """One consumer for each number of a repository."""
        return self.grouped(self.graph.repository[self.live], len(self.inventory.repositories))

    def grouped(self, group: Ints, count: int) -> Level:
        """One consumer for each group of live places.

        Args:
            group: the number of the group of each place in `live`.
            count: how many groups there are.
        """
        keys = distinct(pack(group, self.graph.digest[self.live], self.content.count))
        return self._level(Reach(*unpack(keys, self.content.count)), np.ones(count, dtype=np.int64))

    @cached_property
    def tag_places(self) -> Ints:
        """Places that tags keep alive, each once: tags of one place have the same numbers."""
        return once(self.seen.tag_place[self.is_root], len(self.graph.keys))

    @cached_property
    def consumer_of_tag(self) -> Ints:
        """The consumer in `tag` of each tag of `Seen.read`; NONE where it is no root."""
        consumer = np.searchsorted(self.tag_places, self.seen.tag_place)
        found: Ints = np.where(self.is_root, consumer, NONE)
        return found

    @cached_property
    def untagged(self) -> Ints:
        """Live places that no tag leads to, which some policies know."""
        reached = self.closure(self.tag_places) >= 0
        return self.live[~reached[self.live]]

    @cached_property
    def tag(self) -> Level:
        """One consumer for each of `tag_places`, weighted by its tags.

        After them comes one for each number of a repository: what is alive there without a tag.
        """
        graph, tagged = self.graph, len(self.tag_places)
        consumer, place = reach(self.tag_places, self.steps, len(graph.keys))
        consumer = np.concatenate([consumer, tagged + graph.repository[self.untagged]])
        place = np.concatenate([place, self.untagged])
        own = self.consumer_of_tag[self.is_root]
        weight = np.ones(tagged + len(self.inventory.repositories), dtype=np.int64)
        weight[:tagged] = np.bincount(own, minlength=tagged)
        return self._level(Reach(consumer, graph.digest[place]), weight)

    def _level(self, reached: Reach, weight: Ints) -> Level:
        return Level(reached, Pairs.of(reached, self.content, needs=self.needs), weight)
