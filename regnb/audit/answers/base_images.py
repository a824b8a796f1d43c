"""Base images: what each image was made from, and whether that is still what its name names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.answers.base_names import Claim, claims
from regnb.audit.answers.base_verdicts import Named, Verdict, Verdicts
from regnb.audit.answers.known_bases import KnownBases
from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Codes, Ints
from regnb.audit.kernel.chains import Chains
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import Objects, maybe, nullable, strings
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import BASE_IMAGES
from regnb.walk.columns import NONE

UNKNOWN, NO, YES = -1, 0, 1


class Rows:
    """What the table says of the base of each image of `KnownBases.place`."""

    def __init__(self, levels: Levels, images: Images, bases: KnownBases) -> None:
        """Choose the evidence of each image, then judge each base once."""
        self._levels, self._images, self._bases = levels, images, bases
        count = len(bases.place)
        self.evidence: Objects = np.full(count, None, dtype=object)
        self.name: Objects = np.full(count, None, dtype=object)
        self.digest: Objects = np.full(count, None, dtype=object)
        self.current: Objects = np.full(count, None, dtype=object)
        self.layers = np.full(count, NONE, dtype=np.int64)
        self.agree = np.full(count, UNKNOWN, dtype=np.int8)
        self.outdated = np.full(count, UNKNOWN, dtype=np.int8)
        self.first_comment, self.first_step = _first_steps(images, bases.digest)
        self._judge()

    def _judge(self) -> None:
        """From the weakest evidence to the strongest."""
        bases, prose = self._bases, self._levels.inventory.prose.values
        depth = np.append(bases.chains.depth, 0)
        own, known = depth[bases.own_base], depth[bases.known_base]
        notes, annotated = claims(prose, self._images.document("annotations")[bases.digest])
        labels, labelled = claims(prose, self._images.config("labels")[bases.digest])
        verdicts = Verdicts(self._levels, bases, [*annotated, *labelled])
        self.evidence[self.first_comment >= 0] = "history"
        unmatched = (notes == NONE) & (own == 0) & (known == 0)
        self._claimed("label", np.where(unmatched, labels, NONE), labelled, verdicts)
        rows = np.flatnonzero((notes == NONE) & (known > own))
        base = bases.known_of_node[bases.known_base[rows]]
        self._matched("known", rows, base, known, verdicts.of_known)
        rows = np.flatnonzero((notes == NONE) & (own > 0) & (own >= known))
        self._matched("chain", rows, bases.base[rows], own, verdicts.of_own)
        self._claimed("annotation", notes, annotated, verdicts)

    def _matched(
        self, evidence: str, rows: Ints, base: Ints, depth: Ints, judge: Callable[[int], Verdict]
    ) -> None:
        used, place = np.unique(base, return_inverse=True)
        for number, one in enumerate(used.tolist()):
            self._note(evidence, rows[place == number], judge(one))
        self.layers[rows], self.agree[rows] = depth[rows], YES

    def _claimed(self, evidence: str, number: Ints, found: list[Claim], verdicts: Verdicts) -> None:
        for one in np.unique(number[number >= 0]).tolist():
            named = verdicts.of_claim(found[one])
            rows = np.flatnonzero(number == one)
            self._note(evidence, rows, named.verdict)
            self._compare(rows, named)

    def _compare(self, rows: Ints, named: Named) -> None:
        """What the layers say of a base that an image names."""
        node = self._bases.node[self._bases.digest[rows]]
        self.layers[rows], self.agree[rows] = NONE, UNKNOWN
        known = node >= 0
        if named.nodes:
            common = _common(self._bases.chains, named.nodes, node)
            self.layers[rows] = np.where(common > 0, common, NONE)
            self.agree[rows[known]] = common[known] > 0
        if named.verdict.outdated is None and named.now:
            self.outdated[rows[known]] = (_common(self._bases.chains, named.now, node) == 0)[known]

    def _note(self, evidence: str, rows: Ints, verdict: Verdict) -> None:
        self.evidence[rows], self.name[rows] = evidence, verdict.name
        self.digest[rows], self.current[rows] = verdict.digest, verdict.current
        self.outdated[rows] = UNKNOWN if verdict.outdated is None else int(verdict.outdated)


def base_images(levels: Levels, images: Images, bases: KnownBases) -> pd.DataFrame:
    """One row a repository and live image, sorted by both."""
    inventory, graph = levels.inventory, levels.graph
    rows, digest = Rows(levels, images, bases), bases.digest
    platform, platforms = images.config("platform")[digest], inventory.platforms.values
    base = np.where(rows.evidence == "chain", bases.own_base, NONE)
    base = np.where(rows.evidence == "known", bases.known_base, base)
    columns: dict[str, Any] = {
        "repository": strings(inventory.repositories.values, graph.repository[bases.place]),
        "tag": strings(inventory.texts.values, first_tag_names(levels)[bases.place]),
        "digest": strings(inventory.digests.values, digest),
        "os": strings([value.os for value in platforms], platform),
        "architecture": strings([value.architecture for value in platforms], platform),
        "variant": strings([value.variant for value in platforms], platform),
        "layer_count": images.layer_count[digest],
        "sibling_count": np.maximum(bases.siblings[bases.node[digest]] - 1, 0),
        "evidence": rows.evidence,
        "base_name": rows.name,
        "base_digest": rows.digest,
        "base_layer_count": nullable(rows.layers, known=rows.layers >= 0),
        "base_sibling_count": nullable(np.maximum(bases.siblings[base] - 1, 0), known=base >= 0),
        "layers_agree": known_flags(rows.agree),
        "outdated": known_flags(rows.outdated),
        "current_digest": rows.current,
        "first_step": strings(inventory.prose.values, rows.first_step),
    }
    names = levels.seen.repository_rank[graph.repository[bases.place]]
    order = np.lexsort((levels.seen.digest_rank[digest], names))
    columns = {name: column[order] for name, column in columns.items()}
    return build(BASE_IMAGES, inventory, columns, len(order))


def first_tag_names(levels: Levels) -> Codes:
    """The name of the first tag that leads to each place, as a text number; NONE without one."""
    trees = TagTrees.of(levels)
    first = trees.first_tags(len(levels.graph.keys))
    names: Codes = np.append(levels.inventory.tags.column("tag")[trees.row], NONE)[first]
    return names


def known_flags(values: np.ndarray[Any, np.dtype[np.int8]]) -> pd.arrays.BooleanArray:
    """YES, NO and UNKNOWN as True, False and null."""
    return maybe(values == YES, known=values != UNKNOWN)


def _common(chains: Chains, candidates: list[int], node: Ints) -> Ints:
    """The layers of the longest candidate that each list begins with; 0 where none does."""
    common = np.zeros(len(node), dtype=np.int64)
    known = np.flatnonzero(node >= 0)
    for one in candidates:
        begins = chains.begins(np.full(len(known), one), node[known])
        rows = known[begins]
        common[rows] = np.maximum(common[rows], chains.depth[one])
    return common


def _first_steps(images: Images, digest: Ints) -> tuple[Codes, Codes]:
    """The comment of the first step of each image's history, and that or else its command."""
    history = images.inventory.history
    first = history.column("position") == 0
    found = np.full((2, images.count + 1), NONE, dtype=np.int64)
    config = history.column("config")[first]
    comment, command = history.column("comment")[first], history.column("created_by")[first]
    found[0, config] = comment
    found[1, config] = np.where(comment == NONE, command, comment)
    of_digest = found[:, images.document("config")[digest]]
    return of_digest[0], of_digest[1]
