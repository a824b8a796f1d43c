"""Sharing: the bytes that two repositories both need."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.answers import sharing
from regnb.audit.kernel import overlap as kernel
from regnb.audit.kernel.policy import LivenessPolicy
from regnb.audit.kernel.usage import Pairs
from regnb.errors import TooManyRepositoriesError
from tests.audit import reference
from tests.audit.building import Building, blob, config, image
from tests.audit.generator import SEEDS, generate
from tests.audit.test_invariants import POLICIES, audit_of
from tests.audit.test_tree import M1, M2, rows


@settings(max_examples=80)
@given(SEEDS, POLICIES)
def test_pairs_and_matrix_are_those_of_plain_sets(seed: int, policy: LivenessPolicy) -> None:
    shelves = generate(seed).shelves
    audit = audit_of(shelves, policy)
    reached = reference.consumers(shelves, "repository", policy)
    size = reference.sizes(shelves)
    needed = {name: reference.needs(shelves, held, policy) for (name, _), held in reached.items()}
    expected = {}
    for a, b in combinations(sorted(needed), 2):
        if shared := sum(size[one] for one in needed[a] & needed[b]):
            expected[a, b] = shared
    found = rows(audit.sharing())
    assert {(one["repository_a"], one["repository_b"]): one["shared"] for one in found} == expected
    keys = [(-one["shared"], one["repository_a"], one["repository_b"]) for one in found]
    assert keys == sorted(keys)
    stored = {name: sum(size[one] for one in blobs) for name, blobs in needed.items()}
    for one in found:
        a, b, shared = one["repository_a"], one["repository_b"], one["shared"]
        assert one["containment_a"] == shared / stored[a]
        assert one["containment_b"] == shared / stored[b]
        assert one["jaccard"] == shared / (stored[a] + stored[b] - shared)
    matrix = audit.sharing(matrix=True)
    assert list(matrix.index) == list(matrix.columns)
    for a in matrix.index:
        for b in matrix.columns:
            both = needed.get(a, set()) & needed.get(b, set())
            assert matrix.loc[a, b] == sum(size[one] for one in both)


PAIRS = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 30)), max_size=120)


@settings(max_examples=80)
@given(
    PAIRS,
    st.lists(st.integers(0, 12), unique=True, max_size=13),
    st.sampled_from([0, 1, 3, 100]),
    st.integers(0, 1000),
)
def test_both_ways_of_counting_are_exact(
    pairs: set[tuple[int, int]], chosen: list[int], few: int, seed: int
) -> None:
    """With a limit of 0 all is a product, with 100 none is; sizes are far above 2 ** 53."""
    chance = np.random.default_rng(seed)
    size = chance.integers(0, 2**56, 31)
    table = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_few", lambda count: few)
        patch.setattr(kernel, "CHUNK", 4)
        found = kernel.overlap(
            Pairs(table[:, 0], table[:, 1]), np.array(chosen, dtype=np.int64), size
        )
    needs = [{digest for one, digest in pairs if one == consumer} for consumer in range(13)]
    for row, a in enumerate(chosen):
        for column, b in enumerate(chosen):
            both = needs[a] & needs[b] if a != b else set()
            assert found[row, column] == sum(int(size[digest]) for digest in both)


def test_a_layer_that_all_need_costs_no_step_for_each_two_of_them() -> None:
    """Two hundred repositories with one base: rows of it are multiplied, not paired."""
    building = Building()
    for number in range(200):
        layers = (blob("base", 2**45 + 1), blob(f"own {number % 100}", 10))
        building.tag(f"r{number:03}", "1", image(f"M{number}", 1, config("c", 3), *layers))
    audit = building.audit()
    matrix = audit.sharing(matrix=True)
    assert matrix.shape == (200, 200)
    assert matrix.loc["r000", "r001"] == 2**45 + 4
    assert matrix.loc["r000", "r100"] == 2**45 + 14
    assert matrix.loc["r000", "r000"] == 2**45 + 15
    assert len(audit.sharing()) == 200 * 199 // 2
    assert len(audit.sharing(top=3)) == 3


def building() -> Building:
    building = Building()
    building.tag("team/a", "1", M1)
    building.tag("team/b", "1", M2)
    building.tag("c", "1", M1)
    building.tag("alone", "1", image("Z", 5000, config("c3", 5)))
    return building


def test_those_that_share_most_are_compared_and_patterns_narrow_them() -> None:
    audit = building().audit()
    assert audit.sharing(top=2, matrix=True).index.tolist() == ["c", "team/a"]
    assert len(audit.sharing()) == 3
    of_team = audit.sharing(repositories="team/*")
    assert of_team[["repository_a", "repository_b"]].to_numpy().tolist() == [["team/a", "team/b"]]
    assert audit.sharing(repositories=["c", "team/b"])["shared"].tolist() == [1000]
    assert audit.sharing(repositories=[], matrix=True).shape == (0, 0)


def test_too_many_repositories_are_refused_with_the_ways_to_narrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "MOST", 3)
    audit = building().audit()
    with pytest.raises(TooManyRepositoriesError, match=r"4 .* are too many .* repositories="):
        audit.sharing(top=None)
    assert len(audit.sharing(top=None, repositories="[ct]*")) == 3
    assert len(audit.sharing(top=3)) == 3


def test_nothing_shared_has_the_same_columns() -> None:
    dtypes = building().audit().sharing().dtypes
    assert building().audit().sharing(repositories="alone").dtypes.equals(dtypes)
    assert Building().audit().sharing().dtypes.equals(dtypes)
    assert Building().audit().sharing(matrix=True).empty
