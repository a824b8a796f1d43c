"""Every requirement of the client is in the name of a test, or among those done otherwise."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DIFFERENT = ROOT / "docs/different.md"

# Letter of the requirement, and how many there are of it.
COUNTS = {
    **{"U": 7, "H": 9, "C": 4, "W-C": 6, "T": 10, "W-T": 9, "M": 11, "W-M": 12, "R": 6},
    **{"B": 12, "W-B": 10, "P": 13, "W-P": 11, "E": 11, "W-E": 4, "A": 16, "W-A": 9},
    **{"S": 27, "F": 14},
}
# Those whose number goes on from that of the weakness before them.
MORE = {"B-P": range(12, 20), "B-E": range(5, 8), "B-A": range(10, 20)}
# What is shown elsewhere: not the client's.
ELSEWHERE = {"S17", "S18"}


def requirements() -> list[str]:
    ranges = {letter: range(1, count + 1) for letter, count in COUNTS.items()} | MORE
    found = [f"{letter}{number}" for letter, numbers in ranges.items() for number in numbers]
    return [one for one in found if one not in ELSEWHERE]


@cache
def names_of_tests() -> str:
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    return " ".join(re.findall(r"def (test_\w+)", "\n".join(sources)))


@cache
def done_otherwise() -> set[str]:
    rows = re.findall(r"^\| ([A-Z][A-Z0-9, -]*) \|", DIFFERENT.read_text("utf-8"), re.MULTILINE)
    return {one.strip() for row in rows for one in row.split(",")}


def is_tested(requirement: str, names: str) -> bool:
    words = requirement.lower().replace("-", "_")
    return re.search(rf"(?<![a-z0-9])(?<!w_)(?<!b_){words}(?![0-9a-z])", names) is not None


@pytest.mark.parametrize("requirement", requirements())
def test_a_requirement_is_tested_or_done_otherwise(requirement: str) -> None:
    assert is_tested(requirement, names_of_tests()) or requirement in done_otherwise()


def test_what_is_done_otherwise_is_a_requirement() -> None:
    assert done_otherwise() <= {*requirements(), *ELSEWHERE}


def test_a_name_is_not_taken_for_another() -> None:
    names = "test_w_m8_and_b_a10_go_with_s3_but_not_s30"
    found = {
        one for one in ("W-M8", "M8", "B-A10", "A10", "A1", "S3", "S30") if is_tested(one, names)
    }
    assert found == {"W-M8", "B-A10", "S3", "S30"}
