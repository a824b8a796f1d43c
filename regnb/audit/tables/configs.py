"""The tables of image configs: how images run, their layers, and the steps of their builds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.times import is_plausible
from regnb.audit.tables.cells import (
    maybe,
    nullable,
    order_of,
    platform_and_features,
    strings,
    times,
)
from regnb.audit.tables.chains import DiffIds, chain_ids
from regnb.audit.tables.references import expected_layers
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_CONFIGS, AUDIT_DIFF_IDS, AUDIT_HISTORY
from regnb.walk.columns import NONE
from regnb.walk.inventory import LAYER, NO_TIME

PROSE = (
    "author", "user", "entrypoint", "command", "working_dir", "exposed_ports", "env", "labels",
)  # fmt: skip


def configs(levels: Levels) -> pd.DataFrame:
    """One row an image config that was read, sorted by digest."""
    inventory, count = levels.inventory, levels.content.count
    rows, history = inventory.configs, inventory.history
    row = order_of(levels.seen.digest_rank[rows.column("digest")])
    digest = rows.column("digest")[row]
    created = rows.column("created")[row]
    empty = history.column("config")[history.column("empty") == 1]
    prose = inventory.prose.values
    columns = {
        "digest": strings(inventory.digests.values, digest),
        **platform_and_features(inventory.platforms.values, rows.column("platform")[row]),
        "created": times(created),
        "created_plausible": maybe(is_plausible(levels.seen, created), known=created != NO_TIME),
        **{name: strings(prose, rows.column(name)[row]) for name in PROSE},
        "history_count": rows.column("history_count")[row].astype(np.int64),
        "empty_layer_count": np.bincount(empty, minlength=count)[digest],
        "diff_id_count": rows.column("diff_id_count")[row].astype(np.int64),
        "layers_match": _layers_match(levels)[digest],
    }
    return build(AUDIT_CONFIGS, inventory, columns, len(row))


def diff_ids(levels: Levels) -> pd.DataFrame:
    """One row an image config and layer that it knows of, sorted by config and position."""
    inventory, found = levels.inventory, DiffIds.of(levels.inventory)
    order = np.lexsort((found.position, levels.seen.digest_rank[found.config]))
    columns = {
        "config_digest": strings(inventory.digests.values, found.config[order]),
        "position": found.position[order],
        "diff_id": strings(inventory.prose.values, found.text[order]),
    }
    return build(AUDIT_DIFF_IDS, inventory, columns, len(order))


def history(levels: Levels) -> pd.DataFrame:
    """One row an image config and step of its build, sorted by config and position."""
    inventory, steps = levels.inventory, levels.inventory.history
    order = np.lexsort((steps.column("position"), levels.seen.digest_rank[steps.column("config")]))
    column = {name: steps.column(name)[order] for name in steps.columns}
    prose, empty = inventory.prose.values, column["empty"] == 1
    columns = {
        "config_digest": strings(inventory.digests.values, column["config"]),
        "position": column["position"].astype(np.int64),
        "created": times(column["created"]),
        **{name: strings(prose, column[name]) for name in ("created_by", "comment", "author")},
        "empty_layer": empty,
        **_layers_of_steps(levels, column["config"], empty),
    }
    return build(AUDIT_HISTORY, inventory, columns, len(order))


def _layers_match(levels: Levels) -> Flags:
    """Whether every manifest with each config has as many layers as the config knows of."""
    inventory, count = levels.inventory, levels.content.count
    edges, documents = inventory.edges, inventory.documents
    parent, kind = edges.column("parent"), edges.column("kind")
    has = np.bincount(parent[kind == LAYER], minlength=count)
    document, config = documents.column("digest"), documents.column("config")
    wrong = (expected_layers(levels) != has)[document] & (config >= 0)
    match = np.ones(count, dtype=bool)
    match[config[wrong]] = False
    return match


def _layers_of_steps(levels: Levels, config: Codes, empty: Flags) -> dict[str, Any]:
    """The layer that each step made: its position, diff_id and chain_id.

    Which diff_id a step made is only known where as many steps made a layer as there are diff_ids.
    """
    inventory, count = levels.inventory, levels.content.count
    position = _running(config, ~empty)
    expected = np.zeros(count, dtype=np.int64)
    expected[inventory.configs.column("digest")] = inventory.configs.column("diff_id_count")
    fits = np.bincount(config[~empty], minlength=count) == expected
    known = ~empty & fits[config]
    found = DiffIds.of(inventory)
    chains, chain = chain_ids(found, inventory.prose.values)
    row = found.row(config[known], position[known])
    diff_id, chain_id = np.full(len(config), NONE), np.full(len(config), NONE)
    diff_id[known], chain_id[known] = found.text[row], chain[row]
    return {
        "layer_position": nullable(position, known=~empty),
        "diff_id": strings(inventory.prose.values, diff_id),
        "chain_id": strings(chains, chain_id),
    }


def _running(group: Codes, counted: Flags) -> Ints:
    """How many rows that count come before each row in its group; groups lie together."""
    before: Ints = np.cumsum(counted) - counted
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1])[: len(group)])
    lengths = np.diff(np.append(starts, len(group)))
    running: Ints = before - np.repeat(before[starts], lengths)
    return running
