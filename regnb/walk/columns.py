"""Columns of integers, and the numbers that stand for text in them."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

NONE = -1
"""The number that stands for: no such thing."""

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
    """A table of integers that only grows, stored by column."""

    __slots__ = ("columns",)

    def __init__(self, **typecodes: str) -> None:
        """Name the columns, with the `array` type code of each."""
        self.columns: dict[str, array[int]] = {
            name: array(code) for name, code in typecodes.items()
        }

    def append(self, *row: int) -> None:
        """Add a row, its cells in the order of the columns."""
        for column, cell in zip(self.columns.values(), row, strict=True):
            column.append(cell)

    def extend(self, **columns: npt.NDArray[Any]) -> None:
        """Add many rows: an array for each column, all of one length."""
        if set(columns) != set(self.columns) or len({len(cells) for cells in columns.values()}) > 1:
            raise ValueError(f"expected arrays of one length: {', '.join(self.columns)}")
        for name, column in self.columns.items():
            column.frombytes(columns[name].astype(column.typecode).tobytes())

    def column(self, name: str) -> npt.NDArray[Any]:
        """A copy of one column; a view would keep the table from growing."""
        column = self.columns[name]
        # Of the types that hold the same numbers numpy is quick with those that it names itself.
        return np.array(column).view(f"i{column.itemsize}")[: len(self)]

    def cells(self, name: str, rows: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
        """Some cells of one column."""
        found: npt.NDArray[Any] = np.asarray(self.columns[name])[rows]
        return found

    def __len__(self) -> int:
        """How many rows are whole: an interrupt may have cut the last one short."""
        return min(len(column) for column in self.columns.values())
