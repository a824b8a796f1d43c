"""From numbers to the cells of a frame: what is distinct is converted once, then spread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray

from regnb.audit.kernel.arrays import Codes, Flags, Ints
from regnb.errors import printable
from regnb.frames.schemas import TEXT
from regnb.model.platform import Platform
from regnb.walk.columns import NONE

Objects = npt.NDArray[np.object_]


def plain(value: object) -> str | None:
    """The text of a value, which can be stored as UTF-8."""
    # Half a surrogate pair, which some registries send, cannot be.
    return None if value is None else str(value).encode("utf-8", "replace").decode("utf-8")


def texts(values: Sequence[object], codes: Codes) -> Objects:
    """The text of each code, to work with; None for NONE and for None."""
    used, place = _used(values, codes)
    return np.array([*map(plain, used), None], dtype=object)[place]


def strings(values: Sequence[object], codes: Codes) -> ExtensionArray:
    """The text of each code, as a column has it; null for NONE and for None."""
    used, place = _used(values, codes)
    return spread(map(plain, used), place, TEXT)


def spread(values: Iterable[object], codes: Codes, dtype: Any) -> ExtensionArray:
    """The value of each code; null for NONE and for None."""
    distinct: ExtensionArray = pd.array([*values], dtype=dtype)
    return distinct.take(codes, allow_fill=True)


def filled(text: str, rows: int) -> ExtensionArray:
    """The same text in every row."""
    return strings([text], np.zeros(rows, dtype=np.int64))


def closed(dtype: Any, values: Sequence[str], codes: Codes) -> pd.Categorical:
    """The word of each code, of a closed vocabulary; null for NONE.

    Raises:
        ValueError: a value that is used is none of its words.
    """
    words = {word: number for number, word in enumerate(dtype.categories)}
    word = np.array([*(words.get(value, NONE) for value in values), NONE])[codes]
    strange = (word < 0) & (codes >= 0)
    if strange.any():
        value = values[codes[strange][0]]
        raise ValueError(f"{printable(value)!r} is none of: {', '.join(dtype.categories)}")
    return numbered(dtype, word)


def numbered(dtype: Any, codes: Codes) -> pd.Categorical:
    """The word of each code, of a closed vocabulary in the order of the codes."""
    words: pd.Categorical = pd.Categorical.from_codes(codes, dtype=dtype)
    return words


def nullable(numbers: Codes, *, known: Flags) -> pd.arrays.IntegerArray:
    """Whole numbers, null where they are not known."""
    return pd.arrays.IntegerArray(numbers.astype(np.int64), ~known)


def maybe(flags: Flags, *, known: Flags) -> pd.arrays.BooleanArray:
    """Flags, null where they are not known."""
    return pd.arrays.BooleanArray(flags & known, ~known)


def times(microseconds: Ints) -> ExtensionArray:
    """Times from microseconds since 1970, UTC; NO_TIME is null."""
    found: ExtensionArray = pd.DatetimeIndex(microseconds.astype("datetime64[us]"), tz="UTC").array
    return found


def platform(values: Sequence[Platform], codes: Codes) -> dict[str, Any]:
    """The columns of a platform, null where there is none."""
    names = ("os", "architecture", "variant", "os_version")
    return {name: strings([getattr(value, name) for value in values], codes) for name in names}


def platform_and_features(values: Sequence[Platform], codes: Codes) -> dict[str, Any]:
    """The columns of a platform, and its features as JSON."""
    features = [json.dumps(one.os_features) if one.os_features else None for one in values]
    return {**platform(values, codes), "os_features": strings(features, codes)}


def order_of(rank: Ints) -> Ints:
    """The order that sorts by rank; ranks differ, so that it is the only one."""
    order: Ints = np.argsort(rank)
    return order


def _used(values: Sequence[object], codes: Codes) -> tuple[list[object], Ints]:
    """The values that some code stands for, and the codes of just these: a few of very many."""
    wanted = np.zeros(len(values) + 1, dtype=bool)
    wanted[codes] = True
    place = np.cumsum(wanted) - 1
    place[NONE] = NONE
    return [values[code] for code in np.flatnonzero(wanted[:-1]).tolist()], place[codes]
