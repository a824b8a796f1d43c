"""Verdicts: whether the base of an image is still what its name names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from regnb.audit.answers.base_names import Claim, Current
from regnb.audit.answers.known_bases import KnownBases
from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.levels import Levels
from regnb.walk.columns import NONE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a base.

    Attributes:
        name: of it.
        digest: of it.
        outdated: whether the name names another image now; None where that is not known.
        current: digest of what the name names now.
    """

    name: str | None
    digest: str | None
    outdated: bool | None = None
    current: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of a base that an image names itself.

    Attributes:
        verdict: `outdated` is None where it depends on the layers of the image.
        nodes: of the lists of layers that the base may have; none where it is not known.
        now: of the lists of layers that what the name names now may have.
    """

    verdict: Verdict
    nodes: list[int]
    now: list[int]


class Verdicts:
    """Judges one base after the other: there are few, however many images are made from them."""

    def __init__(self, levels: Levels, bases: KnownBases, claims: Iterable[Claim]) -> None:
        """Look up the names in the claims."""
        self._inventory, self._graph = levels.inventory, levels.graph
        self._children = levels.content.children
        self._bases, self._known = bases, bases.known
        self._trees = TagTrees.of(levels)
        names = [claim.reference for claim in claims]
        self._current = Current(levels, bases.known, [name for name in names if name])
        wanted = {claim.digest for claim in claims}
        digests = enumerate(self._inventory.digests.values)
        self._code = {str(digest): code for code, digest in digests if digest in wanted}

    def of_claim(self, claim: Claim) -> Named:
        """The base that an annotation or label names."""
        code = self._code.get(claim.digest or "", NONE)
        nodes = self._nodes(code) if code != NONE else []
        if not nodes and claim.digest:
            nodes = self._bases.known_node[self._known.digest == claim.digest].tolist()
        name = claim.reference
        place = NONE if name is None else self._current.place(name, code)
        if place != NONE:
            top = int(self._graph.digest[place])
            gone = None if claim.digest is None else not self._reaches(top, claim.digest)
            verdict = Verdict(claim.name, claim.digest, gone, self._digest(top))
            return Named(verdict, nodes, self._nodes(top))
        rows = [] if name is None else self._current.known(name)
        digests = {str(self._known.digest[row]) for row in rows}
        verdict = Verdict(
            claim.name,
            claim.digest,
            False if claim.digest in digests else None,
            digests.pop() if len(digests) == 1 else None,
        )
        return Named(verdict, nodes, self._bases.known_node[rows].tolist())

    def of_own(self, index: int) -> Verdict:
        """The base that is an image of this registry, by its place in `Bases.place`."""
        place, digest = int(self._bases.place[index]), int(self._bases.digest[index])
        node, text = int(self._bases.node[digest]), self._digest(digest)
        if moved := self._moved(node):
            return Verdict(moved[0], text, True, moved[1])
        repository = self._inventory.repositories.values[self._graph.repository[place]]
        tag = int(self._first_tags[place])
        if tag == NONE:
            return Verdict(f"{self._inventory.registry}/{repository}@{text}", text)
        row = self._trees.row[tag]
        name = self._inventory.texts.values[self._inventory.tags.column("tag")[row]]
        top = int(self._inventory.tags.column("digest")[row])
        full = f"{self._inventory.registry}/{repository}:{name}"
        return Verdict(full, text, False, self._digest(top))

    def of_known(self, row: int) -> Verdict:
        """The base that is a known image."""
        name, digest = self._known.name(row), str(self._known.digest[row])
        if self._known.registry[row] != self._inventory.registry:
            return Verdict(name, digest, False, digest)
        moved = self._moved(int(self._bases.known_node[row]))
        return Verdict(moved[0], digest, True, moved[1]) if moved else Verdict(name, digest)

    def _moved(self, node: int) -> tuple[str, str] | None:
        """The first name that images of these layers had in this registry and that has moved."""
        known = self._known
        rows = np.flatnonzero(self._bases.known_node == node)
        rows = rows[known.registry[rows] == self._inventory.registry]
        for row in sorted(rows.tolist(), key=known.name):
            place = self._current.here(known.repository[row], known.reference[row])
            if place != NONE:
                top = int(self._graph.digest[place])
                if not self._reaches(top, str(known.digest[row])):
                    return known.name(row), self._digest(top)
        return None

    def _nodes(self, top: int) -> list[int]:
        """The nodes of the images that a digest is or, as an index, leads to."""
        nodes = self._bases.node[list(self._below(top))]
        return [int(node) for node in np.unique(nodes[nodes >= 0])]

    def _reaches(self, top: int, digest: str) -> bool:
        return any(self._digest(code) == digest for code in self._below(top))

    def _below(self, top: int) -> set[int]:
        found, fresh = {top}, [top]
        while fresh:
            entries = self._children.follow(np.array(fresh))[1].tolist()
            fresh = sorted(set(entries) - found)
            found.update(fresh)
        return found

    def _digest(self, code: int) -> str:
        return str(self._inventory.digests.values[code])

    @cached_property
    def _first_tags(self) -> Ints:
        return self._trees.first_tags(len(self._graph.keys))
