from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regnb.errors import MissingExtraError
from regnb.frames import schemas
from regnb.frames.build import frame
from regnb.frames.schemas import Column, Schema
from regnb.frames.styled import styled
from regnb.frames.tag_names import is_semver, kind_of, tag_columns
from tests.hostile import PAYLOADS, flaws

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALL = [value for value in vars(schemas).values() if isinstance(value, Schema)]


def by_name(schema: Schema) -> str:
    return schema.name


def value(column: Column) -> Any:
    """A value that fits a column."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return dtype.categories[0]
    if isinstance(dtype, pd.StringDtype):
        return "text"
    return NOW if isinstance(dtype, pd.DatetimeTZDtype) else 1


def build(schema: Schema, rows: int) -> pd.DataFrame:
    columns = {name: [value(column)] * rows for name, column in schema.columns.items()}
    return frame(schema, columns, registry="r", retrieved=NOW)


@pytest.mark.parametrize("schema", ALL, ids=by_name)
def test_a_table_has_the_same_dtypes_with_and_without_rows(schema: Schema) -> None:
    expected = {name: column.dtype for name, column in schema.columns.items()}
    for rows in (0, 1, 3):
        built = build(schema, rows)
        assert built.dtypes.to_dict() == expected
        assert isinstance(built.index, pd.RangeIndex)
        assert len(built) == rows


@pytest.mark.parametrize("schema", ALL, ids=by_name)
def test_the_registry_leads_every_table(schema: Schema) -> None:
    assert next(iter(schema.columns)) == "registry"
    assert all(column.meaning for column in schema.columns.values())


# Not for no rows: Parquet keeps the categories of a column only where it has values.
@pytest.mark.parametrize("rows", [1, 2])
def test_a_table_survives_parquet_with_dtypes_and_attrs(tmp_path: Path, rows: int) -> None:
    before = build(schemas.TAG_DETAILS, rows)
    before.to_parquet(tmp_path / "t.parquet")
    after = pd.read_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(after, before)
    assert after.attrs == before.attrs
    assert after.attrs["regnb"]["registry"] == "r"


def test_text_merges_with_ordinary_text() -> None:
    teams = pd.DataFrame({"repository": ["text"], "team": ["core"]})
    merged = build(schemas.CATALOG, 1).merge(teams, on="repository")
    assert merged["repository"].dtype == schemas.TEXT
    assert merged["team"].tolist() == ["core"]


def test_nulls_are_null_and_large_sizes_exact() -> None:
    columns = {name: [None, None] for name in schemas.TAG_DETAILS.columns}
    columns["size"] = [2**62 + 1, None]  # type: ignore[list-item]
    built = frame(schemas.TAG_DETAILS, columns, registry="r", retrieved=NOW)
    assert built["size"][0] == 2**62 + 1
    assert built.loc[1].drop("is_semver").isna().all()


def test_old_and_nanosecond_times_are_kept() -> None:
    times = [datetime(1, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 0, 123456, UTC), None]
    columns: dict[str, list[Any]] = {name: [None] * 3 for name in schemas.TAG_DETAILS.columns}
    columns["created"] = times
    built = frame(schemas.TAG_DETAILS, columns, registry="r", retrieved=NOW)
    assert built["created"][1].microsecond == 123456
    assert built["created"].isna().tolist() == [False, False, True]


def test_arrays_are_taken_as_they_are() -> None:
    columns: dict[str, Any] = {name: ["x"] for name in schemas.USAGE.columns}
    for name, column in schemas.USAGE.columns.items():
        if isinstance(column.dtype, np.dtype):
            columns[name] = np.array([7], dtype=column.dtype)
    columns["level"] = ["tag"]
    built = frame(schemas.USAGE, columns, registry="r", retrieved=NOW)
    assert built["stored"].item() == 7


@pytest.mark.parametrize("change", ["missing", "more", "uneven"])
def test_columns_that_do_not_fit_are_refused(change: str) -> None:
    columns = {name: ["x"] for name in schemas.CATALOG.columns}
    if change == "missing":
        del columns["namespace"]
    else:
        columns["namespace" if change == "uneven" else "other"] = ["x", "y"]
    with pytest.raises(ValueError, match="catalog"):
        frame(schemas.CATALOG, columns, registry="r", retrieved=NOW)


def test_s17_registry_text_is_raw_in_cells_and_escaped_when_shown() -> None:
    columns = {name: PAYLOADS for name in schemas.CATALOG.columns}
    built = frame(schemas.CATALOG, columns, registry="r", retrieved=NOW)
    assert built["repository"][0] == PAYLOADS[0]
    assert "<script" not in built.to_html()
    escaped = styled(built.set_index("namespace")).to_html()
    assert "<script" not in escaped
    assert "onerror=alert(1)>" not in escaped
    assert not {"<script>", "<img>", "<svg>", "<h1>"} & set(flaws(escaped))


def test_styled_shows_sizes_in_words() -> None:
    built = build(schemas.USAGE, 1).assign(stored=2_500_000)
    assert "2.5 MB" in styled(built).to_html()
    assert styled(build(schemas.USAGE, 0)).to_html()


def test_styled_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("pandas.io.formats.style")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="regnb\\[style\\]"):
        styled(build(schemas.USAGE, 1))


@pytest.mark.parametrize(
    ("tag", "semver", "kind"),
    [
        ("1.2.3", True, "normal"),
        ("v1.2.3-rc.1", True, "normal"),
        ("1.2", False, "normal"),
        ("01.2.3", False, "normal"),
        ("1.2.3-01", False, "normal"),
        ("1.2.3+x", False, "normal"),
        ("latest", False, "normal"),
        ("sha256-" + "a" * 64, False, "referrers-fallback"),
        ("sha256-" + "a" * 64 + ".sig", False, "cosign"),
        ("sha256-" + "a" * 64 + ".zip", False, "normal"),
        ("sha256-" + "a" * 63, False, "normal"),
    ],
)
def test_names_of_tags_are_understood(tag: str, semver: bool, kind: str) -> None:
    assert is_semver(tag) is semver
    assert kind_of(tag) == kind


def test_versions_are_taken_apart() -> None:
    columns = tag_columns(["v1.20.3-rc.1", "latest"])
    assert columns["semver_minor"] == [20, None]
    assert columns["semver_prerelease"] == ["rc.1", None]
