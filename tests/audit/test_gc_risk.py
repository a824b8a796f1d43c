"""What the collectors of the distribution registry would take although it is in use."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.kernel.policy import PRESETS
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from tests.audit import reference
from tests.audit.building import Building, blob, config, digest, image, index
from tests.audit.collecting import collect_2, collect_3
from tests.audit.generator import SEEDS, generate
from tests.audit.reference import Shelves
from tests.audit.test_invariants import audit_of
from tests.audit.test_plans_sets import World, worlds

CONFIG, LAYER = config("c", 100), blob("A", 1000)
CHILD = image("child", 500, CONFIG, LAYER)
TOP = index("top", 700, CHILD.descriptor)
EMPTY = Descriptor(media_types.OCI_EMPTY, digest("{}"), 2)
R = replace(image("R", 450, EMPTY), subject=TOP.descriptor)
BELOW = {CONFIG.digest, LAYER.digest}
POLICIES = st.sampled_from(sorted(PRESETS))


def trap(sparse: str) -> Building:
    """A repository that lacks the child of its index, and one that holds it."""
    building = Building()
    building.tag(sparse, "1", TOP)
    building.tag("trap/bb", "1", TOP)
    building.tag("trap/bb", "2", TOP)
    building.hold("trap/bb", CHILD)
    return building


def by_digest(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("digest")


def test_2_8_loses_the_entries_of_an_index_and_all_that_they_name() -> None:
    building = Building()
    for tag in ("latest", "1"):
        building.tag("r", tag, TOP)
    building.hold("r", CHILD)
    audit = building.audit()
    risk = by_digest(audit.gc_risk("2.8"))
    assert set(risk.index) == {CHILD.digest} | BELOW
    assert risk["is_swept"].to_dict() == {
        CHILD.digest: False, CONFIG.digest: True, LAYER.digest: True
    }  # fmt: skip
    assert set(risk["reason"]) == {"untagged-child"}
    assert set(risk["tags"]) == {"1, latest"}
    assert set(risk["tag_count"]) == {2}
    assert risk["size"].sum() == 1600
    assert audit.gc_risk("3").empty


def test_what_has_a_tag_of_its_own_is_safe() -> None:
    building = Building()
    building.tag("r", "1", TOP)
    building.tag("r", "child", CHILD)
    assert building.audit().gc_risk().empty


def test_3_passes_over_an_entry_that_an_earlier_repository_lacks() -> None:
    risk = by_digest(trap("trap/aa").audit().gc_risk("3"))
    assert set(risk.index) == BELOW
    assert set(risk["repository"]) == {"trap/bb"}
    assert set(risk["reason"]) == {"passed-over-child"}
    assert set(risk["tags"]) == {"1, 2"}
    assert risk["is_swept"].all()
    assert trap("trap/zz").audit().gc_risk("3").empty


@pytest.mark.parametrize(("sparse", "loses"), [("trap/bb/0", True), ("trap/bb/b", False)])
def test_3_walks_a_repository_among_the_folders_below_it(sparse: str, loses: bool) -> None:
    assert (not trap(sparse).audit().gc_risk("3").empty) == loses


def test_both_lose_a_referrer_without_a_tag_unless_the_policy_does_not_count_it() -> None:
    building = Building()
    building.tag("r", "1", TOP)
    building.tag("r", "child", CHILD)
    building.hold("r", R)
    audit = building.audit()
    risk = audit.gc_risk()
    assert risk["version"].tolist() == ["2.8", "2.8", "3", "3"]
    assert set(risk["reason"]) == {"untagged-referrer"}
    assert set(risk["tags"]) == {"1"}
    assert set(risk["digest"]) == {R.digest, EMPTY.digest}
    assert audit.with_policy("tagged-only").gc_risk().empty


def test_what_only_a_policy_keeps_breaks_no_tag() -> None:
    building = Building()
    building.tag("r", "1", image("other", 3, EMPTY))
    building.hold("r", CHILD)
    audit = building.audit().with_policy("distribution-keep-untagged")
    risk = audit.gc_risk("3")
    assert set(risk["reason"]) == {"untagged"}
    assert set(risk["tag_count"]) == {0}
    assert risk["tags"].tolist() == [""] * 3


def test_a_cell_names_twenty_tags_and_counts_all() -> None:
    building = Building()
    for number in range(23):
        building.tag("r", f"{number:02}", TOP)
    building.hold("r", CHILD)
    risk = building.audit().gc_risk("2.8")
    assert set(risk["tag_count"]) == {23}
    assert risk["tags"][0].startswith("00, 01, ")
    assert risk["tags"][0].endswith(", 19, and 3 more")


def test_an_empty_registry_is_at_no_risk_and_versions_have_names() -> None:
    empty = Building().audit().gc_risk()
    assert empty.dtypes.equals(trap("trap/aa").audit().gc_risk().dtypes)
    assert empty.empty
    with pytest.raises(ValueError, match=r"2\.8, 3"):
        Building().audit().gc_risk("2.7")


def agrees(shelves: Shelves, name: str) -> None:
    """Assert that the risk is what a policy keeps and the models of the collectors take."""
    policy, audit = PRESETS[name], audit_of(shelves, PRESETS[name])
    alive, keeps = reference.live(shelves, policy), reference.live_blobs(shelves, policy)
    for version, collect in (("2.8", collect_2), ("3", collect_3)):
        risk = audit.gc_risk(version)
        left = collect(shelves, keeps, untagged=True)
        swept = keeps - left.marked
        expected = {(home, one) for home, one in alive & left.untagged}
        for home, one in alive:
            needed = reference.needs(shelves, {one}, policy)
            expected |= {(home, blob) for blob in needed & swept}
        assert set(zip(risk["repository"], risk["digest"], strict=True)) == expected
        assert set(risk.loc[risk["is_swept"], "digest"]) == swept
        assert not risk.duplicated(["repository", "digest"]).any()
        breaks = {pair: 0 for pair in expected}
        for tag in reference.rooting(shelves, policy):
            reached = reference.closure(shelves, policy, shelves.named([tag]))
            needed = reference.needs(shelves, {one for _, one in reached}, policy)
            for pair in breaks.keys() & {(tag[0], name) for name in needed}:
                breaks[pair] += 1
        found = zip(risk["repository"], risk["digest"], risk["tag_count"], strict=True)
        assert {(home, one): number for home, one, number in found} == breaks


@settings(max_examples=100)
@given(SEEDS, POLICIES)
def test_the_risk_of_random_registries_is_what_the_models_say(seed: int, name: str) -> None:
    agrees(generate(seed).shelves, name)


@settings(max_examples=100)
@given(worlds(), POLICIES)
def test_the_risk_where_indexes_lack_entries_is_what_the_models_say(
    world: World, name: str
) -> None:
    held: dict[str, set[str]] = {"a": set(), "a/b": set(), "c": set()}
    for home, one in world.places:
        held[home].add(one)
    holdings = {home: frozenset(found) for home, found in held.items()}
    known = {one: world.manifests[one] for _, one in world.places}
    agrees(Shelves(known, holdings, world.tags), name)
