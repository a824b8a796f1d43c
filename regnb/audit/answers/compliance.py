"""Compliance: what images lack that they should have, and what they should not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.answers.platform_cells import Cells
from regnb.audit.answers.required_labels import INHERITED, MISSING, OWN, RequiredLabels
from regnb.audit.answers.signatures import signed_places
from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, distinct, pack, ranks, unpack
from regnb.audit.kernel.bases import Bases
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import is_plausible, stated_times
from regnb.audit.tables.cells import maybe, numbered, strings, times
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import COMPLIANCE, MEDIA_TYPES
from regnb.walk.columns import NONE
from regnb.walk.inventory import LAYER
from regnb.walk.moments import NO_TIME

MOST_LAYERS = 127
"""What overlay file systems of common runtimes can stack."""

OCI, DOCKER, MIXED, SCHEMA1, OTHER = range(5)
"""The words of the column ``media_types``."""


def compliance(
    levels: Levels, images: Images, bases: Bases, require: Sequence[str]
) -> pd.DataFrame:
    """One row a tag and image, sorted by repository, tag, platform and digest."""
    inventory, tags, trees = levels.inventory, levels.inventory.tags, TagTrees.of(levels)
    tree, digest, platform = _images(levels, images, trees)
    of_tree = Links.of(tree, np.arange(len(tree)), len(levels.tag_places))
    tag, row = of_tree.follow(trees.consumer)
    names = [str(one) for one in inventory.platforms.values]
    rank = np.append(ranks(names), len(names))[platform[row]]
    order = np.lexsort((levels.seen.digest_rank[digest[row]], rank, tag))
    named, row = trees.row[tag[order]], row[order]
    labels = RequiredLabels.of(images, bases, digest[row], require)
    columns: dict[str, Any] = {
        "repository": strings(inventory.repositories.values, tags.column("repository")[named]),
        "tag": strings(inventory.texts.values, tags.column("tag")[named]),
        "platform": strings(names, platform[row]),
        "digest": strings(inventory.digests.values, digest[row]),
        "labels_present": labels.joined(OWN, INHERITED),
        "labels_missing": labels.joined(MISSING),
        "labels_inherited": labels.joined(INHERITED),
        "media_types": numbered(MEDIA_TYPES, _media_types(images)[digest[row]]),
        "signed": _signed(levels, images, tree[row], digest[row]),
        **_of_config(levels, images, digest[row]),
        **_of_layers(images, digest[row]),
    }
    return build(COMPLIANCE, inventory, columns, len(row))


def _images(levels: Levels, images: Images, trees: TagTrees) -> tuple[Ints, Ints, Ints]:
    """Trees, and their images that are held, schema 1 among them, with their platforms."""
    cells = Cells.of(levels, images, trees)
    held, top = cells.held, levels.graph.digest[levels.tag_places]
    old = np.flatnonzero(_is_kind(images, "schema1")[top])
    keys = pack(cells.tree[held], cells.digest[held], images.count)
    keys, first = np.unique(keys, return_index=True)
    tree, digest = unpack(keys, images.count)
    return (
        np.concatenate([tree, old]),
        np.concatenate([digest, top[old]]),
        np.concatenate([cells.platform[held][first], np.full(len(old), NONE)]),
    )


def _signed(levels: Levels, images: Images, tree: Ints, digest: Ints) -> Flags:
    """Whether the image of each row, or what its tag names, has a signature."""
    signed, top = signed_places(levels, images), levels.tag_places[tree]
    place = levels.graph.place(levels.graph.repository[top], digest)
    found: Flags = signed[place] | signed[top]
    return found


def _media_types(images: Images) -> Ints:
    """Whose media types each manifest, its config and its layers have."""
    inventory, edges = images.inventory, images.inventory.edges
    of_image = edges.column("kind") <= LAYER
    parent, code = edges.column("parent")[of_image], edges.column("media_type")[of_image]
    own = images.document("media_type")
    found = []
    for beginning in ("application/vnd.oci.", "application/vnd.docker."):
        begins = [text.startswith(beginning) for text in inventory.texts.values]
        starts = np.array([*begins, False])
        has = starts[own]
        has[parent[starts[code]]] = True
        found.append(has)
    oci, docker = found
    kinds = np.select([oci & docker, oci, docker], [MIXED, OCI, DOCKER], OTHER)
    kinds[_is_kind(images, "schema1")] = SCHEMA1
    return kinds


def _is_kind(images: Images, kind: str) -> Flags:
    words = images.inventory.texts.values
    found: Flags = np.array([*(word == kind for word in words), False])[images.document("kind")]
    return found


def _of_config(levels: Levels, images: Images, digest: Ints) -> dict[str, Any]:
    """When each image was made, as it says, and whom it runs as."""
    inventory = levels.inventory
    stated = stated_times(levels.seen)[digest]
    user, read = images.config("user")[digest], images.row[digest] >= 0
    platforms = inventory.platforms.values
    windows = np.array([*(one.os == "windows" for one in platforms), False])
    known = read & ~windows[images.config("platform")[digest]]
    return {
        "created": times(stated),
        "implausible": (stated != NO_TIME) & ~is_plausible(levels.seen, stated),
        "user": strings(inventory.prose.values, user),
        "root": maybe(_is_root(inventory.prose.values, user), known=known),
    }


def _is_root(prose: Sequence[str], code: Codes) -> Flags:
    """Whether each user is root; an image that names none runs as root."""
    used, place = np.unique(code, return_inverse=True)
    names = ["" if one == NONE else prose[one].partition(":")[0] for one in used.tolist()]
    root = [name in {"", "root"} or set(name) == {"0"} for name in names]
    found: Flags = np.array(root, dtype=bool)[place]
    return found


def _of_layers(images: Images, digest: Ints) -> dict[str, Any]:
    """How many layers each image has, and what is odd about them."""
    edges = images.inventory.edges
    parent = np.repeat(np.arange(images.count), images.layer_count)
    child = edges.column("child")[images.layers.targets]
    foreign = edges.column("foreign")[images.layers.targets] == 1
    once = unpack(distinct(pack(parent, child, images.count)), images.count)[0]
    count = images.layer_count[digest]
    return {
        "layer_count": count,
        "too_many_layers": count > MOST_LAYERS,
        "layers_match": maybe(images.layers_match[digest], known=images.row[digest] >= 0),
        "repeated_layers": count - np.bincount(once, minlength=images.count)[digest],
        "foreign_layers": np.bincount(parent[foreign], minlength=images.count)[digest],
    }
