"""The table of manifests: one row for each that a repository's tags reach or should reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, contains, distinct, pack, sums, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import nullable, ranks, texts, times
from regnb.audit.tables.tables import build
from regnb.frames.schemas import AUDIT_MANIFESTS
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, LAYER, NO_TIME, Inventory


def manifests(levels: Levels) -> pd.DataFrame:
    """One row a repository and manifest, sorted by both; absent children are rows too.

    Raises:
        OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
    """
    inventory, content = levels.inventory, levels.content
    content.check_sums()
    keys, depth, present = _rows(levels)
    repository, digest = unpack(keys, content.count)
    columns = {
        "repository": texts(inventory.repositories.values, repository),
        "digest": texts(inventory.digests.values, digest),
        **_documents(levels, digest, present),
        **_platforms(inventory, digest, content.count),
        **_places(levels, keys),
        "depth": depth,
        "present": present,
    }
    return build(AUDIT_MANIFESTS, inventory, columns, len(keys))


def _rows(levels: Levels) -> tuple[Ints, Ints, Flags]:
    """Keys, depths and presence, in the order of the table."""
    count, inventory, graph = levels.content.count, levels.inventory, levels.graph
    held = graph.keys[levels.live]
    absent, absent_depth = _absent(levels)
    keys = np.concatenate((held, absent))
    depth = np.concatenate((levels.depth[levels.live], absent_depth))
    present = np.arange(len(keys)) < len(held)
    repository, digest = unpack(keys, count)
    order = np.lexsort(
        (
            ranks(inventory.digests.values)[digest],
            ranks(inventory.repositories.values)[repository],
        )
    )
    return keys[order], depth[order], present[order]


def _absent(levels: Levels) -> tuple[Ints, Ints]:
    """Children that their repository said it lacks, one step below the nearest index."""
    content, graph, members = levels.content, levels.graph, levels.inventory.members
    gone = members.column("present") == 0
    home, digest = members.column("repository")[gone], members.column("digest")[gone]
    lacking = distinct(pack(home, digest, content.count))
    rows, child = content.children.follow(graph.digest[levels.live])
    place = levels.live[rows]
    keys = pack(graph.repository[place], child, content.count)
    missing = contains(lacking, keys) & ~contains(graph.keys, keys)
    keys, depth = keys[missing], levels.depth[place][missing] + 1
    order = np.lexsort((depth, keys))
    absent, first = np.unique(keys[order], return_index=True)
    return absent, depth[order][first]


def _documents(levels: Levels, digest: Ints, present: Flags) -> dict[str, Any]:
    """What the documents say; null where a repository lacks the manifest."""
    inventory, content = levels.inventory, levels.content
    row = np.where(present, content.document[digest], NONE)
    known, documents, edges = row >= 0, inventory.documents, inventory.edges
    parent, kind = edges.column("parent"), edges.column("kind")

    def number(name: str) -> Codes:
        return np.append(documents.column(name), NONE)[row]

    def count(wanted: int) -> Ints:
        return np.bincount(parent[kind == wanted], minlength=content.count)[digest]

    kinds = texts(inventory.texts.values, number("kind"))
    of_image = (kinds == "image") | (kinds == "artifact")
    return {
        "media_type": texts(inventory.texts.values, number("media_type")),
        "kind": kinds,
        "size": nullable(number("size"), known=known),
        "config_digest": texts(inventory.digests.values, number("config")),
        "artifact_type": texts(inventory.texts.values, number("artifact_type")),
        "subject": texts(inventory.digests.values, number("subject")),
        "layer_count": nullable(count(LAYER), known=of_image),
        "child_count": nullable(count(CHILD), known=kinds == "index"),
        "declared_size": nullable(content.declared[digest], known=known),
        "stored_size": nullable(_stored(levels)[digest], known=known),
        "foreign_size": nullable(content.foreign[digest], known=known),
    }


def _stored(levels: Levels) -> Ints:
    """The document and its distinct own blobs, of each digest."""
    content = levels.content
    documents = np.flatnonzero(content.document >= 0)
    rows, blob = content.blobs.follow(documents)
    below = pack(documents[rows], blob, content.count)
    document, blob = unpack(
        distinct(np.concatenate((pack(documents, documents, content.count), below))), content.count
    )
    return sums(document, content.size[blob], content.count)


def _platforms(inventory: Inventory, digest: Ints, count: int) -> dict[str, Any]:
    """The platform and time of the config; without it, the platform that an index states."""
    own, platforms = platform_of(inventory, count)
    platform, edges, configs = platforms[digest], inventory.edges, inventory.configs
    values = inventory.platforms.values
    unknown = np.array([*(value.is_unknown for value in values), False])[platform]
    called = edges.column("child")[edges.column("attestation") == 1]
    return {
        "os": texts([value.os for value in values], platform),
        "architecture": texts([value.architecture for value in values], platform),
        "variant": texts([value.variant for value in values], platform),
        "created": times(np.append(configs.column("created"), NO_TIME)[own[digest]]),
        "is_attestation": unknown | np.isin(digest, called),
    }


def platform_of(inventory: Inventory, count: int) -> tuple[Ints, Ints]:
    """For each digest: the row of its config, and its platform; NONE where there is none."""
    configs, documents = inventory.configs, inventory.documents
    config = np.full(count, NONE)
    config[configs.column("digest")] = np.arange(len(configs))
    own = np.full(count, NONE)
    own[documents.column("digest")] = np.append(config, NONE)[documents.column("config")]
    from_config = np.append(configs.column("platform"), NONE)[own]
    return own, np.where(from_config >= 0, from_config, _stated(inventory, count))


def _stated(inventory: Inventory, count: int) -> Ints:
    """The platform that indexes state for each digest; of several, the first by name."""
    edges = inventory.edges
    platform, child = edges.column("platform"), edges.column("child")
    told = platform >= 0
    rank = ranks([str(value) for value in inventory.platforms.values])
    best = np.full(count, len(rank))
    np.minimum.at(best, child[told], rank[platform[told]])
    first: Ints = np.append(np.argsort(rank), NONE)[best]
    return first


def _places(levels: Levels, keys: Ints) -> dict[str, Any]:
    """How the tags and indexes of each repository lead to its manifests."""
    content, graph = levels.content, levels.graph
    tags = np.bincount(levels.seen.tag_place, minlength=len(graph.keys))
    tag_count = np.zeros(len(keys), dtype=np.int64)
    held = contains(graph.keys, keys)
    tag_count[held] = tags[np.searchsorted(graph.keys, keys[held])]
    rows, child = content.children.follow(graph.digest[levels.live])
    home = graph.repository[levels.live[rows]]
    return {
        "is_tagged": tag_count > 0,
        "is_child": contains(distinct(pack(home, child, content.count)), keys),
        "tag_count": tag_count,
    }
