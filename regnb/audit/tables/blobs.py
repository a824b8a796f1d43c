"""The tables of blobs: everything that has a digest, and which repository needs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, distinct, pack, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.usage import needed_by
from regnb.audit.tables.cells import maybe, nullable, numbered, order_of, strings
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_BLOBS, AUDIT_REPOSITORY_BLOBS
from regnb.frames.audit_words import COMPRESSION, SIZE_SOURCE, UNCOMPRESSED_SOURCE
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, CONFIG, LAYER
from regnb.walk.stated import PLAIN, compressions

_STORED = 0  # of the words of `UNCOMPRESSED_SOURCE`; those of `Inventory.uncompressed` follow


def blobs(levels: Levels) -> pd.DataFrame:
    """One row a digest that anything named, manifests included, sorted by digest."""
    inventory, content = levels.inventory, levels.content
    order = order_of(levels.seen.digest_rank)
    size, source = _sizes(levels)
    compression = compressions(inventory)
    unpacked, told = _uncompressed(levels, size, compression)
    held, asked = _asked(levels)
    repository_count = np.bincount(
        unpack(_needed_somewhere(levels), content.count)[1], minlength=content.count
    )
    live = np.zeros(content.count, dtype=bool)
    live[levels.registry.pairs.blob] = True
    columns = {
        "size": nullable(size, known=size >= 0),
        "size_source": numbered(SIZE_SOURCE, source),
        **_roles(levels),
        "manifest_count": _named_by(levels),
        "repository_count": repository_count,
        "tag_count": _tag_count(levels),
        "live": live,
        "present": maybe(held, known=asked),
        "compression": numbered(COMPRESSION, compression),
        "uncompressed_size": nullable(unpacked, known=told >= 0),
        "uncompressed_source": numbered(UNCOMPRESSED_SOURCE, told),
        "size_conflict": content.size_conflict,
    }
    columns = {name: column[order] for name, column in columns.items()}
    columns["digest"] = strings(inventory.digests.values, order)
    return build(AUDIT_BLOBS, inventory, columns, len(order))


def repository_blobs(levels: Levels) -> pd.DataFrame:
    """One row a repository and blob that its manifests need, sorted by both."""
    inventory, count, seen = levels.inventory, levels.content.count, levels.seen
    pairs = levels.repository.pairs
    keys = _needed_somewhere(levels)
    live = np.zeros(len(keys), dtype=bool)
    live[np.searchsorted(keys, pack(pairs.consumer, pairs.blob, count))] = True
    repository, digest = unpack(keys, count)
    order = np.lexsort((seen.digest_rank[digest], seen.repository_rank[repository]))
    columns = {
        "repository": strings(inventory.repositories.values, repository[order]),
        "digest": strings(inventory.digests.values, digest[order]),
        "live": live[order],
    }
    return build(AUDIT_REPOSITORY_BLOBS, inventory, columns, len(order))


def _needed_somewhere(levels: Levels) -> Ints:
    """Keys of repositories and what they need for the manifests that they hold, live or not."""
    content, graph, pairs = levels.content, levels.graph, levels.repository.pairs
    rows, blob = content.blobs.follow(graph.digest)
    own = pack(graph.repository[rows], blob, content.count)
    live = pack(pairs.consumer, pairs.blob, content.count)
    return distinct(np.concatenate((graph.keys, own, live)))


def _tag_count(levels: Levels) -> Ints:
    """How many tags need each digest; what is alive without a tag is none."""
    weight = levels.tag.weight.copy()
    weight[len(levels.tag_places) :] = 0
    return needed_by(levels.tag.pairs, levels.content, weight=weight)


def _sizes(levels: Levels) -> tuple[Ints, Codes]:
    """The bytes of each digest and what says so; NONE where nothing does."""
    content, sized, listed = levels.content, levels.seen.sized, levels.inventory.referrers
    size = np.full(content.count, NONE, dtype=np.int64)
    np.maximum.at(size, listed.column("digest"), listed.column("size"))
    size = np.where(sized, content.size, size)
    return size, np.where(size >= 0, content.size_source, NONE)


def _asked(levels: Levels) -> tuple[Flags, Flags]:
    """Whether any repository holds each manifest, and whether any said so or the contrary."""
    count = levels.content.count
    held, asked = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    held[levels.graph.digest] = True
    asked[levels.inventory.members.column("digest")] = True
    return held, held | asked


def _roles(levels: Levels) -> dict[str, Any]:
    """As what documents name each digest, and whether all of them say that it lies elsewhere."""
    content, inventory, edges = levels.content, levels.inventory, levels.inventory.edges
    kind, child = edges.column("kind"), edges.column("child")
    elsewhere = edges.column("foreign") == 1

    def among(codes: Codes) -> Flags:
        found = np.zeros(content.count, dtype=bool)
        found[codes] = True
        return found

    listed = inventory.referrers
    manifest = among(child[kind > LAYER]) | (content.document >= 0)
    manifest |= among(listed.column("subject")) | among(listed.column("digest"))
    return {
        "is_config": among(child[kind == CONFIG]),
        "is_layer": among(child[kind == LAYER]),
        "is_manifest": manifest | among(inventory.members.column("digest")),
        "foreign": among(child[elsewhere]) & ~among(child[~elsewhere]) & (content.document < 0),
    }


def _named_by(levels: Levels) -> Ints:
    """How many documents name each digest, as config, layer or child."""
    edges, count = levels.inventory.edges, levels.content.count
    named = edges.column("kind") <= CHILD
    pairs = pack(edges.column("parent")[named], edges.column("child")[named], count)
    return np.bincount(unpack(distinct(pairs), count)[1], minlength=count).astype(np.int64)


def _uncompressed(levels: Levels, size: Ints, compression: Codes) -> tuple[Ints, Codes]:
    """The bytes of each layer once it is unpacked, and what says so; NONE where nothing does."""
    told = levels.inventory.uncompressed
    plain = (compression == PLAIN) & (size >= 0)
    found, source = np.where(plain, size, NONE), np.where(plain, _STORED, NONE)
    digest = told.column("digest")
    found[digest], source[digest] = told.column("size"), told.column("source") + _STORED + 1
    return found, source
