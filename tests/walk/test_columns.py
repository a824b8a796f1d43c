from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from regnb.walk.columns import NONE, WAITING, Codes, Rows


def test_many_values_get_the_numbers_that_they_would_get_one_by_one() -> None:
    codes: Codes[str] = Codes()
    codes.code("a")
    assert codes.codes(["b", "a", "c", "b"]).tolist() == [1, 0, 2, 1]
    assert codes.values == ["a", "b", "c"]
    assert codes.code("d") == 3


def test_no_values_are_no_numbers() -> None:
    codes: Codes[str] = Codes()
    assert codes.codes([]).tolist() == codes.find([]).tolist() == []


def test_what_is_looked_for_gets_no_number() -> None:
    codes: Codes[str] = Codes()
    codes.code("a")
    assert codes.find(["b", "a"]).tolist() == [NONE, 0]
    assert len(codes) == 1


def test_many_rows_are_added_at_once_and_the_table_still_grows() -> None:
    rows = Rows(size="q", kind="b")
    rows.append(1, 2)
    rows.extend(size=np.array([2**40, 3]), kind=np.array([True, False]))
    rows.append(4, 5)
    assert rows.column("size").tolist() == [1, 2**40, 3, 4]
    assert rows.column("kind").tolist() == [2, 1, 0, 5]
    assert rows.cells("size", np.array([3, 0])).tolist() == [4, 1]


@pytest.mark.parametrize("count", [0, 1, WAITING - 1, WAITING, 2 * WAITING + 1])
def test_rows_are_there_before_and_after_they_are_stored(count: int) -> None:
    rows = Rows(number="q", double="i")
    for number in range(count):
        rows.append(number, 2 * number)
    assert len(rows) == count
    assert rows.column("number").tolist() == list(range(count))
    assert list(rows.columns["double"]) == list(range(0, 2 * count, 2))
    assert len(rows) == count


class Interrupting:
    """A number that is interrupted the first time that it is stored."""

    interrupts = 1

    def __index__(self) -> int:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        return 2


def test_rows_whose_storing_was_interrupted_are_stored_whole_the_next_time() -> None:
    rows = Rows(one="i", two="i")
    rows.append(1, Interrupting())  # type: ignore[arg-type]  # it has all that an int needs
    with pytest.raises(KeyboardInterrupt):
        rows.column("one")
    assert len(rows) == 1
    rows.append(3, 4)
    assert (rows.column("one").tolist(), rows.column("two").tolist()) == ([1, 3], [2, 4])
    assert len(rows) == 2


@pytest.mark.parametrize("row", [(1,), (1, 2, 3)])
def test_rows_of_another_width_are_refused(row: tuple[int, ...]) -> None:
    rows = Rows(one="i", two="i")
    with pytest.raises(ValueError, match="one, two"):
        rows.append(*row)
    assert len(rows) == 0


@pytest.mark.parametrize(
    "columns",
    [{"size": np.arange(2)}, {"size": np.arange(2), "kind": np.arange(3)}],
    ids=["a column is missing", "one is longer"],
)
def test_rows_that_are_not_whole_are_refused(columns: dict[str, npt.NDArray[np.int64]]) -> None:
    rows = Rows(size="q", kind="b")
    with pytest.raises(ValueError, match="size, kind"):
        rows.extend(**columns)
    assert len(rows) == 0
