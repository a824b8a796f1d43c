"""Whether a table of an audit says what plain sets say."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pandas as pd

from tests.audit.reference import Numbers, Tag

NOTHING = Numbers(0, 0, 0, 0, Fraction(0), 0)


def agree(usage: pd.DataFrame, expected: Mapping[Tag, Numbers]) -> None:
    """Assert that `usage` has the rows and numbers expected, and no others."""
    rows = usage.fillna({"repository": "", "tag": ""})
    assert len(rows) == len(expected)
    for row in rows.to_dict("records"):
        numbers = expected[row["repository"], row["tag"]]
        for name in ("declared", "stored", "exclusive", "shared", "blob_count"):
            assert row[name] == getattr(numbers, name), (name, row)
        assert abs(Fraction(row["fair"]) - numbers.fair) <= numbers.fair / 10**12
