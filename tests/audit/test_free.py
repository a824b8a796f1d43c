"""Plans that free some amount of space: what they choose, and what they may not touch."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import PRESETS
from regnb.audit.plans.plan import DeletionPlan
from regnb.audit.plans.target import amount_of
from regnb.model.image_config import ImageConfig
from regnb.model.platform import Platform
from tests.audit.building import Building, blob, config, digest, image, index
from tests.audit.test_plans_sets import World, worlds


def dated(building: Building, tag: str, size: int, when: datetime, home: str = "r") -> None:
    """A tag of an image with one layer of its own, made at some time."""
    name = f"{home} {tag}"
    building.tag(home, tag, image(name, 0, config(name + " c", 0), blob(name + " layer", size)))
    made = ImageConfig(b"", digest(name + " c"), Platform("linux", "amd64"), created=when)
    building.inventory.add_config(made)


def months() -> Audit:
    building = Building()
    for month, sizes in ((1, (100, 300)), (2, (1000,)), (3, (50, 50, 50))):
        for number, size in enumerate(sizes):
            dated(
                building, f"{month}-{number}", size, datetime(2026, month, 5 + number, tzinfo=UTC)
            )
    return building.audit()


def tags(plan: DeletionPlan) -> list[str]:
    return plan.to_frame()["tag"].tolist()


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (1, 1),
        ("500 GB", 500 * 10**9),
        ("500GiB", 500 * 2**30),
        ("1.5 kb", 1500),
        (" 3 MB ", 3_000_000),
        ("0.5 KiB", 512),
        ("7 B", 7),
        ("42", 42),
        (500e9, 500 * 10**9),
        (np.float64(3.0), 3),
        (np.int64(2**53 + 1), 2**53 + 1),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_amounts_are_bytes_or_texts_with_a_unit(text: float | str, amount: int) -> None:
    assert amount_of(text) == amount


@pytest.mark.parametrize(
    "text",
    [0, -1, "0 GB", "", "GB", "-5 MB", "5 XB", "5 GBit", True, 1.5, 0.0, -1e9, math.inf, math.nan],
)
def test_what_is_no_amount_is_refused(text: float | str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        Building().audit().free(text)


def test_the_month_that_frees_most_a_tag_goes_first() -> None:
    assert tags(months().free(900)) == ["2-0"]
    assert tags(months().free(1001)) == ["1-0", "1-1", "2-0"]
    plan = months().free(1550)
    assert plan.freed == 1550
    assert plan.warnings == ()


def test_of_equals_the_oldest_goes_first_and_what_has_no_age_last() -> None:
    building = Building()
    building.tag("a", "ageless", image("x", 0, config("x c", 0), blob("x layer", 100)))
    for year in (2024, 2022, 2023):
        dated(building, str(year), 100, datetime(year, 1, 1, tzinfo=UTC))
    audit = building.audit()
    assert tags(audit.free(100)) == ["2022"]
    assert tags(audit.free(250)) == ["2022", "2023", "2024"]
    assert tags(audit.free(301)) == ["ageless", "2022", "2023", "2024"]


def test_two_repositories_that_share_everything_go_together() -> None:
    building = Building()
    shared = image("M", 10, config("c", 10), blob("A", 1000))
    building.tag("mirror", "1", shared)
    building.tag("origin", "1", shared)
    building.tag("other", "1", image("N", 5, config("d", 5), blob("B", 90)))
    audit = building.audit()
    plan = audit.free(1000, candidates="repository")
    assert set(plan.to_frame()["repository"]) == {"mirror", "origin"}
    assert plan.freed == 1020


def test_what_is_not_needed_in_the_end_stays() -> None:
    building = Building()
    for tag, size in (("small", 10), ("large", 1000)):
        building.tag("r", tag, image(tag, 0, config(tag, 0), blob(tag + " layer", size)))
        building.tag("r", tag + " alias", image(tag, 0, config(tag, 0), blob(tag + " layer", size)))
    building.tag("r", "extra", image("extra", 0, config("e", 0), blob("extra layer", 600)))
    labels = pd.Series(["e", "l", "m", "s", "s"])
    audit = building.audit()
    assert tags(audit.free(500, candidates=labels)) == ["extra"]
    assert tags(audit.free(1000, candidates=labels)) == ["large", "large alias"]


def test_tags_that_free_nothing_are_left_alone() -> None:
    building = Building()
    child = image("child", 5, config("c", 5), blob("A", 100))
    building.tag("r", "amd", child)
    building.tag("r", "keep", index("top", 7, child.descriptor))
    building.tag("r", "old", image("old", 0, config("d", 0), blob("B", 50)))
    plan = building.audit().free(10**6, keep="keep", candidates="repository")
    assert tags(plan) == ["old"]


def test_what_is_kept_stays_whichever_way_it_is_named() -> None:
    audit = months()
    everything = 10**9
    for keep in ("2-*", ["r:2-0", "r:2-?"], "*:2-0", audit.tags["tag"].str.startswith("2")):
        plan = audit.free(everything, keep=keep)
        assert tags(plan) == ["1-0", "1-1", "3-0", "3-1", "3-2"]
        assert "of the 1.0 GB asked for" in plan.warnings[-1]
    assert tags(audit.free(everything, keep="r2:*"))[0] == "1-0"


def test_a_glob_that_protects_nothing_is_told_of() -> None:
    plan = months().free(900, keep=["lates", "2-0"])
    assert "keep='lates'" in plan.warnings[0]
    assert plan.freed < 900


def test_candidates_are_months_repositories_or_labels_of_all_tags() -> None:
    audit = months()
    with pytest.raises(ValueError, match="month or repository"):
        audit.free(1, candidates="week")  # type: ignore[arg-type]
    for many in (["month"] * 1000, np.zeros(1000), audit.tags):
        with pytest.raises(ValueError, match="month or repository") as caught:
            audit.free(1, candidates=many)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 200
    with pytest.raises(ValueError, match="not aligned"):
        audit.free(1, candidates=pd.Series(["a"]))
    with pytest.raises(ValueError, match="not aligned"):
        audit.free(1, keep=pd.Series([True]))
    labels = audit.tags["tag"].where(audit.tags["tag"] == "3-1")
    assert tags(audit.free(10**6, candidates=labels)) == ["3-1"]
    assert tags(Building().audit().free(5)) == []


@settings(max_examples=100)
@given(worlds(), st.sampled_from(sorted(PRESETS)), st.randoms(use_true_random=False), st.data())
def test_the_target_is_reached_where_it_can_be_and_no_cohort_goes_for_nothing(
    world: World, name: str, chance: random.Random, data: st.DataObject
) -> None:
    audit = world.audit().with_policy(name)
    labels = pd.Series([chance.choice([None, "x", "y", "z"]) for _ in range(len(audit.tags))])
    kept = pd.Series([chance.random() < 0.2 for _ in range(len(audit.tags))], dtype=bool)
    roots = audit.tags["kind"] == "normal"
    if audit.policy.attachments == "roots":
        roots |= True
    free = roots & labels.notna() & ~kept
    most = audit.plan_delete(mask=free).freed
    target = data.draw(st.integers(1, max(most, 1) + 1))
    plan = audit.free(target, keep=kept, candidates=labels.astype("str").where(labels.notna()))
    assert (plan.freed >= target) == (most >= target)
    assert any("asked for" in one for one in plan.warnings) == (most < target)
    chosen = plan.to_frame().query("reason == 'selected'")
    names = pd.MultiIndex.from_frame(chosen[["repository", "tag"]])
    goes = pd.MultiIndex.from_frame(audit.tags[["repository", "tag"]]).isin(names)
    assert not (goes & ~free).any()
    if most < target:
        assert plan.freed == most
        return
    for label in set(labels[goes]):
        assert audit.plan_delete(mask=pd.Series(goes) & (labels != label)).freed < target
