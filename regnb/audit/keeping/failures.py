"""Failures: what an audit could not read, as a part of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

import pyarrow as pa

from regnb.audit.keeping.parts import read_part
from regnb.audit.keeping.writing import TIME
from regnb.walk.failures import Failure

FAILURES = "errors"
"""The table of them; its columns are the fields of a `Failure`, ``status`` as ``http_status``."""

_SCHEMA = pa.schema(
    {
        "observed_at": TIME,
        "stage": pa.string(),
        "repository": pa.string(),
        "reference": pa.string(),
        "parent_digest": pa.string(),
        "http_status": pa.int64(),
        "code": pa.string(),
        "message": pa.string(),
        "retriable": pa.bool_(),
    }
)
assert len(_SCHEMA) == len(fields(Failure))


def table_of_failures(failures: Sequence[Failure]) -> pa.Table:
    """One row a failure, sorted by where it happened; empty texts are null."""
    rows = [astuple(failure) for failure in sorted(failures, key=lambda failure: failure.order)]
    columns = zip(*rows, strict=True) if rows else ([] for _ in _SCHEMA)
    cells = [[None if cell == "" else cell for cell in column] for column in columns]
    return pa.table(cells, schema=_SCHEMA)


def failures_of(folder: Path, part: str) -> list[Failure]:
    """The failures of one part; raises as `read_part` does."""
    names = [field.name for field in fields(Failure)]
    columns = [column.to_pylist() for column in read_part(folder, part, _SCHEMA.names).columns]
    found = []
    for row in zip(*columns, strict=True):
        told = {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}
        found.append(Failure(**told))
    return found
