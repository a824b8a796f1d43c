"""The tables of an audit: repositories, tags, blobs, errors; not manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Ints, distinct, pack, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import filled, nullable, order_of, ranks, texts, times
from regnb.frames.build import frame
from regnb.frames.schemas import (
    AUDIT_BLOBS,
    AUDIT_ERRORS,
    AUDIT_REPOSITORIES,
    AUDIT_TAGS,
    Schema,
)
from regnb.frames.tag_names import is_semver, kind_of
from regnb.walk.columns import NONE
from regnb.walk.inventory import CONFIG, LAYER, Inventory


def build(
    schema: Schema, inventory: Inventory, columns: Mapping[str, Any], rows: int
) -> pd.DataFrame:
    """A frame of the registry's, retrieved when the walk ended."""
    columns = {"registry": filled(inventory.registry, rows), **columns}
    return frame(schema, columns, registry=inventory.registry, retrieved=inventory.finished_at)


def repositories(levels: Levels) -> pd.DataFrame:
    """One row a repository, sorted by name."""
    inventory = levels.inventory
    codes = repository_codes(inventory)
    names = [inventory.repositories.values[code] for code in codes.tolist()]
    status = status_of(inventory)[codes]
    home = levels.graph.repository[levels.live]
    manifests = np.bincount(home, minlength=len(inventory.repositories))
    columns = {
        "repository": names,
        "namespace": [name.partition("/")[0] if "/" in name else "" for name in names],
        "depth": [name.count("/") + 1 for name in names],
        "tag_count": nullable(_plain_tags(inventory)[codes], known=listed(status)),
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


def repository_codes(inventory: Inventory) -> Ints:
    """The repositories that were listed or have a tag, by name."""
    tables = (inventory.listings, inventory.tags)
    codes = np.union1d(*(table.column("repository") for table in tables)).astype(np.int64)
    return codes[order_of(ranks(inventory.repositories.values)[codes])]


def status_of(inventory: Inventory) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The status of each repository; ``ok`` where tags of it were read without a listing."""
    status = np.full(len(inventory.repositories), "ok", dtype=object)
    listings = inventory.listings
    status[listings.column("repository")] = texts(inventory.texts.values, listings.column("status"))
    return status


def listed(status: np.ndarray[Any, np.dtype[np.object_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the tags of a repository of each status are known."""
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
