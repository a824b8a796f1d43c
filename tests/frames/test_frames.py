from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regnb.errors import MissingExtraError
from regnb.frames import audit_schemas, deletion_schemas, plan_schemas, schemas
from regnb.frames.build import frame
from regnb.frames.schemas import Column, Schema
from regnb.frames.styled import styled
from regnb.frames.tag_names import is_semver, kind_of, tag_columns
from tests.hostile import PAYLOADS, flaws

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALL = [
    value
    for module in (schemas, audit_schemas, deletion_schemas, plan_schemas)
    for value in vars(module).values()
    if isinstance(value, Schema)
]


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
    about_tables = schema is audit_schemas.TABLES
    assert next(iter(schema.columns)) == ("table" if about_tables else "registry")
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


@pytest.mark.parametrize("kind", [list, np.array])
def test_half_a_surrogate_pair_is_replaced_in_lists_and_arrays(kind: Any) -> None:
    columns = {name: kind(["a\ud800", "é"]) for name in schemas.CATALOG.columns}
    built = frame(schemas.CATALOG, columns, registry="r", retrieved=NOW)
    assert built["repository"].tolist() == ["a?", "é"]


@pytest.mark.parametrize("null", [None, float("nan"), pd.NA, pd.NaT], ids=str)
def test_every_null_is_null_in_text(null: Any) -> None:
    columns = {name: [null, "x"] for name in schemas.CATALOG.columns}
    built = frame(schemas.CATALOG, columns, registry="r", retrieved=NOW)
    assert built["repository"].isna().tolist() == [True, False]


def test_text_is_equal_with_and_without_pyarrow_behind_it() -> None:
    columns = {name: ["a\ud800", None] for name in schemas.CATALOG.columns}
    python = pd.StringDtype("python", na_value=np.nan)
    plain = Schema("catalog", {n: Column(python, "m") for n in schemas.CATALOG.columns})
    here = frame(schemas.CATALOG, columns, registry="r", retrieved=NOW)
    there = frame(plain, columns, registry="r", retrieved=NOW)
    assert there["repository"].dtype == "str"
    pd.testing.assert_frame_equal(here.astype(object), there.astype(object))


def test_the_labels_of_a_series_do_not_move_its_values() -> None:
    columns: dict[str, Any] = {n: [value(c)] * 2 for n, c in schemas.USAGE.columns.items()}
    columns["repository"] = pd.Series(["x", "y"], index=[5, 6])
    columns["stored"] = pd.Series([8, 9], index=[5, 6])
    columns["level"] = pd.Series(["tag", "registry"], index=[5, 6])
    built = frame(schemas.USAGE, columns, registry="r", retrieved=NOW)
    assert built["repository"].tolist() == ["x", "y"]
    assert built["stored"].tolist() == [8, 9]
    assert built["level"].tolist() == ["tag", "registry"]
    assert isinstance(built.index, pd.RangeIndex)


@pytest.mark.parametrize("kind", [list, np.array, pd.Categorical])
def test_a_word_outside_a_closed_vocabulary_is_refused(kind: Any) -> None:
    columns: dict[str, Any] = {name: [None] for name in schemas.TAGS.columns}
    columns["kind"] = kind(["strange\x1b"])
    with pytest.raises(ValueError, match="'strange' is no word of the column kind"):
        frame(schemas.TAGS, columns, registry="r", retrieved=NOW)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("stored", "7"), ("percent", "1.5"), ("registry", 5), ("tag", ["a"])],
)
def test_nothing_is_parsed_and_nothing_made_text(name: str, wrong: Any) -> None:
    columns: dict[str, Any] = {n: [value(c)] for n, c in schemas.USAGE.columns.items()}
    columns[name] = [wrong]
    with pytest.raises(TypeError, match=f"column {name}"):
        frame(schemas.USAGE, columns, registry="r", retrieved=NOW)


@pytest.mark.parametrize(("name", "wrong"), [("created", "2024-01-01"), ("is_semver", "False")])
def test_times_and_flags_are_not_parsed(name: str, wrong: str) -> None:
    columns: dict[str, Any] = {n: [value(c)] for n, c in schemas.TAG_DETAILS.columns.items()}
    columns[name] = np.array([wrong])
    with pytest.raises(TypeError, match=f"column {name}"):
        frame(schemas.TAG_DETAILS, columns, registry="r", retrieved=NOW)


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


def test_s17_labels_and_their_names_are_escaped_and_formulas_left_alone() -> None:
    payload = "<img src=x onerror=alert(1)>"
    index = pd.Index([payload], name=payload)
    shown = styled(pd.DataFrame({payload: ["$x$"]}, index=index).rename_axis(columns=payload))
    assert "<img" not in shown.to_html()
    # Seen in JupyterLab: without this class, "$x$" is typeset in a table of pandas.
    assert "mathjax_ignore" in shown.to_html()


def test_styled_leaves_a_column_alone_that_is_only_called_size() -> None:
    assert "large" in styled(pd.DataFrame({"size": ["large"]})).to_html()


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
        ("sha512-" + "a" * 64, False, "referrers-fallback"),
        ("sha256-" + "a" * 65 + ".sig", False, "normal"),
        ("sha256-" + "A" * 64, False, "normal"),
        ("x-sha256-" + "a" * 64 + ".att", False, "normal"),
        ("20240101123456.0.0", False, "normal"),
        ("999999999.0.0", True, "normal"),
        ("1\u0661.2.3", False, "normal"),
        ("1.2.3\n", False, "normal"),
    ],
)
def test_names_of_tags_are_understood(tag: str, semver: bool, kind: str) -> None:
    assert is_semver(tag) is semver
    assert kind_of(tag) == kind


def test_versions_are_taken_apart() -> None:
    columns = tag_columns(["v1.20.3-rc.1", "latest"])
    assert columns["semver_minor"] == [20, None]
    assert columns["semver_prerelease"] == ["rc.1", None]
