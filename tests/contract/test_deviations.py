"""The table of deviations holds no more than the tests ask for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.deviations import DEVIATES


def points_asked_for() -> Iterator[str]:
    """A pattern for the first argument of each call of `does` and `deviates`."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in {"does", "deviates"}:
                point = node.args[0]
                parts = point.values if isinstance(point, ast.JoinedStr) else [point]
                yield "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*"
                    for part in parts
                )


def test_every_deviation_is_asserted_by_a_test() -> None:
    asked = list(points_asked_for())
    known = [point for table in DEVIATES.values() for point in table]
    assert known
    assert [p for p in known if not any(re.fullmatch(a, p) for a in asked)] == []
