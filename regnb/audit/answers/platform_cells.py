"""Platform cells: the images of each tag, what they run on, and which platforms it lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Flags, Ints, Links, contains, distinct, pack, unpack
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.model.platform import Platform
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, Inventory


@dataclass(frozen=True, slots=True)
class Cells:
    """Pairs of a tag and an image that it is or, as an index, names; attestations left out.

    Attributes:
        tree: number of `Levels.tag_places`.
        digest: of the image.
        platform: number of its platform: what the index says, or else the config; NONE without.
        own: number of the platform that the config says; NONE where it was not read.
        held: whether the repository has the image.
    """

    tree: Ints
    digest: Ints
    platform: Ints
    own: Ints
    held: Flags

    @classmethod
    def of(cls, levels: Levels, images: Images, trees: TagTrees) -> Cells:
        """The images of all tags."""
        tree, digest, declared = _named(levels, images, trees)
        place = levels.graph.place(levels.graph.repository[levels.tag_places[tree]], digest)
        own = images.config("platform")[digest].astype(np.int64)
        return cls(tree, digest, np.where(declared >= 0, declared, own), own, place >= 0)


def _named(levels: Levels, images: Images, trees: TagTrees) -> tuple[Ints, Ints, Ints]:
    """Trees, the digests of their images, and the platforms that indexes declare; each once."""
    graph, edges = levels.graph, levels.inventory.edges
    top = graph.digest[levels.tag_places]
    alone = np.flatnonzero(images.is_image[top])
    entries = np.flatnonzero((edges.column("kind") == CHILD) & (edges.column("attestation") == 0))
    links = Links.of(edges.column("parent")[entries], entries, images.count)
    row, edge = links.follow(graph.digest[trees.place])
    child = edges.column("child")[edge]
    # What was not read may be an image if the index says what it runs on.
    unread = (levels.content.document[child] < 0) & (edges.column("platform")[edge] >= 0)
    wanted = images.is_image[child] | unread
    tree = np.concatenate([alone, trees.tree[row[wanted]]])
    digest = np.concatenate([top[alone], child[wanted]])
    declared = np.concatenate([np.full(len(alone), NONE), edges.column("platform")[edge[wanted]]])
    many = len(levels.inventory.platforms) + 1
    keys = distinct(pack(pack(tree, digest, images.count), declared + 1, many))
    pairs, declared = unpack(keys, many)
    tree, digest = unpack(pairs, images.count)
    return tree, digest, declared - 1


class PlatformNames:
    """Platforms by name; two names of one, such as linux/arm64 and linux/arm64/v8, are one.

    Attributes:
        key: of each number of a platform, and of NONE: equal for two names of one; NONE for what
            names none.
        platforms: those of the inventory, and from `first` on each key's by its shortest name.
        first: number of the platform of key 0; keys are in the order of these names.
        count: how many keys there are.
    """

    def __init__(self, inventory: Inventory) -> None:
        """Tell names of one platform from those of others."""
        self.platforms: list[Platform] = list(inventory.platforms.values)
        shortest: dict[Platform, Platform] = {}
        for one in sorted(self.platforms, key=str):
            plain = replace(one, os_version=None, os_features=())
            shortest.setdefault(one.usual, plain)
        number = {usual: key for key, usual in enumerate(shortest)}
        keys = [NONE if one.is_unknown else number[one.usual] for one in self.platforms]
        self.first, self.count = len(keys), len(shortest)
        self.key: Ints = np.array([*keys, *range(self.count), NONE], dtype=np.int64)
        self.platforms += shortest.values()


def lacking(levels: Levels, cells: Cells, names: PlatformNames) -> tuple[Ints, Ints]:
    """Trees with images, and keys of platforms that only others of their repository name."""
    home = levels.graph.repository[levels.tag_places]
    key = names.key[cells.platform]
    tree, key = cells.tree[key >= 0], key[key >= 0]
    has = distinct(pack(tree, key, names.count))
    repository, named = unpack(distinct(pack(home[tree], key, names.count)), names.count)
    of_repository = Links.of(repository, named, len(levels.inventory.repositories))
    with_images = np.unique(cells.tree)
    row, wanted = of_repository.follow(home[with_images])
    keys = pack(with_images[row], wanted, names.count)
    return unpack(keys[~contains(has, keys)], names.count)
