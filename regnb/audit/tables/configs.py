"""The tables of image configs: how images run, their layers, and the steps of their builds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints
from regnb.audit.kernel.images import Images
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
from regnb.audit.tables.chains import chain_ids
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_CONFIGS, AUDIT_DIFF_IDS, AUDIT_HISTORY
from regnb.walk.columns import NONE
from regnb.walk.moments import NO_TIME

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
        "size": rows.column("size")[row],
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
    inventory, links = levels.inventory, Images(levels.seen).diff_ids
    config, text = links.follow(np.arange(levels.content.count))
    position = np.arange(len(config)) - links.starts[config]
    order = np.lexsort((position, levels.seen.digest_rank[config]))
    columns = {
        "config_digest": strings(inventory.digests.values, config[order]),
        "position": position[order],
        "diff_id": strings(inventory.prose.values, text[order]),
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
    images = Images(levels.seen)
    config = images.document("config")
    match = np.ones(images.count, dtype=bool)
    match[config[~images.layers_match & (config >= 0)]] = False
    return match


def _layers_of_steps(levels: Levels, config: Codes, empty: Flags) -> dict[str, Any]:
    """The layer that each step made: its position, diff_id and chain_id.

    Which diff_id a step made is only known where as many steps made a layer as there are diff_ids.
    """
    inventory, count = levels.inventory, levels.content.count
    position = _running(config, ~empty)
    diff_ids = Images(levels.seen).diff_ids
    fits = np.bincount(config[~empty], minlength=count) == np.diff(diff_ids.starts)
    known = ~empty & fits[config]
    chains, chain = chain_ids(diff_ids, inventory.prose.values)
    row = diff_ids.starts[config[known]] + position[known]
    diff_id, chain_id = np.full(len(config), NONE), np.full(len(config), NONE)
    diff_id[known], chain_id[known] = diff_ids.targets[row], chain[row]
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
