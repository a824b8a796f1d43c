"""Collector: what the garbage collector of a distribution registry keeps when it runs with ``-m``.

Measured on 2.8.2; for 3.1.1 as its source says (registry/storage/garbagecollect.go). Neither
follows subjects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Flags, Ints, Links
from regnb.audit.kernel.graph import Graph, spread
from regnb.audit.kernel.seen import Seen
from regnb.walk.inventory import SUBJECT


@dataclass(frozen=True, slots=True)
class Collected:
    """What is left.

    Attributes:
        marked: the digests whose bytes stay.
        held: the places that still hold their manifest.
        followed: those that the collector went down from.
    """

    marked: Flags
    held: Flags
    followed: Flags


def collect_2(seen: Seen) -> Collected:
    """Version 2.8: tagged manifests and what they name; the entries of an index lose their own."""
    tagged = _tagged(seen)
    return Collected(_marked(seen, tagged), tagged, tagged)


def collect_3(seen: Seen) -> Collected:
    """Version 3: also what entries name, except for what it passes over.

    It goes down only from a digest that was not marked before. So where one repository lacks an
    entry, a later one loses what the same entry names, although it holds it.
    """
    tagged, steps = _tagged(seen), _Steps.of(seen)
    meant = spread(np.flatnonzero(tagged), (steps.held,), len(tagged)) >= 0
    lacking = np.unique(steps.lacking[meant[steps.source]])
    doubtful = spread(lacking, (steps.named, steps.namers), seen.content.count) >= 0
    followed = meant & ~doubtful[seen.graph.digest]
    followed[_walk(seen, steps, np.flatnonzero(tagged & doubtful[seen.graph.digest]))] = True
    marked = _marked(seen, followed)
    return Collected(marked, tagged | marked[seen.graph.digest], followed)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Where one manifest names another.

    Attributes:
        named: from documents to documents that they name, also as layer or config.
        namers: the same backwards.
        held: from places to places.
        source: the place of each such name whose repository lacks what is named,
        lacking: and what that is.
    """

    named: Links
    namers: Links
    held: Links
    source: Ints
    lacking: Ints

    @classmethod
    def of(cls, seen: Seen) -> _Steps:
        content, graph, edges = seen.content, seen.graph, seen.inventory.edges
        parent, child = edges.column("parent"), edges.column("child")
        wanted = (edges.column("kind") < SUBJECT) & (content.document[child] >= 0)
        parent, child = parent[wanted], child[wanted]
        named = Links.of(parent, child, content.count)
        source, entry = named.follow(graph.digest)
        target = graph.place(graph.repository[source], entry)
        held, lacks = target >= 0, target < 0
        return cls(
            named=named,
            namers=Links.of(child, parent, content.count),
            held=Links.of(source[held], target[held], len(graph.keys)),
            source=source[lacks],
            lacking=entry[lacks].astype(np.int64),
        )


def _walk(seen: Seen, steps: _Steps, roots: Ints) -> list[int]:
    """The places that the collector goes down from, beginning at `roots`, in its own order.

    To be called with the few roots that have to do with an entry that some repository lacks: what
    they lead to has nothing in common with what others lead to.
    """
    graph = seen.graph
    home = _walk_rank(seen)[graph.repository[roots]]
    roots = roots[np.lexsort((seen.digest_rank[graph.digest[roots]], home))]
    marked: set[int] = set()
    followed: list[int] = []
    for root in roots.tolist():
        marked.add(int(graph.digest[root]))
        waiting = [_below(graph, steps, root)]
        followed.append(root)
        while waiting:
            digest, place = next(waiting[-1], (-1, -1))
            if digest < 0:
                waiting.pop()
            elif digest not in marked:
                marked.add(digest)
                if place >= 0:
                    followed.append(place)
                    waiting.append(_below(graph, steps, place))
    return followed


def _below(graph: Graph, steps: _Steps, place: int) -> Iterator[tuple[int, int]]:
    """What the manifest at a place names, in its order, and the place of each there, if any."""
    entries = steps.named.follow(graph.digest[[place]])[1]
    places = graph.place(np.full(len(entries), graph.repository[place]), entries)
    return iter(zip(entries.tolist(), places.tolist(), strict=True))


def _walk_rank(seen: Seen) -> Ints:
    """The place of each repository in a walk over folders on a disk.

    Folders are walked in the order of their names, and a repository is met at its ``_layers``,
    which stands among the folders of the repositories below it.
    """
    names = seen.inventory.repositories.values
    order = sorted(range(len(names)), key=lambda code: [*names[code].split("/"), "_layers"])
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return rank


def _tagged(seen: Seen) -> Flags:
    tagged = np.zeros(len(seen.graph.keys), dtype=bool)
    tagged[seen.tag_place] = True
    return tagged


def _marked(seen: Seen, followed: Flags) -> Flags:
    """The manifests at some places, and everything that they name."""
    marked = np.zeros(seen.content.count, dtype=bool)
    marked[seen.graph.digest[followed]] = True
    edges = seen.inventory.edges
    named = (edges.column("kind") < SUBJECT) & marked[edges.column("parent")]
    marked[edges.column("child")[named]] = True
    return marked
