"""The models of the collectors, on the shapes in which they differ."""

from __future__ import annotations

from hypothesis import given

from regnb.model.manifest import Manifest
from tests.audit.building import blob, config, image, index
from tests.audit.collecting import collect_2, collect_3, collect_as_specified
from tests.audit.generator import SEEDS, generate
from tests.audit.reference import Shelves

Holdings = dict[str, list[Manifest]]

CONFIG, LAYER = config("c", 100), blob("A", 1000)
CHILD = image("child", 500, CONFIG, LAYER)
TOP = index("top", 700, CHILD.descriptor)
DISK = {str(name) for name in (CONFIG.digest, LAYER.digest, CHILD.digest, TOP.digest)}


def shelves(holdings: Holdings, tags: dict[tuple[str, str], Manifest]) -> Shelves:
    return Shelves(
        {str(m.digest): m for held in holdings.values() for m in held},
        {name: frozenset(str(m.digest) for m in held) for name, held in holdings.items()},
        {name: str(manifest.digest) for name, manifest in tags.items()},
    )


def test_2_8_2_loses_the_layers_of_children_without_a_tag() -> None:
    whole = shelves({"r": [TOP, CHILD]}, {("r", "1"): TOP})
    lost = collect_2(whole, DISK, untagged=True)
    assert lost.swept == {CONFIG.digest, LAYER.digest}
    assert lost.untagged == {("r", CHILD.digest)}
    assert not collect_2(whole, DISK).swept
    assert not collect_3(whole, DISK, untagged=True).swept


def test_3_1_1_loses_what_a_child_names_where_an_earlier_repository_lacks_the_child() -> None:
    for sparse, swept in (("aa", {CONFIG.digest, LAYER.digest}), ("zz", set())):
        holdings: Holdings = {f"trap/{sparse}": [TOP], "trap/bb": [TOP, CHILD]}
        trap = shelves(holdings, {(name, "1"): TOP for name in holdings})
        assert collect_3(trap, DISK, untagged=True).swept == swept
        assert not collect_as_specified(trap, DISK).swept


def test_3_1_1_walks_the_folders_of_a_repository_among_those_below_it() -> None:
    # "_layers" stands after "0" and before "b": so a/0 comes before a, and a/b after it.
    for sparse, loses in (("a/0", True), ("a/b", False)):
        holdings: Holdings = {sparse: [TOP], "a": [TOP, CHILD]}
        trap = shelves(holdings, {(name, "1"): TOP for name in holdings})
        assert bool(collect_3(trap, DISK, untagged=True).swept) is loses


@given(SEEDS)
def test_without_m_both_versions_sweep_the_same(seed: int) -> None:
    stock = generate(seed)
    assert collect_2(stock.shelves, stock.files) == collect_3(stock.shelves, stock.files)


@given(SEEDS)
def test_with_m_3_1_1_sweeps_too_much_at_times_and_2_8_2_more_still(seed: int) -> None:
    stock = generate(seed)
    specified = collect_as_specified(stock.shelves, stock.files).swept
    third = collect_3(stock.shelves, stock.files, untagged=True).swept
    second = collect_2(stock.shelves, stock.files, untagged=True).swept
    assert specified <= third <= second
