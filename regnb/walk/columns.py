"""Columns of integers, and the numbers that stand for text in them."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

NONE = -1
"""The number that stands for: no such thing."""

WAITING = 4096
"""Rows that wait to be stored together."""

T = TypeVar("T")


class Codes(Generic[T]):
    """Numbers for values: the first value seen is 0, the next new one 1, and so on."""

    __slots__ = ("_codes", "values")

    def __init__(self) -> None:
        """Start empty."""
        self.values: list[T] = []
        self._codes: dict[T, int] = {}

    def code(self, value: T) -> int:
        """The number of `value`, a new one if need be."""
        code = self._codes.get(value)
        if code is None:
            code = len(self.values)
            self.values.append(value)
            self._codes[value] = code
        return code

    def codes(self, values: Collection[T]) -> npt.NDArray[np.int32]:
        """The numbers of many values, new ones if need be: quicker than one by one."""
        known = self._codes
        new = list(dict.fromkeys(value for value in values if value not in known))
        known.update(zip(new, range(len(self.values), len(self.values) + len(new)), strict=True))
        self.values += new
        return np.fromiter(map(known.__getitem__, values), dtype=np.int32, count=len(values))

    def find(self, values: Collection[T]) -> npt.NDArray[np.int32]:
        """The numbers of many values; NONE for those that have none."""
        found = (self._codes.get(value, NONE) for value in values)
        return np.fromiter(found, dtype=np.int32, count=len(values))

    def __len__(self) -> int:
        """How many values have a number."""
        return len(self.values)


class Rows:
    """A table of integers that only grows, stored by column.

    The last rows wait to be stored together: that takes a fraction of what it takes one by one.
    """

    __slots__ = ("_columns", "_state")

    def __init__(self, **typecodes: str) -> None:
        """Name the columns, with the `array` type code of each."""
        self._columns: dict[str, array[int]] = {
            name: array(code) for name, code in typecodes.items()
        }
        # How many rows are stored, and the cells of those that wait: always changed as one, so that
        # whoever looks from another thread sees a number of rows that there was.
        self._state: tuple[int, list[int]] = (0, [])

    @property
    def columns(self) -> dict[str, array[int]]:
        """The columns by name, all rows in them."""
        self._store()
        return self._columns

    def append(self, *row: int) -> None:
        """Add a row, its cells in the order of the columns."""
        if len(row) != len(self._columns):
            raise ValueError(f"expected a cell for each of {', '.join(self._columns)}")
        self.append_all(row)

    def append_all(self, cells: Sequence[int]) -> None:
        """Add any number of rows, their cells one row after the other."""
        if len(cells) % len(self._columns):
            raise ValueError(f"expected rows of {', '.join(self._columns)}")
        waiting = self._state[1]
        waiting += cells
        if len(waiting) >= WAITING * len(self._columns):
            self._store()

    def extend(self, **columns: npt.NDArray[Any]) -> None:
        """Add many rows: an array for each column, all of one length."""
        if set(columns) != set(self._columns) or len(set(map(len, columns.values()))) > 1:
            raise ValueError(f"expected arrays of one length: {', '.join(self._columns)}")
        self._store()
        for name, column in self._columns.items():
            column.frombytes(columns[name].astype(column.typecode).tobytes())
        self._state = len(next(iter(self._columns.values()))), []

    def column(self, name: str) -> npt.NDArray[Any]:
        """A copy of one column; a view would keep the table from growing."""
        column = self.columns[name]
        # Of the types that hold the same numbers numpy is quick with those that it names itself.
        return np.array(column).view(f"i{column.itemsize}")

    def cells(self, name: str, rows: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
        """Some cells of one column."""
        found: npt.NDArray[Any] = np.asarray(self.columns[name])[rows]
        return found

    def __len__(self) -> int:
        """How many rows there are."""
        stored, waiting = self._state
        return stored + len(waiting) // len(self._columns)

    def _store(self) -> None:
        stored, waiting = self._state
        if not waiting:
            return
        for position, column in enumerate(self._columns.values()):
            del column[stored:]  # what an interrupt may have left here
            column.extend(array(column.typecode, waiting[position :: len(self._columns)]))
        self._state = len(self), []
