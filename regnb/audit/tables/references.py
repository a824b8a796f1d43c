"""The tables of references: all that manifests name, and their layers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import numbered, platform_and_features, strings
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_LAYERS, AUDIT_REFERENCES
from regnb.frames.audit_words import REFERENCE_KIND
from regnb.model.media_types import EMPTY_LAYERS
from regnb.walk.columns import NONE
from regnb.walk.inventory import LAYER, Inventory


def references(levels: Levels) -> pd.DataFrame:
    """One row a reference, sorted by manifest, kind and position."""
    inventory, edges = levels.inventory, levels.inventory.edges
    row = _in_order(levels, np.arange(len(edges)))
    columns = {
        **_common(inventory, row),
        "kind": numbered(REFERENCE_KIND, edges.column("kind")[row]),
        **platform_and_features(inventory.platforms.values, edges.column("platform")[row]),
        "is_attestation": edges.column("attestation")[row] == 1,
    }
    return build(AUDIT_REFERENCES, inventory, columns, len(row))


def layers(levels: Levels) -> pd.DataFrame:
    """One row a manifest and layer, sorted by manifest and position."""
    inventory, edges = levels.inventory, levels.inventory.edges
    row = _in_order(levels, np.flatnonzero(edges.column("kind") == LAYER))
    empty = np.array([one in EMPTY_LAYERS for one in inventory.digests.values], dtype=bool)
    columns = {
        **_common(inventory, row),
        "is_empty_layer": empty[edges.column("child")[row]],
        "diff_id": strings(inventory.prose.values, diff_id_of_layers(levels)[row]),
    }
    return build(AUDIT_LAYERS, inventory, columns, len(row))


def diff_id_of_layers(levels: Levels) -> Ints:
    """For each edge the text of its diff_id; NONE unless it is a layer and its config fits.

    A config fits a manifest that has as many layers as it has diff_ids.
    """
    images, edges = Images(levels.seen), levels.inventory.edges
    parent = edges.column("parent")
    fits = (edges.column("kind") == LAYER) & images.layers_match[parent]
    config, diff_ids = images.document("config")[parent[fits]], images.diff_ids
    found = np.full(len(edges), NONE, dtype=np.int64)
    found[fits] = diff_ids.targets[diff_ids.starts[config] + edges.column("position")[fits]]
    return found


def _in_order(levels: Levels, row: Ints) -> Ints:
    """Rows of edges by manifest, kind and position."""
    edges = levels.inventory.edges
    parent, kind, position = (edges.column(name)[row] for name in ("parent", "kind", "position"))
    return row[np.lexsort((position, kind, levels.seen.digest_rank[parent]))]


def _common(inventory: Inventory, row: Ints) -> dict[str, Any]:
    edges, digests = inventory.edges, inventory.digests.values
    column = {name: edges.column(name)[row] for name in edges.columns}
    return {
        "manifest_digest": strings(digests, column["parent"]),
        "position": column["position"].astype(np.int64),
        "digest": strings(digests, column["child"]),
        "size": column["size"],
        "media_type": strings(inventory.texts.values, column["media_type"]),
        "annotations": strings(inventory.prose.values, column["annotations"]),
        "foreign": column["foreign"] == 1,
        "has_inline_data": column["inline"] == 1,
    }
