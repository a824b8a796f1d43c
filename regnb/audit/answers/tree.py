"""Du: where the bytes are, from the whole registry down to its repositories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from regnb.audit.answers.consumers import known_repositories
from regnb.audit.answers.owners import Owners
from regnb.audit.answers.usage import percent, stored_in_all
from regnb.audit.kernel.arrays import Flags, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.tables import build
from regnb.frames.size_schemas import DU
from regnb.walk.columns import NONE

Trail = tuple[str | None, ...]
"""The paths from the whole down to a repository."""

ROOT = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes in an order in which each comes after its parent.

    Attributes:
        path: of each node.
        parent: of each; NONE for the first, which is the whole.
        depth: steps from the first.
        is_leaf: whether each is a repository itself.
        trails: of each repository the nodes that lead to it, itself the last.
    """

    path: list[str | None]
    parent: list[int]
    depth: Ints
    is_leaf: Flags
    trails: list[list[int]]

    @classmethod
    def of(cls, trails: list[Trail]) -> Tree:
        """The tree of some trails; all of them begin at the whole."""
        numbers: dict[Trail, int] = {(ROOT,): 0}
        parent, found = [NONE], []
        for trail in trails:
            nodes = [0]
            for end in range(2, len(trail) + 1):
                if trail[:end] not in numbers:
                    numbers[trail[:end]] = len(numbers)
                    parent.append(nodes[-1])
                nodes.append(numbers[trail[:end]])
            found.append(nodes)
        is_leaf = np.zeros(len(numbers), dtype=bool)
        is_leaf[[nodes[-1] for nodes in found]] = True
        depth = np.array([len(trail) - 1 for trail in numbers], dtype=np.int64)
        return cls([trail[-1] for trail in numbers], parent, depth, is_leaf, found)

    def cut(self, depth: int) -> Ints:
        """The node of each trail at a depth, or its last one where it ends before."""
        cut = [nodes[min(depth, len(nodes) - 1)] for nodes in self.trails]
        return np.array(cut, dtype=np.int64)

    def downwards(self, value: npt.NDArray[np.generic]) -> Ints:
        """All nodes, each followed by what is below it, the largest first, equal ones by name."""
        children: list[list[int]] = [[] for _ in self.path]
        keys = [
            (-number, name is None, name or "")
            for number, name in zip(value.tolist(), self.path, strict=True)
        ]
        for node in sorted(range(1, len(keys)), key=keys.__getitem__, reverse=True):
            children[self.parent[node]].append(node)
        return np.fromiter(_walk(children), dtype=np.int64, count=len(keys))


def du(levels: Levels, owners: Owners | None, metric: str) -> pd.DataFrame:
    """One row a node, each followed by those below it.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    repositories, inventory = known_repositories(levels), levels.inventory
    paths = [inventory.repositories.values[code] for code in repositories.tolist()]
    tree = Tree.of(_by_owner(paths, owners) if owners else _by_path(paths))
    numbers = _numbers(levels, tree, repositories)
    order = tree.downwards(numbers[metric])
    parents = [tree.path[one] if one >= 0 else None for one in tree.parent]
    columns = {
        "path": [tree.path[node] for node in order.tolist()],
        "parent": [parents[node] for node in order.tolist()],
        "depth": tree.depth[order],
        "is_repository": tree.is_leaf[order],
        **{name: values[order] for name, values in numbers.items()},
        "percent": percent(numbers[metric][order], stored_in_all(levels)),
    }
    return build(DU, inventory, columns, len(order))


def _numbers(
    levels: Levels, tree: Tree, repositories: Ints
) -> dict[str, npt.NDArray[np.int64] | npt.NDArray[np.float64]]:
    """The bytes of each node: at every depth the repositories are divided anew."""
    count, of_repository = len(tree.path), levels.repository.amounts(levels.content).fair
    stored, exclusive, blob_count = (np.zeros(count, dtype=np.int64) for _ in range(3))
    fair = np.zeros(count, dtype=np.float64)
    group = np.zeros(len(levels.inventory.repositories), dtype=np.int64)
    for depth in range(int(tree.depth.max()) + 1):
        group[repositories] = cut = tree.cut(depth)
        found = levels.repository.merged(group, count, levels.content).amounts(levels.content)
        here, below = tree.depth == depth, tree.depth[cut] == depth
        stored[here], exclusive[here] = found.stored[here], found.exclusive[here]
        blob_count[here] = found.blob_count[here]
        # Repositories come by name, so that another order of the walk changes no bit.
        np.add.at(fair, cut[below], of_repository[repositories[below]])
    return {"stored": stored, "exclusive": exclusive, "fair": fair, "blob_count": blob_count}


def _by_path(paths: list[str]) -> list[Trail]:
    """A node for each prefix; a repository that is a prefix too becomes a ``.`` below it."""
    steps = [_steps(path) for path in paths]
    prefixes = {prefix for trail in steps for prefix in trail[:-1]}
    return [
        (ROOT, *trail, f"{path}/.") if path in prefixes else (ROOT, *trail)
        for path, trail in zip(paths, steps, strict=True)
    ]


def _steps(path: str) -> list[str]:
    return [path[:end] for end, letter in enumerate(path) if letter == "/"] + [path]


def _by_owner(paths: list[str], owners: Owners) -> list[Trail]:
    return [(ROOT, owner, path) for path, owner in zip(paths, owners.of(paths), strict=True)]


def _walk(children: list[list[int]]) -> Iterator[int]:
    waiting = [0]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children[node]
