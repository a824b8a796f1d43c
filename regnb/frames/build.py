"""Columns to a DataFrame, exactly as the schema says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

import regnb
from regnb.errors import printable
from regnb.frames.schemas import FLAG, Dtype, Schema


def frame(
    schema: Schema, columns: Mapping[str, Any], *, registry: str, retrieved: datetime
) -> pd.DataFrame:
    """A DataFrame with the columns, order and dtypes of `schema`, for any number of rows.

    Args:
        schema: what the table is.
        columns: a list or array for each column of the schema; None where a value is unknown.
        registry: whose table it is; kept in ``attrs`` with the time and the version.
        retrieved: when its registry was asked.

    Returns:
        A plain DataFrame with a RangeIndex; identity is in its columns.

    Raises:
        ValueError: a column is missing, unknown, or of another length than the others; or a
            value is not in the closed vocabulary of its column.
        TypeError: text in a column of numbers, flags or times, or the reverse: nothing is parsed.
    """
    if set(columns) != set(schema.columns):
        wrong = sorted(set(columns) ^ set(schema.columns))
        raise ValueError(f"columns of the table {schema.name}: {', '.join(wrong)}")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns of the table {schema.name} differ in length: {sorted(lengths)}")
    data = {
        name: pd.Series(_values(name, columns[name], column.dtype), dtype=column.dtype).array
        for name, column in schema.columns.items()
    }
    return _noted(pd.DataFrame(data, copy=False), schema.name, registry, retrieved)


def square(
    table: str, repositories: ExtensionArray, numbers: Any, *, registry: str, retrieved: datetime
) -> pd.DataFrame:
    """A DataFrame of numbers with the same repositories as rows and as columns."""
    names = pd.Index(repositories, name="repository")
    built = pd.DataFrame(numbers, index=names, columns=names)
    return _noted(built, table, registry, retrieved)


def _noted(built: pd.DataFrame, table: str, registry: str, retrieved: datetime) -> pd.DataFrame:
    built.attrs["regnb"] = {
        "table": table,
        "registry": registry,
        "retrieved": retrieved.isoformat(),
        "version": regnb.__version__,
    }
    return built


def _values(name: str, values: Any, dtype: Dtype) -> Any:
    # The labels of a Series would be aligned with those of the other columns.
    values = values.array if isinstance(values, pd.Series) else values
    if isinstance(values, np.ndarray) and values.dtype.kind in "OUS":
        values = values.tolist()
    if isinstance(values, ExtensionArray) and values.dtype == dtype:
        return values
    if isinstance(dtype, pd.StringDtype):
        return [v if type(v) is str and v.isascii() else _text(name, v) for v in values]
    if isinstance(dtype, pd.CategoricalDtype):
        return _closed(name, values, dtype)
    if isinstance(values, np.ndarray | ExtensionArray):
        return values
    if any(isinstance(value, str) for value in values):
        raise TypeError(f"text in the column {name}, which holds {dtype}")
    if dtype == FLAG:
        return np.fromiter((bool(value) for value in values), dtype=bool, count=len(values))
    return _times_or_numbers(values, dtype)


def _times_or_numbers(values: Any, dtype: Dtype) -> Any:
    if isinstance(dtype, pd.DatetimeTZDtype):
        # pandas guesses the unit from the first value; a list of times has to say it.
        return pd.array([pd.NaT if v is None else v for v in values], dtype=dtype)
    return list(values)


def _text(name: str, value: object) -> str | None:
    if isinstance(value, str):
        # Half a surrogate pair, which some registries send, cannot be stored as UTF-8.
        return str(value).encode("utf-8", "replace").decode("utf-8")
    if value is None or pd.isna(value) is True:  # type: ignore[call-overload] # of any object
        return None
    raise TypeError(f"{type(value).__name__} in the column {name}, which holds text")


def _closed(name: str, values: Any, dtype: pd.CategoricalDtype) -> Any:
    # pandas would make a null of a word that it does not know.
    known = set(dtype.categories)
    strange = [v for v in set(values) if v not in known and not pd.isna(v)]
    if strange:
        raise ValueError(f"{printable(strange[0])!r} is no word of the column {name}")
    return values
