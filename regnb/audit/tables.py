"""The tables of an audit: repositories, tags, blobs, errors, usage; not manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.cells import filled, nullable, order_of, ranks, texts, times
from regnb.audit.content import Ints, distinct, pack, unpack
from regnb.audit.levels import Levels
from regnb.frames.build import frame
from regnb.frames.schemas import (
    AUDIT_BLOBS,
    AUDIT_ERRORS,
    AUDIT_REPOSITORIES,
    AUDIT_TAGS,
    USAGE,
    Schema,
)
from regnb.frames.tag_names import is_semver, kind_of
from regnb.walk.columns import NONE
from regnb.walk.inventory import CONFIG, LAYER, Inventory

LEVELS = ("registry", "repository", "tag")
"""What `usage` can be asked by."""


def build(
    schema: Schema, inventory: Inventory, columns: Mapping[str, Any], rows: int
) -> pd.DataFrame:
    """A frame of the registry's, retrieved when the walk ended."""
    columns = {"registry": filled(inventory.registry, rows), **columns}
    return frame(schema, columns, registry=inventory.registry, retrieved=inventory.finished_at)


def repositories(levels: Levels) -> pd.DataFrame:
    """One row a repository, sorted by name."""
    inventory = levels.inventory
    codes = _repository_codes(inventory)
    names = [inventory.repositories.values[code] for code in codes.tolist()]
    status = _status(inventory)[codes]
    reached = levels.repository.reached
    manifests = np.bincount(reached.consumer, minlength=len(inventory.repositories))
    columns = {
        "repository": names,
        "namespace": [name.partition("/")[0] if "/" in name else "" for name in names],
        "depth": [name.count("/") + 1 for name in names],
        "tag_count": nullable(_plain_tags(inventory)[codes], known=_listed(status)),
        "manifest_count": manifests[codes],
        "tags_status": status,
    }
    return build(AUDIT_REPOSITORIES, inventory, columns, len(names))


def tags(levels: Levels) -> pd.DataFrame:
    """One row a tag, sorted by repository and name."""
    inventory, rows = levels.inventory, levels.inventory.tags
    documents = inventory.documents
    order = _tag_order(inventory)
    names = [inventory.texts.values[code] for code in rows.column("tag")[order].tolist()]
    digest = rows.column("digest")[order]
    document = np.append(levels.content.document, NONE)[digest]
    media_type = np.append(documents.column("media_type"), NONE)[document]
    columns = {
        "repository": texts(inventory.repositories.values, rows.column("repository")[order]),
        "tag": names,
        "kind": [kind_of(name) for name in names],
        "is_semver": [is_semver(name) for name in names],
        "digest": texts(inventory.digests.values, digest),
        "media_type": texts(inventory.texts.values, media_type),
        "manifest_size": nullable(
            np.append(documents.column("size"), 0)[document], known=digest >= 0
        ),
        "observed_at": times(rows.column("observed_at")[order]),
        "error": texts(inventory.texts.values, rows.column("error")[order]),
    }
    return build(AUDIT_TAGS, inventory, columns, len(order))


def blobs(levels: Levels) -> pd.DataFrame:
    """One row a distinct blob or manifest that the tags need, sorted by digest."""
    inventory, content = levels.inventory, levels.content
    needed = levels.registry.pairs.blob
    digests = inventory.digests.values
    needed = needed[order_of(ranks(digests)[needed])]
    roles = _roles(levels)
    is_manifest = np.zeros(content.count, dtype=bool)
    is_manifest[levels.registry.reached.digest] = True
    columns = {
        "digest": texts(digests, needed),
        "size": content.size[needed],
        "size_source": np.where(content.document[needed] >= 0, "document", "descriptor"),
        "is_config": roles[CONFIG][needed] > 0,
        "is_layer": roles[LAYER][needed] > 0,
        "is_manifest": is_manifest[needed],
        "manifest_count": _named_by(levels)[needed],
        "repository_count": levels.repository.needed_by(content)[needed],
        "tag_count": levels.tag.needed_by(content)[needed],
        "size_conflict": content.size_conflict[needed],
    }
    return build(AUDIT_BLOBS, inventory, columns, len(needed))


def errors(inventory: Inventory) -> pd.DataFrame:
    """One row a failure, sorted by where it happened."""
    failures = sorted(inventory.failures, key=lambda failure: failure.order)
    columns = {
        "sequence": np.arange(len(failures)),
        "observed_at": [failure.observed_at for failure in failures],
        "repository": [failure.repository or None for failure in failures],
        "reference": [failure.reference or None for failure in failures],
        "parent_digest": [failure.parent_digest or None for failure in failures],
        "stage": [failure.stage for failure in failures],
        "http_status": [failure.status for failure in failures],
        "code": [failure.code for failure in failures],
        "message": [failure.message for failure in failures],
        "retriable": [failure.retriable for failure in failures],
    }
    return build(AUDIT_ERRORS, inventory, columns, len(failures))


