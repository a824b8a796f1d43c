"""Top: the largest consumers, cumulated and with the rest, against plain sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.kernel.policy import LivenessPolicy
from tests.audit import reference
from tests.audit.building import Building, blob, config, image
from tests.audit.generator import SEEDS, generate
from tests.audit.test_invariants import POLICIES, audit_of
from tests.audit.test_tree import M1, M2, rows

METRICS = ("stored", "exclusive", "fair")


@settings(max_examples=80)
@given(SEEDS, POLICIES, st.sampled_from(["repository", "tag"]), st.integers(1, 4))
def test_rows_together_and_the_rest_are_what_plain_sets_say(
    seed: int, policy: LivenessPolicy, by: str, n: int
) -> None:
    shelves = generate(seed).shelves
    audit = audit_of(shelves, policy)
    reached = reference.consumers(shelves, by, policy)
    size = reference.sizes(shelves)
    needed = {one: reference.needs(shelves, held, policy) for one, held in reached.items()}
    plain = replace(policy, referrers="ignored")
    alone = {
        one: reference.needs(shelves, held, plain)
        for one, held in reference.consumers(shelves, by, plain).items()
    }
    total = sum(size[one] for one in set().union(*needed.values()))

    def bytes_of(blobs: set[str]) -> int:
        return sum(size[one] for one in blobs)

    def union(names: list[tuple[str, str]], needed: dict[Any, set[str]] = needed) -> set[str]:
        return set().union(*(needed.get(one, set()) for one in names))

    for metric in METRICS:
        usage = audit.usage(by).fillna({"repository": "", "tag": ""})
        top = audit.top(n, by=by, metric=metric)
        ranked = usage.sort_values([metric, "repository", "tag"], ascending=[False, True, True])
        names = list(zip(ranked["repository"], ranked["tag"], strict=True))
        shown = rows(top)
        assert [one["key"] for one in shown[:n]] == ranked["key"].tolist()[:n]
        assert [one[metric] for one in shown[:n]] == ranked[metric].tolist()[:n]
        for place, row in enumerate(shown[:n], 1):
            mine = [names[place - 1]]
            assert row["referrer_bytes"] == bytes_of(union(mine) - union(mine, alone))
            first, others = names[:place], names[place:]
            together = {
                "stored": bytes_of(union(first)),
                "exclusive": bytes_of(union(first) - union(others)),
                "fair": float(ranked["fair"][:place].sum()),
            }[metric]
            assert row["rank"] == place
            assert row["cum_percent"] == pytest.approx(100 * together / total if total else 0)
        assert len(shown) == min(n, len(names)) + (len(names) > n)
        if len(names) > n:
            rest, other = names[n:], shown[-1]
            documents = set().union(*(reached.get(one, set()) for one in rest))
            assert (other["rank"], other["key"], other["consumer_count"]) == (
                *(None, "other"),
                len(rest),
            )
            assert other["stored"] == bytes_of(union(rest))
            assert other["exclusive"] == bytes_of(union(rest) - union(names[:n]))
            assert other["referrer_bytes"] == bytes_of(union(rest) - union(rest, alone))
            assert other["shared"] == other["stored"] - other["exclusive"]
            assert other["blob_count"] == len(union(rest))
            assert other["declared"] == reference.declares(shelves, documents)
            assert other["fair"] == pytest.approx(ranked["fair"][n:].sum())
            assert other["cum_percent"] == pytest.approx(100 if total else 0)


def building() -> Building:
    building = Building()
    building.tag("a", "1", M1)
    building.tag("b", "1", M2)
    building.tag("c", "1", M1)
    building.tag("d", "1", image("D", 7, config("c", 0), blob("A", 1000)))
    return building


def test_what_two_share_counts_once_as_stored_and_as_exclusive_when_both_are_there() -> None:
    audit = building().audit()
    stored = audit.top(2)
    assert stored["key"].tolist() == ["a", "c", "other"]
    assert stored["cum_percent"].tolist() == [
        pytest.approx(100 * one / 2717) for one in (1900, 1900, 2717)
    ]
    exclusive = audit.top(3, metric="exclusive")
    assert exclusive["key"].tolist() == ["b", "d", "a", "other"]
    assert exclusive["cum_percent"].tolist() == [
        pytest.approx(100 * one / 2717) for one in (810, 817, 817, 2717)
    ]


def test_all_of_them_leave_no_other_row() -> None:
    top = building().audit().top(4, metric="fair")
    assert top["rank"].tolist() == [1, 2, 3, 4]
    assert top["cum_percent"].iloc[-1] == pytest.approx(100)
    assert len(building().audit().top(400)) == 4


@pytest.mark.parametrize(
    "asked",
    [
        {"by": "namespace"},
        {"by": "manifest"},
        {"by": "label", "label": "x"},
        {"by": "owner", "owners": {"*": "me"}},
        {"by": "registry"},
    ],
)
def test_top_knows_every_level_with_the_same_columns(asked: dict[str, Any]) -> None:
    dtypes = building().audit().top(1).dtypes
    assert building().audit().top(1, **asked).dtypes.equals(dtypes)
    assert Building().audit().top(1, **asked).dtypes.equals(dtypes)


def test_nothing_to_show_and_unknown_metrics_are_refused() -> None:
    audit = building().audit()
    with pytest.raises(ValueError, match="leaves nothing to show"):
        audit.top(0)
    with pytest.raises(ValueError, match="stored, exclusive, fair"):
        audit.top(metric="size")
