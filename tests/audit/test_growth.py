"""What came and went between two audits of one registry."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import OCI, LivenessPolicy
from regnb.audit.kernel.seen import Seen
from regnb.errors import (
    CatalogUnsupportedError,
    IncomparableAuditsError,
    RegistryUnavailableError,
)
from regnb.walk.inventory import Inventory
from tests.audit import reference
from tests.audit.building import Building, blob, config, image, index
from tests.audit.generator import SEEDS, generate
from tests.audit.reference import Shelves
from tests.audit.test_invariants import POLICIES, audit_of
from tests.audit.test_tree import M1, M2, rows


def thinned(shelves: Shelves, seed: int) -> Shelves:
    """The same with some tags gone, and some on other manifests of their repository."""
    chance, tags = random.Random(seed), {}
    for (repository, tag), digest in shelves.tags.items():
        fate = chance.randint(0, 3)
        others = sorted(shelves.holdings[repository])
        if fate:
            tags[repository, tag] = chance.choice(others) if fate == 1 else digest
    return replace(shelves, tags=tags)


@settings(max_examples=80)
@given(SEEDS, st.integers(0, 99), POLICIES)
def test_all_of_it_is_what_plain_sets_say(seed: int, other: int, policy: LivenessPolicy) -> None:
    whole = generate(seed).shelves
    was, now = thinned(whole, other), thinned(whole, other + 1000)
    growth = audit_of(now, policy).since(audit_of(was, policy))
    size = reference.sizes(whole)
    before, after = (reference.live_blobs(one, policy) for one in (was, now))
    assert growth.stored_before == sum(size[one] for one in before)
    assert growth.stored_after == sum(size[one] for one in after)
    assert growth.added == sum(size[one] for one in after - before)
    assert growth.removed == sum(size[one] for one in before - after)
    assert growth.delta == growth.added - growth.removed
    assert growth.complete
    changes = {one["digest"]: one["change"] for one in rows(growth.blobs)}
    assert changes == dict.fromkeys(after - before, "new") | dict.fromkeys(before - after, "gone")
    for row in rows(growth.tags):
        tag = (row["repository"], row["tag"])
        a, b = was.tags.get(tag), now.tags.get(tag)
        assert (row["digest_before"], row["digest_after"]) == (a, b)
        word = "new" if a is None else "removed" if b is None else "moved"
        assert row["change"] == ("unchanged" if a == b else word)
    assert len(growth.tags) == len(was.tags.keys() | now.tags.keys())
    check_repositories(growth.repositories, was, now, policy)
    grown = growth.repositories
    effects = grown["volume_effect"].sum() + grown["sharing_effect"].sum()
    assert effects == pytest.approx(growth.delta, rel=1e-9, abs=1e-6)


def check_repositories(
    table: pd.DataFrame, was: Shelves, now: Shelves, policy: LivenessPolicy
) -> None:
    size = reference.sizes(was)
    needs = [
        {
            name: reference.needs(one, documents, policy)
            for (name, _), documents in reference.consumers(one, "repository", policy).items()
        }
        for one in (was, now)
    ]
    fair = [reference.usage(one, "repository", policy) for one in (was, now)]
    for row in rows(table):
        name = row["repository"]
        a, b = (one.get(name, set()) for one in needs)
        assert row["change"] == "kept"
        assert row["stored_before"] == sum(size[one] for one in a)
        assert row["stored_after"] == sum(size[one] for one in b)
        assert row["added"] == sum(size[one] for one in b - a)
        assert row["removed"] == sum(size[one] for one in a - b)
        shares = [float(one[name, ""].fair) if (name, "") in one else 0.0 for one in fair]
        assert [row["fair_before"], row["fair_after"]] == pytest.approx(shares)
        users = [
            {one: sum(one in held for held in side.values()) for one in size} for side in needs
        ]
        volume = sum(size[one] / users[1][one] for one in b - a)
        volume -= sum(size[one] / users[0][one] for one in a - b)
        assert row["volume_effect"] == pytest.approx(volume)
        effects = row["volume_effect"] + row["sharing_effect"]
        assert effects == pytest.approx(shares[1] - shares[0], abs=1e-6)


def registry(*tags: tuple[str, Any]) -> Building:
    building = Building()
    for name, manifest in tags:
        repository, _, tag = name.partition(":")
        building.tag(repository, tag, manifest)
    return building


def changes(table: pd.DataFrame) -> dict[str, str]:
    names = table["repository"] + (":" + table["tag"] if "tag" in table else "")
    return dict(zip(names, table["change"].astype(str), strict=True))


def test_one_that_dropped_a_shared_layer_leaves_its_share_to_the_others() -> None:
    old = registry(("a:1", M1), ("b:1", M2)).audit()
    new = registry(("a:1", M1)).audit()
    growth = new.since(old)
    assert (growth.added, growth.removed, growth.delta) == (0, 810, -810)
    assert changes(growth.repositories) == {"b": "removed", "a": "kept"}
    table = {row["repository"]: row for row in rows(growth.repositories)}
    assert (table["a"]["volume_effect"], table["a"]["sharing_effect"]) == (0, 500)
    assert (table["b"]["volume_effect"], table["b"]["sharing_effect"]) == (-1310, 0)


def test_e14_a_tag_that_moved() -> None:
    growth = registry(("r:dev", M2)).audit().since(registry(("r:dev", M1)).audit())
    assert changes(growth.tags) == {"r:dev": "moved"}
    assert (growth.added, growth.removed) == (810, 900)


def test_repositories_that_came_are_new_and_those_that_went_removed() -> None:
    growth = registry(("a:1", M1)).audit().since(registry(("b:1", M1)).audit())
    assert changes(growth.repositories) == {"a": "new", "b": "removed"}
    assert changes(growth.tags) == {"a:1": "new", "b:1": "removed"}
    assert growth.blobs.empty
    assert growth.delta == 0


def unlisted(building: Building, repository: str) -> Building:
    error = RegistryUnavailableError("it broke", status=503)
    building.inventory.add_listing(repository, "error", -1)
    building.inventory.add_failure(error, stage="tags", repository=repository)
    return building


def test_what_could_not_be_read_is_unknown_and_not_gone() -> None:
    old = registry(("a:1", M1), ("b:1", M2)).audit()
    new = unlisted(registry(("a:1", M1)), "b").audit()
    growth = new.since(old)
    assert changes(growth.tags) == {"a:1": "unchanged", "b:1": "unknown"}
    assert changes(growth.repositories) == {"a": "kept", "b": "unknown"}
    assert set(growth.blobs["change"]) == {"unknown"}
    assert (growth.removed, growth.unknown_removed) == (810, 810)
    b = growth.repositories.set_index("repository").loc["b"]
    assert b[["stored_after", "removed", "volume_effect"]].isna().all()
    assert b["stored_before"] == 1810
    assert not growth.complete
    assert "could not read 1 repository" in growth.card().text()
    back = old.since(new)
    assert changes(back.tags) == {"a:1": "unchanged", "b:1": "unknown"}
    assert (back.added, back.unknown_added) == (810, 810)


def test_what_another_repository_dropped_for_sure_is_gone() -> None:
    old = registry(("a:1", M1), ("b:1", M2)).audit()
    new = unlisted(registry(("a:2", image("other", 1, config("c", 2)))), "b").audit()
    growth = new.since(old)
    by = dict(zip(growth.blobs["digest"], growth.blobs["change"], strict=True))
    assert by[M1.digest] == "gone"
    assert by[blob("A", 0).digest] == "unknown"
    assert by[M2.digest] == "unknown"


def test_a_tag_that_could_not_be_read_is_unknown_on_either_side() -> None:
    old, new = registry(("a:1", M1), ("a:2", M2)), registry(("a:1", M1))
    new.inventory.add_lost_tag("a", "2", "503")
    failed = RegistryUnavailableError("it broke", status=503)
    new.inventory.add_failure(failed, stage="manifest", repository="a", reference="2")
    there, back = new.audit().since(old.audit()), old.audit().since(new.audit())
    assert changes(there.tags) == changes(back.tags) == {"a:1": "unchanged", "a:2": "unknown"}
    assert set(there.blobs["change"]) == {"unknown"}


def test_a_child_that_its_repository_says_it_lacks_leaves_nothing_unknown() -> None:
    top, gone = index("I", 7, M1.descriptor), image("gone", 3, config("c", 0))
    top = replace(top, manifests=(*top.manifests, gone.descriptor))
    old, new = registry(("r:1", top)), registry(("r:2", top))
    for building in (old, new):
        building.hold("r", M1)
        building.lack("r", top, gone.digest)
    growth = new.audit().since(old.audit())
    assert changes(growth.tags) == {"r:1": "removed", "r:2": "new"}
    assert growth.complete


def stopped(building: Building) -> Audit:
    building.audit()
    building.inventory.finish(finished=False)
    return Audit(Seen(building.inventory))


def test_what_a_stopped_audit_lacks_is_unknown_and_what_it_has_is_compared() -> None:
    old = registry(("a:1", M1), ("a:2", M1), ("b:1", M2)).audit()
    new = stopped(registry(("a:1", M2)))
    growth = new.since(old)
    assert changes(growth.tags) == {"a:1": "moved", "a:2": "unknown", "b:1": "unknown"}
    assert set(growth.repositories["change"]) == {"unknown"}
    assert "was stopped" in growth.card().text()
    assert not growth.complete


def test_a_catalog_that_broke_off_leaves_missing_repositories_unknown() -> None:
    old, new = registry(("a:1", M1), ("b:1", M2)), registry(("a:1", M1))
    new.inventory.add_failure(CatalogUnsupportedError("it broke off"), stage="catalog")
    growth = new.audit().since(old.audit())
    assert changes(growth.repositories) == {"a": "kept", "b": "unknown"}
    assert "could not list all" in growth.card().text()


def test_a_blob_of_another_size_is_resized_and_the_sums_stay_exact() -> None:
    odd = [image("M", 5, config("c", 1), blob("A", size)) for size in (2**53, 2**53 + 1)]
    growth = registry(("r:1", odd[1])).audit().since(registry(("r:1", odd[0])).audit())
    assert growth.blobs["change"].tolist() == ["resized"]
    assert (growth.added, growth.removed, growth.delta) == (1, 0, 1)


def test_other_registries_scopes_and_policies_are_refused() -> None:
    audit = registry(("a:1", M1)).audit()
    other = Building()
    other.inventory = Inventory("other.example")
    with pytest.raises(IncomparableAuditsError, match=r"different registries: 'other.example'"):
        audit.since(other.audit())
    narrow = registry(("a:1", M1))
    narrow.inventory.scope = "repositories: a"
    with pytest.raises(IncomparableAuditsError, match="different scopes: 'repositories: a'"):
        audit.since(narrow.audit())
    with pytest.raises(IncomparableAuditsError, match=r"'zot' and 'oci'.*with_policy\(\)"):
        audit.since(audit.with_policy("zot"))
    with pytest.raises(IncomparableAuditsError, match="two policies of the name 'oci'"):
        audit.since(audit.with_policy(replace(OCI, children="documents")))


def test_the_card_shows_what_changed_most_and_warns_of_swapped_audits() -> None:
    old = registry(("a:1", M1), ("b:1", M2)).audit()
    new = registry(("a:1", M1), ("c:1", M1)).audit()
    text = new.since(old).card().text()
    assert "810 bytes" in text or "810 B" in text
    assert "1 removed" in text
    assert "wrong way round" in old.since(new).card().text()
    assert "<table" in new.since(old)._repr_html_()
    assert repr(new.since(old)).startswith("<Growth registry.example")


def test_nothing_changed_and_nothing_there_have_the_same_columns() -> None:
    full = registry(("a:1", M1)).audit().since(registry(("b:1", M2)).audit())
    empty = Building().audit().since(Building().audit())
    for name in ("blobs", "tags", "repositories"):
        assert getattr(empty, name).dtypes.equals(getattr(full, name).dtypes)
        assert getattr(empty, name).empty
    assert empty.delta == 0
    same = registry(("a:1", M1)).audit()
    assert same.since(same).blobs.empty
    assert same.since(same).repositories["volume_effect"].tolist() == [0]
