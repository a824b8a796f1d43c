"""The table of manifests: what the documents say, wherever they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Ints, distinct, pack, ranks, sums, sums_fit, unpack
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import closed, nullable, order_of, platform, strings, times
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_MANIFESTS
from regnb.frames.schemas import MANIFEST_KIND
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, CONFIG, LAYER, Inventory
from regnb.walk.moments import NO_TIME


def manifests(levels: Levels) -> pd.DataFrame:
    """One row a manifest that was read, sorted by digest."""
    inventory = levels.inventory
    digest = inventory.documents.column("digest")
    row = order_of(levels.seen.digest_rank[digest])
    digest = digest[row]
    columns = {
        "digest": strings(inventory.digests.values, digest),
        **_documents(levels, row, digest),
        **_platforms(inventory, digest, levels.content.count),
        **_sizes(levels, digest),
    }
    return build(AUDIT_MANIFESTS, inventory, columns, len(row))


def _documents(levels: Levels, row: Ints, digest: Codes) -> dict[str, Any]:
    """What the documents themselves say."""
    inventory, count = levels.inventory, levels.content.count
    documents, edges = inventory.documents, inventory.edges
    parent, kind = edges.column("parent"), edges.column("kind")
    number = {name: documents.column(name)[row] for name in documents.columns}
    short, digests = inventory.texts.values, inventory.digests.values

    def counted(wanted: int) -> Ints:
        return np.bincount(parent[kind == wanted], minlength=count)[digest]

    config_type = np.full(count, NONE)
    config_type[parent[kind == CONFIG]] = edges.column("media_type")[kind == CONFIG]
    kinds = closed(MANIFEST_KIND, short, number["kind"])
    return {
        "media_type": strings(short, number["media_type"]),
        "kind": kinds,
        "size": number["size"],
        "config_digest": strings(digests, number["config"]),
        "config_media_type": strings(short, config_type[digest]),
        "artifact_type": strings(short, number["artifact_type"]),
        "subject": strings(digests, number["subject"]),
        "layer_count": nullable(counted(LAYER), known=np.isin(kinds, ["image", "artifact"])),
        "child_count": nullable(counted(CHILD), known=np.isin(kinds, ["index"])),
        "annotations": strings(inventory.prose.values, number["annotations"]),
    }


def _sizes(levels: Levels, digest: Codes) -> dict[str, Any]:
    """Sums of what each declares, null where that cannot be true, nor be summed exactly."""
    content, edges = levels.content, levels.inventory.edges
    of_image = edges.column("kind") <= LAYER
    parent, size = edges.column("parent")[of_image], edges.column("size")[of_image]
    declared = sums_fit(parent, size, content.count)[digest]
    document, blob = _stored(levels)
    stored = sums_fit(document, content.size[blob], content.count)[digest]
    return {
        "declared_size": nullable(content.declared[digest], known=declared),
        "stored_size": nullable(
            sums(document, content.size[blob], content.count)[digest], known=stored
        ),
        "foreign_size": nullable(content.foreign[digest], known=declared),
    }


def stored_sizes(levels: Levels) -> Ints:
    """The bytes of each document and its distinct own blobs, of each digest."""
    document, blob = _stored(levels)
    return sums(document, levels.content.size[blob], levels.content.count)


def _stored(levels: Levels) -> tuple[Ints, Ints]:
    """Pairs of a document and a digest that is stored for it, itself included, each once."""
    content = levels.content
    documents = np.flatnonzero(content.document >= 0)
    rows, blob = content.blobs.follow(documents)
    below = pack(documents[rows], blob, content.count)
    itself = pack(documents, documents, content.count)
    return unpack(distinct(np.concatenate((itself, below))), content.count)


def _platforms(inventory: Inventory, digest: Codes, count: int) -> dict[str, Any]:
    """The platform and time of the config; without it, the platform that an index states."""
    own, platforms = platform_of(inventory, count)
    runs_on, edges, configs = platforms[digest], inventory.edges, inventory.configs
    values = inventory.platforms.values
    unknown = np.array([*(value.is_unknown for value in values), False])[runs_on]
    called = edges.column("child")[edges.column("attestation") == 1]
    return {
        **platform(values, runs_on),
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
    platforms, child = edges.column("platform"), edges.column("child")
    told = platforms >= 0
    rank = ranks(
        [f"{one} {one.os_version} {one.os_features}" for one in inventory.platforms.values]
    )
    best = np.full(count, len(rank))
    np.minimum.at(best, child[told], rank[platforms[told]])
    first: Ints = np.append(np.argsort(rank), NONE)[best]
    return first
