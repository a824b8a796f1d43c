"""Du: the tree of bytes, against plain sets."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from regnb.audit.kernel.policy import LivenessPolicy
from tests.audit import reference
from tests.audit.building import Building, blob, config, image
from tests.audit.generator import SEEDS, generate
from tests.audit.test_invariants import POLICIES, audit_of

M1 = image("M1", 500, config("c1", 100), blob("A", 1000), blob("B", 300))
M2 = image("M2", 500, config("c2", 110), blob("A", 1000), blob("C", 200))
OWNERS = {"a/*": "below", "team/*": "us"}


def rows(tree: pd.DataFrame) -> list[dict[str, Any]]:
    plain = tree.astype(object).where(tree.notna(), None)
    return [dict(zip(plain.columns, row, strict=True)) for row in plain.itertuples(index=False)]


def below(node: dict[str, Any], repository: str, *, by: str) -> bool:
    """Whether a node stands for a repository, among others or alone."""
    path = node["path"]
    if node["depth"] == 0 or path == repository:
        return bool(node["depth"] == 0 or node["is_repository"] or by == "path")
    if node["is_repository"]:
        return bool(path == f"{repository}/.")
    if by == "path":
        return repository.startswith(f"{path}/")
    owner = {"a": "below", "team": "us"}.get(repository.partition("/")[0])
    return bool(path == (owner if "/" in repository else None))


@pytest.mark.parametrize("by", ["path", "owners"])
@settings(max_examples=60)
@given(SEEDS, POLICIES)
def test_every_node_is_what_plain_sets_say(by: str, seed: int, policy: LivenessPolicy) -> None:
    shelves = generate(seed).shelves
    audit = audit_of(shelves, policy)
    needed = {
        repository: reference.needs(shelves, documents, policy)
        for (repository, _), documents in reference.consumers(shelves, "repository", policy).items()
    }
    size, fair = reference.sizes(shelves), reference.usage(shelves, "repository", policy)
    for node in rows(audit.du("path" if by == "path" else OWNERS)):
        inside = [one for one in needed if below(node, one, by=by)]
        blobs = set().union(*(needed[one] for one in inside))
        outside = set().union(*(needed[one] for one in needed if one not in inside))
        assert node["stored"] == sum(size[one] for one in blobs), node
        assert node["exclusive"] == sum(size[one] for one in blobs - outside), node
        assert node["blob_count"] == len(blobs)
        exact = sum((fair[one, ""].fair for one in inside), Fraction(0))
        assert abs(Fraction(node["fair"]) - exact) <= exact / 10**12


@settings(max_examples=60)
@given(SEEDS)
def test_fair_adds_up_the_tree_and_children_follow_their_parent(seed: int) -> None:
    audit = audit_of(generate(seed).shelves)
    nodes = rows(audit.du())
    above: list[dict[str, Any]] = []
    for node in nodes:
        del above[node["depth"] :]
        assert node["parent"] == (above[-1]["path"] if above else None)
        above.append(node)
    for node in nodes:
        children = [one for one in nodes if one["parent"] == node["path"]]
        assert node["is_repository"] == (not children) or node["depth"] == 0
        if children:
            assert node["fair"] == pytest.approx(sum(one["fair"] for one in children), rel=1e-12)
            assert children == sorted(children, key=lambda one: (-one["fair"], one["path"]))
    leaves = [one for one in nodes if one["is_repository"]]
    assert len(leaves) == len(audit.repositories)


def building() -> Building:
    building = Building()
    building.tag("a", "1", M1)
    building.tag("a/b", "1", M2)
    building.tag("a/b/c", "1", M2)
    building.tag("z", "1", image("Z", 50, config("c3", 5)))
    return building


def test_a_repository_that_is_a_prefix_too_is_a_dot_below_it() -> None:
    nodes = rows(building().audit().du())
    shape = [(one["path"], one["parent"], one["depth"], one["is_repository"]) for one in nodes]
    assert shape == [
        ("", None, 0, False),
        ("a", "", 1, False),
        ("a/b", "a", 2, False),
        ("a/b/.", "a/b", 3, True),
        ("a/b/c", "a/b", 3, True),
        ("a/.", "a", 2, True),
        ("z", "", 1, True),
    ]
    by_path = {one["path"]: one for one in nodes}
    assert by_path["a"]["stored"] == by_path["a"]["exclusive"] == 2710
    assert by_path["a/b"]["stored"] == 1810
    assert by_path["a/b"]["exclusive"] == 810
    assert by_path["a/b/."]["exclusive"] == 0


def test_the_metric_decides_on_the_order_and_the_percentage() -> None:
    tree = building().audit().du(metric="exclusive").set_index("path")
    assert tree["percent"].tolist() == [
        pytest.approx(100 * one / 2765) for one in tree["exclusive"].tolist()
    ]
    stored = building().audit().du(metric="stored")
    assert stored["path"].tolist()[:3] == ["", "a", "a/."]


def test_what_nobody_owns_is_a_node_without_a_name_after_all_owners_of_its_size() -> None:
    equals = Building()
    equals.tag("a", "1", M1)
    equals.tag("z", "1", M1)
    owned = rows(equals.audit().du(by={"z*": "us"}))
    shape = [(one["path"], one["parent"], one["depth"]) for one in owned]
    assert shape == [("", None, 0), ("us", "", 1), ("z", "us", 2), (None, "", 1), ("a", None, 2)]


def test_an_empty_registry_is_one_node_with_the_same_columns() -> None:
    empty = Building().audit().du()
    assert rows(empty)[0] | {"registry": ""} == {
        "registry": "", "path": "", "parent": None, "depth": 0, "is_repository": False,
        "stored": 0, "exclusive": 0, "fair": 0.0, "blob_count": 0, "percent": 0.0,
    }  # fmt: skip
    assert len(empty) == 1
    assert empty.dtypes.equals(building().audit().du().dtypes)


def test_other_trees_and_metrics_are_refused() -> None:
    audit = Building().audit()
    with pytest.raises(ValueError, match='Give "path", or patterns'):
        audit.du("tag")
    with pytest.raises(ValueError, match="stored, exclusive, fair"):
        audit.du(metric="declared")


def test_a_path_of_many_parts_has_a_node_for_each() -> None:
    deep = Building()
    deep.tag("/".join("abcdefghijklmnopqrst"), "1", M1)
    tree = deep.audit().du()
    assert tree["depth"].tolist() == list(range(21))
    assert set(tree["stored"]) == {1900}
