"""The arrays under all answers, against plain Python."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.arrays import Links, contains, distinct, once, pack, sums, unpack
from tests.audit.building import Building, blob, config, image

NUMBERS = st.lists(st.integers(0, 12), max_size=30)
PAIRS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2**20)), max_size=30)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(PAIRS, st.lists(st.integers(0, 7), max_size=9))
def test_links_lead_where_the_pairs_say_in_their_order(
    pairs: list[tuple[int, int]], sources: list[int]
) -> None:
    links = Links.of(*columns(pairs), 8)
    rows, found = links.follow(np.array(sources, dtype=np.int32))
    wanted = [(row, to) for row, one in enumerate(sources) for of, to in pairs if of == one]
    assert list(zip(rows.tolist(), found.tolist(), strict=True)) == wanted
    assert links.counts(np.arange(8)).sum() == len(pairs)


@given(PAIRS)
def test_keys_sort_as_pairs_do_and_give_them_back(pairs: list[tuple[int, int]]) -> None:
    count = 2**20 + 1
    keys = pack(*columns(pairs), count)
    owner, digest = unpack(distinct(keys.copy()), count)
    assert list(zip(owner.tolist(), digest.tolist(), strict=True)) == sorted(set(pairs))
    assert contains(distinct(keys.copy()), keys).all()


@pytest.mark.parametrize("count", [1, 2, 2**31 - 1])
def test_the_last_digest_of_one_owner_is_not_the_first_of_the_next(count: int) -> None:
    owner, digest = np.array([0, 1]), np.array([count - 1, 0])
    first, second = pack(owner, digest, count)
    assert first < second
    assert [one.tolist() for one in unpack(np.array([first, second]), count)] == [
        *([0, 1], [count - 1, 0])
    ]


@given(NUMBERS)
def test_each_number_once(numbers: list[int]) -> None:
    assert once(np.array(numbers, dtype=np.int32), 13).tolist() == sorted(set(numbers))
    assert all(a < b for a, b in pairwise(distinct(np.array(numbers, dtype=np.int64)).tolist()))


def test_sums_are_whole_numbers_above_two_to_the_53() -> None:
    values = np.array([2**55, 1, 1, 2**55 + 1], dtype=np.int64)
    assert sums(np.array([0, 0, 1, 1]), values, 3).tolist() == [2**55 + 1, 2**55 + 2, 0]


def shared_by(users: int, *sizes: int) -> Audit:
    building = Building()
    layers = [blob(str(number), size) for number, size in enumerate(sizes)]
    for number in range(users):
        building.tag(f"r{number}", "1", image(f"M{number}", 0, config("c", 0), *layers))
    return building.audit()


@pytest.mark.parametrize("users", [2, 3, 7, 11, 997])
@pytest.mark.parametrize("sizes", [(1,), (1, 2, 3, 2**40 + 1), (2**51 - 1, 5)])
def test_fair_is_right_to_the_last_digits_for_tiny_and_for_huge_blobs(
    users: int, sizes: tuple[int, ...]
) -> None:
    fair = shared_by(users, *sizes).usage()["fair"]
    truth = Fraction(sum(sizes), users)
    assert all(abs(Fraction(one) - truth) <= truth / 10**15 for one in fair.tolist())
