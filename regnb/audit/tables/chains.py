"""The layers that configs know of, and their chains (image-spec, config.md, ChainID)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from regnb.audit.kernel.arrays import Codes, Ints
from regnb.walk.inventory import Inventory


@dataclass(frozen=True, slots=True)
class DiffIds:
    """The diff_ids of all configs, by config and position.

    Attributes:
        config: digest of the config of each row.
        position: of each row; 0 is the lowest layer.
        text: of each row the number of the diff_id in `Inventory.prose`.
        starts: the first row of each digest.
    """

    config: Ints
    position: Ints
    text: Ints
    starts: Ints

    @classmethod
    def of(cls, inventory: Inventory) -> DiffIds:
        """Sort the rows of the inventory."""
        rows = inventory.diff_ids
        config, position = rows.column("config"), rows.column("position")
        order = np.lexsort((position, config))
        sorted_configs = config[order].astype(np.int64)
        return cls(
            config=sorted_configs,
            position=position[order].astype(np.int64),
            text=rows.column("diff_id")[order].astype(np.int64),
            starts=np.searchsorted(sorted_configs, np.arange(len(inventory.digests))),
        )

    def row(self, config: Codes, position: Codes) -> Ints:
        """The row of each config and position, which exist."""
        rows: Ints = self.starts[config] + position
        return rows


def chain_ids(diff_ids: DiffIds, texts: Sequence[str]) -> tuple[list[str], Ints]:
    """The chain of each row of `diff_ids`: the chains, each once, and the number of each row's.

    The lowest layer is its own chain; further up it is sha256 of the chain below, a space and the
    diff_id. What images share is hashed once.
    """
    chains: list[str] = []
    number = np.empty(len(diff_ids.text), dtype=np.int64)
    order = np.argsort(diff_ids.position, kind="stable")
    ends = np.flatnonzero(np.diff(diff_ids.position[order])) + 1
    for rows in np.split(order, ends):
        if len(rows) == 0:
            continue
        bottom = diff_ids.position[rows[0]] == 0
        below = np.full(len(rows), -1) if bottom else number[rows - 1]
        pairs = (below + 1) * len(texts) + diff_ids.text[rows]
        distinct, place = np.unique(pairs, return_inverse=True)
        number[rows] = len(chains) + place
        for pair in distinct.tolist():
            lower, text = divmod(pair, len(texts))
            chains.append(_chain(chains[lower - 1] if lower else "", texts[text]))
    return chains, number


def _chain(below: str, diff_id: str) -> str:
    if not below:
        return diff_id
    return f"sha256:{sha256(f'{below} {diff_id}'.encode('utf-8', 'replace')).hexdigest()}"
