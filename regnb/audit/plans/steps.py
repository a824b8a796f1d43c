"""Steps: the deletions of a plan, one request each, and which of them come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints, Links
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.effect import Effect
from regnb.errors import UntagUnsupportedError, printable
from regnb.walk.columns import NONE
from regnb.walk.crawl import DEPTH

Means = Literal["untag", "delete-digest"]
SHOWN = 10
"""Tags that a message lists."""


@dataclass(frozen=True, slots=True)
class Step:
    """One deletion.

    Attributes:
        repository: where.
        reference: a tag, or a digest.
        means: of which of the two.
        place: of the manifest that is deleted; NONE for a tag.
        parents: places of the indexes that list it and go as well: while one of them is there,
            deleting this would break it.
    """

    repository: str
    reference: str
    means: Means
    place: int = NONE
    parents: tuple[int, ...] = ()


def deleted_by(levels: Levels, effect: Effect, *, untags: bool) -> Flags:
    """The places whose manifest has to be deleted to carry a plan out.

    Args:
        levels: what was seen.
        effect: of the plan.
        untags: whether the registry takes tags away. Where it does not, their manifests have to
            be deleted.

    Raises:
        UntagUnsupportedError: that would take more than the plan does.
    """
    if untags:
        return effect.deleted
    if len(held := effect.held(levels)):
        raise _cannot_untag(levels, effect, held)
    deleted = effect.deleted.copy()
    deleted[levels.seen.tag_place[effect.tags]] = True
    return deleted


def steps_of(levels: Levels, effect: Effect, deleted: Flags) -> Iterator[list[Step]]:
    """The deletions of a plan in rounds: those of one round do not depend on each other.

    Tags are taken away first. Of manifests, what points to another one goes before it: an index
    before its entries; a referrer, or a list of them, before its subject. So what is left when it
    is stopped in the middle points to nothing that is gone.
    """
    inventory, graph, seen = levels.inventory, levels.graph, levels.seen
    tags = np.flatnonzero(effect.tags & ~deleted[seen.tag_place])
    rows = seen.read[tags].tolist()
    home, name = inventory.tags.columns["repository"], inventory.tags.columns["tag"]
    repositories, texts = inventory.repositories.values, inventory.texts.values
    yield [Step(repositories[home[row]], texts[name[row]], "untag") for row in rows]
    parents = _parents(levels, deleted)
    round_of = _round(levels, deleted)
    for number in range(int(round_of.max(initial=NONE)) + 1):
        places = np.flatnonzero(round_of == number)
        yield [
            Step(
                repositories[graph.repository[place]],
                inventory.digests.values[graph.digest[place]],
                "delete-digest",
                place,
                tuple(parents.follow(np.array([place]))[1].tolist()),
            )
            for place in places.tolist()
        ]


def _parents(levels: Levels, deleted: Flags) -> Links:
    """From places to the indexes that list them, where both go."""
    graph, places = levels.graph, np.flatnonzero(deleted)
    rows, child = graph.children.follow(places)
    both = deleted[child] & (child != places[rows])
    return Links.of(child[both], places[rows[both]], len(graph.keys))


def _round(levels: Levels, deleted: Flags) -> Ints:
    """When each place is deleted: after all that point to it; NONE for those that stay."""
    graph, places = levels.graph, np.flatnonzero(deleted)
    rows, child = graph.children.follow(places)
    subject_rows, referrer = graph.referrers.follow(places)
    before = np.concatenate([places[rows], referrer])
    after = np.concatenate([child, places[subject_rows]])
    both = deleted[before] & deleted[after]
    before, after = before[both], after[both]
    round_of: Ints = np.where(deleted, 0, NONE)
    for _ in range(DEPTH):  # what lies deeper, or in a circle, has no order
        later = round_of.copy()
        np.maximum.at(later, after, round_of[before] + 1)
        if (later == round_of).all():
            break
        round_of = later
    return round_of


def _is_harmless(levels: Levels, effect: Effect, tags: Ints) -> bool:
    """Whether deleting the manifests of some tags takes no other tag, and no entry of an index."""
    place = levels.seen.tag_place
    lost = np.zeros(len(levels.graph.keys), dtype=bool)
    lost[place[~effect.tags]] = True
    lost[levels.graph.children.targets_of(effect.needed(levels))] = True
    return not lost[place[tags]].any()


def _cannot_untag(levels: Levels, effect: Effect, tags: Ints) -> UntagUnsupportedError:
    inventory, rows = levels.inventory, levels.seen.read[tags]
    home = inventory.tags.column("repository")[rows].tolist()
    name = inventory.tags.column("tag")[rows].tolist()
    names = sorted(
        f"{inventory.repositories.values[one]}:{inventory.texts.values[other]}"
        for one, other in zip(home, name, strict=True)
    )
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    instead = "add to the plan all tags and indexes that need the same manifests"
    if _is_harmless(levels, effect, tags):
        instead = "plan with semantics='delete-digest': no other tag and no index needs them"
    return UntagUnsupportedError(
        "The registry does not take tags away, and deleting the manifests of these by digest "
        f"would take what stays: {', '.join(map(printable, names[:SHOWN]))}{more}. Nothing was "
        f"deleted. Leave them out, or {instead}."
    )
