"""In use: which tags lead to images that run somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from regnb.audit.answers.base_names import is_ours
from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Flags
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.errors import RegnbError
from regnb.model.reference import DEFAULT_TAG, Reference, parse_any, parse_local

RUNTIMES = ("docker-pullable://", "docker://")
"""What runtimes write before the id of an image."""


@dataclass(frozen=True, slots=True)
class InUse:
    """What running images lead to.

    Attributes:
        tag: whether each of `TagTrees.row` is used.
        unmatched: names of this registry that nothing seen has, sorted.
    """

    tag: Flags
    unmatched: list[str]

    @classmethod
    def of(cls, levels: Levels, images: Images, trees: TagTrees, names: Iterable[str]) -> InUse:
        """Look up names of images. A tag is used by its name, or by a digest that it leads to."""
        wanted, ours = _wanted(levels, names)
        used, met = _by_tag(levels, trees, wanted)
        by_digest, also_met = _by_digest(levels, images, trees, wanted)
        return cls(used | by_digest, sorted(ours - met - also_met))


_Key = tuple[str, str]
"""Repository and tag, or repository and digest; a digest alone has no repository."""


def _wanted(levels: Levels, names: Iterable[str]) -> tuple[dict[_Key, set[str]], set[str]]:
    """What is looked for, and for the sake of which names; and the names of this registry."""
    wanted: dict[_Key, set[str]] = {}
    ours = set()
    for name in names:
        full = name.removeprefix(f"{levels.inventory.registry}/")
        if full != name:
            ours.add(name)
        for reference in _readings(full):
            if reference.domain and not is_ours(levels.inventory, reference.domain):
                continue
            what = str(reference.digest or reference.tag or DEFAULT_TAG)
            wanted.setdefault((reference.path, what), set()).add(name)
            if reference.domain:
                ours.add(name)
    return wanted, ours


def _readings(name: str) -> Iterator[Reference]:
    """A name as Docker reads it, and as a repository of this registry: who knows who wrote it."""
    for runtime in RUNTIMES:
        name = name.removeprefix(runtime)
    for parse in (parse_any, parse_local):
        try:
            yield parse(name)
        except RegnbError:
            continue


def _by_tag(
    levels: Levels, trees: TagTrees, wanted: dict[_Key, set[str]]
) -> tuple[Flags, set[str]]:
    inventory, tags = levels.inventory, levels.inventory.tags
    paths = {path for path, _ in wanted}
    repositories, words = inventory.repositories.values, inventory.texts.values
    codes = [code for code, name in enumerate(repositories) if name in paths]
    home = tags.column("repository")[trees.row]
    used, met = np.zeros(len(trees.row), dtype=bool), set[str]()
    rows = np.flatnonzero(np.isin(home, codes))
    named = zip(rows.tolist(), tags.column("tag")[trees.row[rows]].tolist(), strict=True)
    for row, tag in named:
        if found := wanted.get((repositories[home[row]], words[tag])):
            used[row] = True
            met |= found
    return used, met


def _by_digest(
    levels: Levels, images: Images, trees: TagTrees, wanted: dict[_Key, set[str]]
) -> tuple[Flags, set[str]]:
    graph, inventory = levels.graph, levels.inventory
    numbers = {name: code for code, name in enumerate(inventory.repositories.values)}
    digests = {what for _, what in wanted}
    codes = {str(d): code for code, d in enumerate(inventory.digests.values) if d in digests}
    tagged = np.zeros(len(graph.keys), dtype=bool)
    tagged[trees.place] = True
    config = images.document("config")[graph.digest]
    used, met = np.zeros(len(graph.keys), dtype=bool), set[str]()
    for (path, what), names in wanted.items():
        if what not in codes:
            continue
        # The id of an image, without a name, is the digest of its config.
        here = (graph.digest == codes[what]) | ((config == codes[what]) & (not path))
        if path:
            here &= graph.repository == numbers.get(path, -1)
        if (here & tagged).any():
            used |= here
            met |= names
    tree = np.zeros(len(levels.tag_places), dtype=bool)
    tree[trees.tree[used[trees.place]]] = True
    flags: Flags = tree[trees.consumer]
    return flags, met