def usage(levels: Levels, by: str) -> pd.DataFrame:
    """The bytes of each consumer, the largest first."""
    inventory = levels.inventory
    consumer, repository, tag = _consumers(levels, by)
    level = {"registry": levels.registry, "repository": levels.repository, "tag": levels.tag}[by]
    found = level.amounts(levels.content)
    stored = found.stored[consumer]
    names = np.append(ranks(inventory.repositories.values), NONE)[repository]
    tags_rank = np.append(ranks(inventory.texts.values), NONE)[tag]
    order = np.lexsort((tags_rank, names, -stored))
    consumer = consumer[order]
    total = int(levels.content.size[levels.registry.pairs.blob].sum())
    columns = {
        "level": filled(by, len(order)),
        "repository": texts(inventory.repositories.values, repository[order]),
        "tag": texts(inventory.texts.values, tag[order]),
        "declared": found.declared[consumer],
        "stored": found.stored[consumer],
        "exclusive": found.exclusive[consumer],
        "shared": found.shared[consumer],
        "fair": found.fair[consumer],
        "blob_count": found.blob_count[consumer],
        "percent": found.fair[consumer] * 100 / total if total else np.zeros(len(order)),
    }
    return build(USAGE, inventory, columns, len(order))


def _consumers(levels: Levels, by: str) -> tuple[Ints, Ints, Ints]:
    """For each row of `usage`: the consumer, its repository, and its tag; NONE where there is none.

    What could not be listed or read has no row: its bytes are not known.
    """
    inventory = levels.inventory
    if by == "registry":
        return np.zeros(1, dtype=np.int64), np.full(1, NONE), np.full(1, NONE)
    if by == "repository":
        codes = _repository_codes(inventory)
        codes = codes[_listed(_status(inventory)[codes])]
        return codes, codes, np.full(len(codes), NONE)
    rows, read = inventory.tags, levels.read
    return levels.group_of_tag, rows.column("repository")[read], rows.column("tag")[read]


def _repository_codes(inventory: Inventory) -> Ints:
    """The repositories that were listed or have a tag, by name."""
    listed, tagged = inventory.listings.column("repository"), inventory.tags.column("repository")
    codes = np.union1d(listed, tagged).astype(np.int64)
    return codes[order_of(ranks(inventory.repositories.values)[codes])]


def _status(inventory: Inventory) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The status of each repository; ``ok`` where tags of it were read without a listing."""
    status = np.full(len(inventory.repositories), "ok", dtype=object)
    listings = inventory.listings
    status[listings.column("repository")] = texts(inventory.texts.values, listings.column("status"))
    return status


def _listed(status: np.ndarray[Any, np.dtype[np.object_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.isin(status.astype(str), ("ok", "empty"))


def _plain_tags(inventory: Inventory) -> Ints:
    """Tags of each repository, those left out that are attachments of other manifests."""
    tag = inventory.tags.column("tag")
    plain = np.zeros(len(inventory.texts), dtype=bool)
    for code in np.unique(tag).tolist():
        plain[code] = kind_of(inventory.texts.values[code]) == "normal"
    repository = inventory.tags.column("repository")[plain[tag]]
    return np.bincount(repository, minlength=len(inventory.repositories)).astype(np.int64)


def _tag_order(inventory: Inventory) -> Ints:
    repository = ranks(inventory.repositories.values)[inventory.tags.column("repository")]
    return np.lexsort((ranks(inventory.texts.values)[inventory.tags.column("tag")], repository))


def _roles(levels: Levels) -> dict[int, Ints]:
    """How often reached documents name each digest as config and as layer of their own."""
    edges, count = levels.inventory.edges, levels.content.count
    reached = np.zeros(count, dtype=bool)
    reached[levels.registry.reached.digest] = True
    counted = reached[edges.column("parent")] & (edges.column("foreign") == 0)
    kind, child = edges.column("kind"), edges.column("child")
    return {
        role: np.bincount(child[counted & (kind == role)], minlength=count)
        for role in (CONFIG, LAYER)
    }


def _named_by(levels: Levels) -> Ints:
    """How many reached documents name each digest, as config, layer or child."""
    content, documents = levels.content, levels.registry.reached.digest
    total = np.zeros(content.count, dtype=np.int64)
    for links in (content.blobs, content.children):
        rows, named = links.follow(documents)
        pairs = distinct(pack(documents[rows], named, content.count))
        total += np.bincount(unpack(pairs, content.count)[1], minlength=content.count)
    return total
