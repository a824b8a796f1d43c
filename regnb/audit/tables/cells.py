"""From numbers to the cells of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints

Objects = npt.NDArray[np.object_]


def texts(values: Sequence[object], codes: Codes) -> Objects:
    """The text of each code; None for NONE and for None. Each text stands in memory once."""
    # Half a surrogate pair, which some registries send, cannot be stored as UTF-8.
    plain = [
        None if value is None else str(value).encode("utf-8", "replace").decode("utf-8")
        for value in values
    ]
    return np.array([*plain, None], dtype=object)[codes]


def filled(text: str, rows: int) -> Objects:
    """The same text in every row."""
    return np.full(rows, text, dtype=object)


def nullable(numbers: Codes, *, known: Flags) -> pd.arrays.IntegerArray:
    """Whole numbers, null where they are not known."""
    return pd.arrays.IntegerArray(numbers.astype(np.int64), ~known)


def times(microseconds: Ints) -> pd.DatetimeIndex:
    """Times from microseconds since 1970, UTC; NO_TIME is null."""
    return pd.DatetimeIndex(microseconds.astype("datetime64[us]"), tz="UTC")


def ranks(values: Sequence[str]) -> Ints:
    """The place of each value in sorted order: numbers sort by it as their texts do."""
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    return rank


def order_of(rank: Ints) -> Ints:
    """The order that sorts by rank; ranks differ, so that it is the only one."""
    order: Ints = np.argsort(rank)
    return order
