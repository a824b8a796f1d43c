"""The chains of the layers that configs know of (image-spec, config.md, ChainID)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from regnb.audit.kernel.arrays import Ints, Links


def chain_ids(diff_ids: Links, texts: Sequence[str]) -> tuple[list[str], Ints]:
    """The chain of each target of `Images.diff_ids`: the chains, each once, and their numbers.

    The lowest layer is its own chain; further up it is sha256 of the chain below, a space and the
    diff_id. What images share is hashed once.
    """
    chains: list[str] = []
    config, diff_id = diff_ids.follow(np.arange(len(diff_ids.starts) - 1))
    position = np.arange(len(config)) - diff_ids.starts[config]
    number = np.empty(len(config), dtype=np.int64)
    order = np.argsort(position, kind="stable")
    ends = np.flatnonzero(np.diff(position[order])) + 1
    for rows in np.split(order, ends):
        if len(rows) == 0:
            continue
        bottom = position[rows[0]] == 0
        below = np.full(len(rows), -1) if bottom else number[rows - 1]
        pairs = (below + 1) * len(texts) + diff_id[rows]
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
