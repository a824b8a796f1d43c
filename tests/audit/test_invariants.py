"""What holds of the bytes of any registry, whatever is asked and under whichever policy."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import OCI, PRESETS, LivenessPolicy
from regnb.audit.plans.effect import Semantics
from regnb.audit.plans.face import SEMANTICS
from regnb.audit.plans.plan import DeletionPlan
from regnb.model.digest import Digest
from tests.audit import reference
from tests.audit.agreeing import agree
from tests.audit.building import Building
from tests.audit.collecting import Collected, collect_2, collect_as_specified
from tests.audit.generator import SEEDS, generate, without_garbage
from tests.audit.reference import Shelves, Tag

LEVELS = ("registry", "repository", "tag")
POLICIES = st.sampled_from(list(PRESETS.values()))


def audit_of(shelves: Shelves, policy: LivenessPolicy = OCI) -> Audit:
    """An audit that saw all manifests, as one of a provider that lists them does."""
    building = Building()
    for (repository, tag), digest in shelves.tags.items():
        building.tag(repository, tag, shelves.manifests[digest])
    for repository, held in shelves.holdings.items():
        building.hold(repository, *(shelves.manifests[digest] for digest in sorted(held)))
    for digest in shelves.elsewhere:
        building.inventory.mark_foreign(building.inventory.digests.code(Digest(digest)))
    return building.audit().with_policy(policy)


@settings(max_examples=60)
@given(SEEDS, POLICIES)
def test_usage_is_that_of_plain_sets_under_every_policy(seed: int, policy: LivenessPolicy) -> None:
    stock = generate(seed)
    audit = audit_of(stock.shelves, policy)
    for by in LEVELS:
        usage = audit.usage(by)
        expected = reference.usage(stock.shelves, by, policy)
        if by == "repository":  # those of which nothing is alive have a row too
            usage = usage[usage["blob_count"] > 0]
        agree(usage, expected)


@settings(max_examples=30)
@given(SEEDS, POLICIES)
def test_exclusive_is_at_most_fair_is_at_most_stored_and_fair_adds_up(
    seed: int, policy: LivenessPolicy
) -> None:
    stock = generate(seed)
    audit = audit_of(stock.shelves, policy)
    total = int(audit.usage("registry")["stored"].item())
    assert total == int(audit.blobs.loc[audit.blobs["live"], "size"].sum())
    for by in LEVELS:
        usage = audit.usage(by)
        room = 1e-12 * usage["stored"]
        assert (usage["exclusive"] <= usage["fair"] + room).all()
        assert (usage["fair"] <= usage["stored"] + room).all()
        assert (usage["exclusive"] + usage["shared"] == usage["stored"]).all()
        assert usage["fair"].sum() == pytest.approx(total, rel=1e-12, abs=0)


def some(values: Iterable[Tag], chance: random.Random) -> set[Tag]:
    return {value for value in sorted(values) if chance.random() < chance.choice((0.2, 0.5, 0.9))}


def plan_for(audit: Audit, tags: Iterable[Tag], semantics: Semantics = "untag") -> DeletionPlan:
    return audit.plan_delete([":".join(tag) for tag in tags], semantics=semantics)


@settings(max_examples=60)
@given(SEEDS, POLICIES)
def test_freed_and_what_is_alive_afterwards_add_up_and_plans_free_more_together(
    seed: int, policy: LivenessPolicy
) -> None:
    shelves, chance = generate(seed).shelves, random.Random(seed)
    audit, size = audit_of(shelves, policy), reference.sizes(shelves)
    total = int(audit.usage("registry")["stored"].item())
    # What signs another manifest goes with it, too: freed twice if it is counted apart.
    tags = {tag for tag in shelves.tags if not reference.is_attachment(tag[1])}
    one = some(tags, chance)
    other = some(tags - one, chance)
    freed = [plan_for(audit, chosen).freed for chosen in (one, other, one | other)]
    assert freed[0] + freed[1] <= freed[2] <= total
    for chosen, bytes_freed in zip((one, other, one | other), freed, strict=True):
        left = reference.live_blobs(reference.without(shelves, chosen), policy)
        assert bytes_freed + sum(size[blob] for blob in left) == total
    everything = audit.plan_delete(digests=["@".join(place) for place in sorted(shelves.places)])
    assert everything.freed == total


COLLECTORS: dict[str, Callable[[Shelves, Collection[str]], Collected]] = {
    "distribution-keep-untagged": collect_2,
    "distribution-2.8": partial(collect_2, untagged=True),
    "distribution-3": collect_as_specified,
}


@pytest.mark.parametrize("preset", COLLECTORS)
@pytest.mark.parametrize("semantics", SEMANTICS)
@settings(max_examples=30)
@given(SEEDS)
def test_a_preset_frees_what_its_collector_sweeps_then_and_would_not_have_swept_before(
    preset: str, semantics: Semantics, seed: int
) -> None:
    stock, chance = without_garbage(generate(seed)), random.Random(seed)
    shelves, collect = stock.shelves, COLLECTORS[preset]
    tags = some(shelves.tags, chance)
    deleted = shelves.named(tags) if semantics == "delete-digest" else set()
    before = collect(shelves, stock.files).swept
    after = collect(reference.without(shelves, tags, deleted), stock.files).swept
    plan = plan_for(audit_of(shelves, PRESETS[preset]), tags, semantics)
    assert set(plan.blobs["digest"]) == after - before
    assert plan.freed == sum(len(stock.files[digest]) for digest in after - before)
    assert plan.already_garbage == sum(len(stock.files[digest]) for digest in before)
