"""Keys, relations, dtypes and order of the tables, for whatever a walk can have seen."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import PRESETS
from regnb.audit.kernel.seen import Seen
from regnb.frames.audit_schemas import AUDIT_TABLES
from regnb.frames.schemas import Schema
from tests.audit.building import Building
from tests.audit.drawing import Drawn, registries

BY_NAME = {table.name: table for table in AUDIT_TABLES}
TIMES = {"observed_at", "started_at", "finished_at"}


def table_of(audit: Audit, schema: Schema) -> pd.DataFrame:
    frame = getattr(audit, schema.name)
    assert isinstance(frame, pd.DataFrame)
    return frame


def unresolved(audit: Audit, schema: Schema, name: str) -> list[object]:
    """Values that have no row where their column says that they have one."""
    column, frame = schema.columns[name], table_of(audit, schema)
    if column.where:
        frame = frame[frame[column.where].fillna(False).astype(bool)]
    target, of_target = column.references.split(".")
    shared = ["registry"]
    if "repository" in schema.columns and "repository" in BY_NAME[target].key:
        shared += ["repository"] if of_target != "repository" else []
    there = getattr(audit, target)
    known = set(zip(*(there[one] for one in [*shared, of_target]), strict=True))
    rows = frame[frame[name].notna()]
    asked = zip(*(rows[one] for one in [*shared, name]), strict=True)
    return [row for row in asked if row not in known]


@settings(max_examples=25)
@given(registries())
def test_keys_are_whole_and_differ_and_every_relation_leads_to_a_row(drawn: Drawn) -> None:
    seen = Seen(drawn.inventory())
    for policy in ("oci", "distribution-2.8"):
        audit = Audit(seen, policy=PRESETS[policy])
        for schema in AUDIT_TABLES:
            frame = table_of(audit, schema)
            assert {n: frame[n].dtype for n in frame} == {
                name: column.dtype for name, column in schema.columns.items()
            }
            assert not frame[[*schema.key]].isna().any(axis=None), schema.name
            assert not frame.duplicated([*schema.key]).any(), schema.name
            for name, column in schema.columns.items():
                if column.references:
                    assert unresolved(audit, schema, name) == [], f"{schema.name}.{name}"


@settings(max_examples=12)
@given(registries())
def test_f13_tables_do_not_depend_on_the_order_of_the_walk(drawn: Drawn) -> None:
    audits = [Audit(Seen(drawn.inventory(backwards=backwards))) for backwards in (False, True)]
    for schema in AUDIT_TABLES:
        one, other = (table_of(audit, schema) for audit in audits)
        pd.testing.assert_frame_equal(one, other, obj=schema.name)


def test_every_relation_names_a_table_and_a_column_of_its_key() -> None:
    for schema in AUDIT_TABLES:
        assert schema.key[0] == "registry"
        assert set(schema.key) <= set(schema.columns)
        for column in schema.columns.values():
            assert column.where == "" or column.where in schema.columns
            if column.references:
                table, _, name = column.references.partition(".")
                assert name in BY_NAME[table].key


def test_tables_says_what_each_column_is() -> None:
    told = Building().audit().tables()
    assert told.columns.tolist() == ["table", "column", "dtype", "key", "meaning", "references"]
    assert told["table"].unique().tolist() == list(BY_NAME)
    rows = {(row["table"], row["column"]): row for row in told.to_dict("records")}
    assert rows["tags", "digest"]["references"] == "repository_manifests.digest"
    assert (rows["tags", "tag"]["dtype"], rows["tags", "tag"]["key"]) == ("str", True)
    digest = rows["repository_manifests", "digest"]
    assert digest["references"] == "manifests.digest where present"
    assert "one of: none, gzip, zstd, unknown" in rows["blobs", "compression"]["meaning"]
    assert rows["blobs", "size"]["dtype"] == "Int64"
    assert told["meaning"].str.len().min() > 0


@pytest.mark.parametrize("schema", AUDIT_TABLES, ids=lambda schema: schema.name)
def test_the_docstring_of_a_table_names_its_columns(schema: Schema) -> None:
    text = " ".join((getattr(Audit, schema.name).__doc__ or "").split())
    assert f"Columns ``{' '.join(schema.columns)}``" in text
