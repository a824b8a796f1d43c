"""Bundles: blobs by the exact set of those who need them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.kernel import bundles as kernel
from regnb.audit.kernel.arrays import Ints
from regnb.audit.kernel.policy import LivenessPolicy
from tests.audit import reference
from tests.audit.building import Building, blob, config, image
from tests.audit.generator import SEEDS, generate
from tests.audit.test_invariants import POLICIES, audit_of
from tests.audit.test_tree import M1, M2, rows


@settings(max_examples=80)
@given(SEEDS, POLICIES, st.sampled_from(["repository", "tag"]))
def test_bundles_are_those_of_plain_sets(seed: int, policy: LivenessPolicy, by: str) -> None:
    shelves = generate(seed).shelves
    audit = audit_of(shelves, policy)
    users: dict[str, set[str]] = {}
    for (repository, tag), documents in reference.consumers(shelves, by, policy).items():
        for one in reference.needs(shelves, documents, policy):
            users.setdefault(one, set()).add(f"{repository}:{tag}" if tag else repository)
    size = reference.sizes(shelves)
    expected: dict[str, tuple[int, int, int]] = {}
    for one, names in users.items():
        key = " ".join(sorted(names))
        so_far, blobs, _ = expected.get(key, (0, 0, 0))
        expected[key] = (so_far + size[one], blobs + 1, len(names))
    found = rows(audit.bundles(by))
    assert len(found) == len(expected)
    for row in found:
        if row["consumer_count"] <= 10:
            key = " ".join(sorted(row["consumers"].split()))
            assert (row["bytes"], row["blob_count"], row["consumer_count"]) == expected[key]
    assert [one["bytes"] for one in found] == sorted((one["bytes"] for one in found), reverse=True)
    assert sum(one["bytes"] for one in found) == audit.usage("registry")["stored"].item()


def test_e6_what_two_share_is_freed_only_if_both_go() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "2", M2)
    bundles = building.audit().bundles("tag")
    assert list(zip(bundles["consumers"], bundles["bytes"], strict=True)) == [
        ("r:1 r:2", 1000),
        ("r:1", 900),
        ("r:2", 810),
    ]


def test_e2_tags_of_one_manifest_are_consumers_of_their_own() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "latest", M1)
    bundles = building.audit().bundles("tag")
    assert bundles["consumers"].tolist() == ["r:1 r:latest"]
    assert bundles["consumer_count"].tolist() == [2]
    assert bundles["bytes"].tolist() == [1900]


def test_of_many_consumers_the_first_are_named_and_the_others_counted() -> None:
    building = Building()
    for number in range(13):
        building.tag(f"r{number:02}", "1", M1)
    bundles = building.audit().bundles()
    first = " ".join(f"r{number:02}" for number in range(10))
    assert bundles["consumers"].tolist() == [f"{first} … 3 more"]
    assert bundles["consumer_count"].tolist() == [13]


@pytest.mark.parametrize("useless", [1, 3])
def test_no_hash_decides(monkeypatch: pytest.MonkeyPatch, useless: int) -> None:
    honest, salts = kernel._mixed, []

    def mixed(numbers: Ints, salt: int) -> kernel.Hashes:
        salts.append(salt)
        return honest(numbers, salt) * np.uint64(salt >= useless)

    monkeypatch.setattr(kernel, "_mixed", mixed)
    building = Building()
    building.tag("a", "1", M1)
    building.tag("b", "1", M2)
    bundles = building.audit().bundles()
    assert salts == list(range(useless + 1))
    assert bundles["consumers"].tolist() == ["a b", "a", "b"]


def test_another_order_of_the_walk_changes_no_row() -> None:
    """Bundles of equal bytes and of the same first names are told apart by the others' names."""
    names = [f"r{number:02}" for number in range(14)]
    one, other = Building(), Building()
    for building, order in ((one, names), (other, names[::-1])):
        for name in order:
            others = [blob(f"of all but {gone}", 14) for gone in names[10:12] if gone != name]
            for gone in names[12:]:
                others += [blob(f"{n} of all but {gone}", 7) for n in "ab" if gone != name]
            building.tag(name, "1", image(f"of {name}", 3, config("c", 0), *others))
    assert len(one.audit().bundles()) == 14 + 4 + 1
    assert one.audit().bundles().equals(other.audit().bundles())


def test_other_levels_are_refused_and_nothing_has_the_same_columns() -> None:
    empty, building = Building().audit(), Building()
    building.tag("r", "1", M1)
    with pytest.raises(ValueError, match="repository, tag"):
        empty.bundles("manifest")
    assert empty.bundles().empty
    assert empty.bundles().dtypes.equals(building.audit().bundles().dtypes)
