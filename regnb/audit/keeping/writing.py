"""From rows of an inventory to tables of Arrow: numbers become text again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regnb.audit.keeping.forms import PLATFORM, WORDS, Cell, Saved
from regnb.audit.kernel.arrays import Codes, Ints
from regnb.model.platform import Platform
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory
from regnb.walk.moments import NO_TIME

TIME = pa.timestamp("us", tz="UTC")

Cells = npt.NDArray[Any]


def table_of(saved: Saved, inventory: Inventory, rows: Codes, **flags: Cells) -> pa.Table:
    """The table of some rows, in that order; `flags` are those that the rows do not hold."""
    source = getattr(inventory, saved.rows)
    columns: dict[str, pa.Array] = {}
    for cell in saved.cells:
        columns |= _columns(cell, source.cells(cell.source, rows), inventory)
    return pa.table(columns | {name: pa.array(flags[name], pa.bool_()) for name in saved.flags})


def texts(values: Sequence[str], codes: Codes) -> pa.DictionaryArray:
    """The text of each code, null for NONE; the dictionary holds what is used and no more."""
    used, places = np.unique(codes, return_inverse=True)
    some = used[used >= 0]
    places = np.maximum(places - (len(used) - len(some)), 0)
    indices = pa.array(places.astype(np.int32), mask=codes < 0)
    distinct = pa.array([plain(values[code]) for code in some.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(indices, distinct)


def plain(text: str) -> str:
    """Text that UTF-8 can hold: some registries send half a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def ranks(values: Sequence[str]) -> Ints:
    """The place of each text in sorted order; quicker than in plain Python for millions."""
    order = pc.array_sort_indices(pa.array(list(map(plain, values)), pa.string())).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def times(moments: Ints) -> pa.Array:
    """Times from microseconds since 1970; null for NO_TIME."""
    return pa.array(moments, pa.int64(), mask=moments == NO_TIME).cast(TIME)


def _columns(cell: Cell, cells: Cells, inventory: Inventory) -> dict[str, pa.Array]:
    if cell.form == "platform":
        return dict(_platforms(inventory.platforms.values, cells))
    return {cell.name: _column(cell, cells, inventory)}


def _column(cell: Cell, cells: Cells, inventory: Inventory) -> pa.Array:
    if cell.form in WORDS:
        return texts(WORDS[cell.form], cells)
    match cell.form:
        case "number":
            return pa.array(cells)
        case "count":
            return pa.array(cells, mask=cells < 0)
        case "flag":
            return pa.array(cells != 0)
        case "time":
            return times(cells)
    return texts(getattr(inventory, cell.form).values, cells)


def _platforms(values: Sequence[Platform], codes: Codes) -> Iterator[tuple[str, pa.Array]]:
    for name in PLATFORM:
        told = [_told(getattr(value, name)) for value in values]
        distinct = list(dict.fromkeys(text for text in told if text is not None))
        places = {text: place for place, text in enumerate(distinct)}
        numbers = [NONE if text is None else places[text] for text in told]
        yield name, texts(distinct, np.array([*numbers, NONE], dtype=np.int64)[codes])


def _told(value: str | tuple[str, ...] | None) -> str | None:
    if isinstance(value, tuple):
        return json.dumps(value) if value else None
    return value
