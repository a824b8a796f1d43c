"""What holds of the bytes of any registry, whatever is asked and under whichever policy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import OCI, PRESETS, LivenessPolicy
from regnb.model.digest import Digest
from tests.audit import reference
from tests.audit.agreeing import agree
from tests.audit.building import Building
from tests.audit.generator import SEEDS, generate
from tests.audit.reference import Shelves

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
