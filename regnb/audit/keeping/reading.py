"""From tables of Arrow to rows of an inventory: text becomes numbers, all of a column at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regnb.audit.keeping.forms import NUMBERS, PLATFORM, WORDS, Cell, Form, Saved
from regnb.audit.kernel.arrays import Codes, Ints
from regnb.errors import printable
from regnb.model.digest import Digest
from regnb.model.platform import Platform
from regnb.walk.columns import NONE
from regnb.walk.columns import Codes as Numbering
from regnb.walk.inventory import Inventory
from regnb.walk.moments import NO_TIME

Numbers = Callable[[Any], Codes]

_USUAL = r"^sha256:[a-f0-9]{64}$"
_unchecked = partial(str.__new__, Digest)


def columns_of(saved: Saved) -> list[str]:
    """The names of all columns of a table."""
    names = [
        name for cell in saved.cells for name in ((cell.name,) if cell.name else PLATFORM)
    ]  # fmt: skip
    return [*names, *saved.flags]


def texts_of(saved: Saved) -> list[str]:
    """The names of its columns of text."""
    plain = {*NUMBERS, "flag", "time", "platform"}
    own = [cell.name for cell in saved.cells if cell.form not in plain]
    return [*own, *(PLATFORM if any(not cell.name for cell in saved.cells) else ())]


def rows_of(saved: Saved, table: pa.Table, inventory: Inventory) -> dict[str, npt.NDArray[Any]]:
    """The columns of the rows that a table came from."""
    return {cell.source: _cells(cell, table, inventory) for cell in saved.cells}


def known_digests(column: pa.ChunkedArray, inventory: Inventory) -> Codes:
    """The number of each digest; NONE where the inventory has none."""
    return numbers_of(column, lambda values: inventory.digests.find(values.to_pylist()))


def number_digests(column: pa.ChunkedArray, inventory: Inventory) -> Codes:
    """The number of each digest, a new one if need be; NONE for null.

    Raises:
        InvalidDigestError: one of them is none.
    """
    return numbers_of(column, partial(_digests, inventory=inventory))


def _digests(values: pa.Array, inventory: Inventory) -> Codes:
    usual = pc.all(pc.match_substring_regex(values, _USUAL)).as_py()
    found = values.to_pylist()
    return inventory.digests.codes(list(map(_unchecked if usual else Digest, found)))


def numbers_of(column: pa.ChunkedArray, number: Numbers) -> Codes:
    """The number of each text of a column, NONE for null; `number` is asked for distinct ones."""
    chunks = [_chunk_numbers(chunk, number) for chunk in column.dictionary_encode().chunks]
    return np.concatenate([np.empty(0, np.int32), *chunks])


def times(column: pa.ChunkedArray) -> Ints:
    """Microseconds since 1970; NO_TIME for null."""
    found: Ints = pc.fill_null(column.cast(pa.int64()), NO_TIME).to_numpy()
    return found


def flags_of(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Yes or no."""
    found: npt.NDArray[np.bool_] = column.to_numpy()
    return found.astype(bool)


def _chunk_numbers(chunk: pa.DictionaryArray, number: Numbers) -> Codes:
    indices = pc.fill_null(chunk.indices, NONE).to_numpy(zero_copy_only=False)
    used = np.zeros(len(chunk.dictionary) + 1, dtype=bool)
    used[indices] = True
    some = np.flatnonzero(used[:-1])
    numbers = np.full(len(used), NONE, dtype=np.int32)
    numbers[some] = number(chunk.dictionary.take(pa.array(some)))
    found: Codes = numbers[indices]
    return found


def _cells(cell: Cell, table: pa.Table, inventory: Inventory) -> npt.NDArray[Any]:
    if cell.form == "platform":
        return _platforms(table, inventory)
    column = table[cell.name]
    if cell.form == "time":
        return times(column)
    if cell.form in NUMBERS:
        found: npt.NDArray[Any] = pc.fill_null(column, NONE).to_numpy()
        return found
    if cell.form == "flag":
        return flags_of(column)
    return numbers_of(column, _numbering(cell.form, inventory))


def _numbering(form: Form, inventory: Inventory) -> Numbers:
    """What gives numbers to distinct texts."""
    if form in WORDS:
        return partial(_words, WORDS[form])
    if form == "digests":
        return partial(_digests, inventory=inventory)
    return partial(_texts, getattr(inventory, form))


def _texts(numbering: Numbering[str], values: pa.Array) -> Codes:
    return numbering.codes(values.to_pylist())


def _words(known: tuple[str, ...], values: pa.Array) -> Codes:
    found = values.to_pylist()
    if strange := set(found) - set(known):
        raise ValueError(f"{printable(strange.pop(), 80)!r} is none of: {', '.join(known)}")
    return np.array([known.index(value) for value in found], dtype=np.int32)


def _platforms(table: pa.Table, inventory: Inventory) -> Codes:
    """The number of each platform; NONE where there is no operating system."""
    keys = np.zeros(len(table), dtype=np.int64)
    parts = []
    for name in PLATFORM:
        numbering: Numbering[str] = Numbering()
        part = numbers_of(table[name], partial(_texts, numbering))
        parts.append(([*numbering.values, None], part))
        # Numbered anew after each column, so that the keys stay small.
        _, keys = np.unique(keys * (len(numbering) + 1) + part + 1, return_inverse=True)
    _, first = np.unique(keys, return_index=True)
    found = [_platform([values[part[row]] for values, part in parts]) for row in first.tolist()]
    known = [platform for platform in found if platform is not None]
    numbers = iter(inventory.platforms.codes(known).tolist())
    return np.array([NONE if p is None else next(numbers) for p in found], dtype=np.int32)[keys]


def _platform(told: Collection[str | None]) -> Platform | None:
    os, architecture, variant, os_version, os_features = told
    if os is None or architecture is None:
        return None
    features = json.loads(os_features) if os_features else []
    return Platform(os, architecture, variant, os_version, tuple(map(str, features)))
