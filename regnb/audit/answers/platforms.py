"""Platforms: which of them each tag has images for, and which it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.answers.platform_cells import Cells, PlatformNames, lacking
from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Codes, Ints, Links, distinct, pack, sums, unpack
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import nullable, numbered, platform, strings
from regnb.audit.tables.manifests import stored_sizes
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import CELL_STATE, PLATFORM_COVERAGE
from regnb.walk.columns import NONE

PRESENT, ABSENT, MISSING = range(3)
"""The words of the column ``state``."""


def platforms(levels: Levels, images: Images) -> pd.DataFrame:
    """One row a tag and image or missing platform, sorted by repository, tag and platform.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    levels.content.check_sums()
    trees, names = TagTrees.of(levels), PlatformNames(levels.inventory)
    cells = Cells.of(levels, images, trees)
    table = _Table.of(levels, cells, names)
    totals = _Totals.of(levels, cells, names)
    of_tree = Links.of(table.tree, np.arange(len(table.tree)), len(levels.tag_places))
    tag, row = of_tree.follow(trees.consumer)
    key = names.key[table.platform[row]]
    digest_rank = np.append(levels.seen.digest_rank, NONE)[table.digest[row]]
    order = np.lexsort((digest_rank, np.where(key < 0, names.count, key), tag))
    columns = {
        **_names_of_tags(levels, trees.row[tag[order]]),
        **table.columns(levels, names, row[order]),
        **totals.columns(trees.consumer[tag[order]]),
    }
    return build(PLATFORM_COVERAGE, levels.inventory, columns, len(order))


@dataclass(frozen=True, slots=True)
class _Table:
    """Images of trees, then the platforms that trees lack.

    Attributes:
        tree: number of `Levels.tag_places`.
        digest: NONE for a platform that is missing.
        platform: number in `PlatformNames.platforms`, or NONE.
        own: number of the platform that the config says, or NONE.
        state: PRESENT, ABSENT or MISSING.
        size: stored bytes of the image.
    """

    tree: Ints
    digest: Ints
    platform: Ints
    own: Ints
    state: Ints
    size: Ints

    @classmethod
    def of(cls, levels: Levels, cells: Cells, names: PlatformNames) -> _Table:
        tree, key = lacking(levels, cells, names)
        none = np.full(len(tree), NONE)
        state = np.where(cells.held, PRESENT, ABSENT)
        return cls(
            np.concatenate([cells.tree, tree]),
            np.concatenate([cells.digest, none]),
            np.concatenate([cells.platform, names.first + key]),
            np.concatenate([cells.own, none]),
            np.concatenate([state, np.full(len(tree), MISSING)]),
            np.concatenate([stored_sizes(levels)[cells.digest], none]),
        )

    def columns(self, levels: Levels, names: PlatformNames, row: Codes) -> dict[str, Any]:
        inventory, of_row, own = levels.inventory, self.platform[row], self.own[row]
        key = names.key[of_row]
        shown = [str(one) for one in names.platforms]
        return {
            "platform": strings(shown, np.where(key < 0, NONE, names.first + key)),
            **platform(names.platforms, of_row),
            "state": numbered(CELL_STATE, self.state[row]),
            "digest": strings(inventory.digests.values, self.digest[row]),
            "stored": nullable(self.size[row], known=self.state[row] == PRESENT),
            "config_platform": strings(shown, own),
            "differs": (own >= 0) & (names.key[own] != key),
        }


@dataclass(frozen=True, slots=True)
class _Totals:
    """What there is of each tree: platforms, those of its repository, sum and maximum of sizes."""

    platforms: Ints
    of_repository: Ints
    total: Ints
    largest: Ints

    @classmethod
    def of(cls, levels: Levels, cells: Cells, names: PlatformNames) -> _Totals:
        trees, home = len(levels.tag_places), levels.graph.repository[levels.tag_places]
        key = names.key[cells.platform]
        counted = cells.held & (key >= 0)
        has = distinct(pack(cells.tree[counted], key[counted], names.count))
        named = distinct(pack(home[cells.tree[key >= 0]], key[key >= 0], names.count))
        repositories = unpack(named, names.count)[0]
        count = levels.content.count
        tree, digest = unpack(
            distinct(pack(cells.tree[cells.held], cells.digest[cells.held], count)), count
        )
        size, largest = stored_sizes(levels)[digest], np.zeros(trees, dtype=np.int64)
        np.maximum.at(largest, tree, size)
        return cls(
            np.bincount(unpack(has, names.count)[0], minlength=trees),
            np.bincount(repositories, minlength=len(levels.inventory.repositories))[home],
            sums(tree, size, trees),
            largest,
        )

    def columns(self, tree: Ints) -> dict[str, Any]:
        platforms, of_repository = self.platforms[tree], self.of_repository[tree]
        return {
            "platform_count": platforms,
            "repository_platform_count": of_repository,
            "single_platform": (platforms == 1) & (of_repository > 1),
            "stored_sum": self.total[tree],
            "stored_max": self.largest[tree],
        }


def _names_of_tags(levels: Levels, row: Ints) -> dict[str, Any]:
    inventory, tags = levels.inventory, levels.inventory.tags
    return {
        "repository": strings(inventory.repositories.values, tags.column("repository")[row]),
        "tag": strings(inventory.texts.values, tags.column("tag")[row]),
    }
