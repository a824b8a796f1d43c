from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from regnb.errors import NotFoundError
from regnb.model.digest import Digest
from regnb.model.image_config import ImageConfig
from regnb.model.platform import Platform
from regnb.walk.columns import NONE, Codes, Rows
from regnb.walk.inventory import Inventory
from regnb.walk.moments import NO_TIME
from tests.walk.fakes import image, index

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_a_value_keeps_its_number() -> None:
    codes: Codes[str] = Codes()
    assert [codes.code(text) for text in ("a", "b", "a")] == [0, 1, 0]
    assert codes.values == ["a", "b"]
    assert len(codes) == 2


def test_a_column_can_be_read_while_the_table_grows() -> None:
    rows = Rows(one="i")
    assert rows.column("one").tolist() == []
    rows.append(1)
    before = rows.column("one")
    rows.append(2)
    assert before.tolist() == [1]


def test_an_edge_costs_36_bytes() -> None:
    edges = Inventory("registry.example").edges
    assert sum(column.itemsize for column in edges.columns.values()) == 36


def test_times_come_from_the_clock_that_is_given() -> None:
    ticks = count(SECOND, SECOND)
    inventory = Inventory("registry.example", now=lambda: next(ticks))
    inventory.add_tag("r", "1", image("a"))
    inventory.add_failure(NotFoundError("gone", status=404), stage="tags")
    inventory.finish()
    assert (inventory.started_at - EPOCH).total_seconds() == 1
    assert inventory.tags.column("observed_at").tolist() == [2 * SECOND]
    assert (inventory.failures[0].observed_at - EPOCH).total_seconds() == 3
    assert (inventory.finished_at - EPOCH).total_seconds() == 4


def test_content_is_taken_in_once() -> None:
    inventory = Inventory("registry.example")
    manifest = image("a")
    assert inventory.record(manifest) == inventory.record(manifest)
    assert len(inventory.documents) == 1
    assert len(inventory.edges) == 2
    assert inventory.digests.values[inventory.config_of(0)] == manifest.config.digest


def test_only_indexes_have_children_and_only_images_a_config() -> None:
    inventory = Inventory("registry.example")
    child = image("a")
    top = inventory.record(index(child))
    code = inventory.record(child)
    assert [entry.digest for entry in inventory.children(top)] == [code]
    assert list(inventory.children(code)) == []
    assert inventory.config_of(top) == NONE


def test_a_config_keeps_its_time_to_the_microsecond_or_none() -> None:
    inventory = Inventory("registry.example")
    before_1970 = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    for number, created in enumerate((before_1970, None)):
        digest = Digest.of(bytes(number))
        inventory.add_config(ImageConfig(b"", digest, Platform("a", "b"), created=created))
    assert inventory.configs.column("created").tolist() == [-1, NO_TIME]


def test_what_failed_leaves_an_inventory_incomplete() -> None:
    whole, holes, stopped = (Inventory("registry.example") for _ in range(3))
    holes.add_failure(NotFoundError("gone"), stage="catalog")
    for inventory in (whole, holes):
        inventory.finish()
    stopped.finish(finished=False)
    assert [inventory.complete for inventory in (whole, holes, stopped)] == [True, False, False]
