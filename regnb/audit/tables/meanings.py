"""The table of tables: what each column of an audit means."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from regnb.frames.audit_schemas import AUDIT_TABLES, TABLES
from regnb.frames.build import frame
from regnb.frames.schemas import Column


def meanings(*, registry: str, retrieved: datetime) -> pd.DataFrame:
    """One row a table and column, in the order in which they stand."""
    rows = [(table, name, table.columns[name]) for table in AUDIT_TABLES for name in table.columns]
    columns = {
        "table": [table.name for table, _, _ in rows],
        "column": [name for _, name, _ in rows],
        "dtype": [str(column.dtype) for _, _, column in rows],
        "key": [name in table.key for table, name, _ in rows],
        "meaning": [_meaning(column) for _, _, column in rows],
        "references": [_references(column) for _, _, column in rows],
    }
    return frame(TABLES, columns, registry=registry, retrieved=retrieved)


def _meaning(column: Column) -> str:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.meaning
    return f"{column.meaning}; one of: {', '.join(column.dtype.categories)}"


def _references(column: Column) -> str | None:
    if column.where:
        return f"{column.references} where {column.where}"
    return column.references or None
