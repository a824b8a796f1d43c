from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.manifest import Manifest
from tests.audit import reference
from tests.audit.agreeing import agree
from tests.audit.building import FOREIGN, Building, blob, config, digest, image, index
from tests.audit.reference import Shelves

LEVELS = ("registry", "repository", "tag")
REPOSITORIES = ("a", "a/b", "c")
# A few names for everything, so that one digest gets several roles and sizes.
NAMES = st.sampled_from([f"blob {number}" for number in range(6)])
SIZES = st.one_of(st.integers(0, 5), st.integers(2**52, 2**55))


@st.composite
def descriptors(draw: st.DrawFn) -> Descriptor:
    media_type = draw(st.sampled_from([media_types.OCI_LAYER_GZIP, FOREIGN]))
    urls = draw(st.sampled_from([(), (), ("https://elsewhere.example/",)]))
    return replace(blob(draw(NAMES), draw(SIZES), media_type), urls=urls)


@st.composite
def shelves(draw: st.DrawFn) -> Shelves:
    documents: list[Manifest] = []
    for number in range(draw(st.integers(1, 4))):
        layers = draw(st.lists(descriptors(), max_size=4))
        base = config(draw(NAMES), draw(SIZES))
        documents.append(image(f"image {number}", draw(st.integers(0, 9)), base, *layers))
    for number in range(draw(st.integers(0, 4))):
        # Children may come later or be the index itself: cycles, which no real digest allows.
        names = st.sampled_from(
            [*(document.digest for document in documents), digest("index 3"), digest("gone")]
        )
        entries = [
            Descriptor(media_types.OCI_MANIFEST, name, draw(st.integers(0, 9)))
            for name in draw(st.lists(names, max_size=4))
        ]
        documents.append(index(f"index {number}", draw(st.integers(0, 9)), *entries))
    manifests = {str(document.digest): document for document in documents}
    some: st.SearchStrategy[frozenset[str]] = st.frozensets(st.sampled_from(sorted(manifests)))
    holdings = {repository: draw(some) for repository in REPOSITORIES}
    tags = {}
    for repository in REPOSITORIES:
        for tag in ("1", "2", "latest"):
            if draw(st.booleans()) and holdings[repository]:
                tags[repository, tag] = draw(st.sampled_from(sorted(holdings[repository])))
    return Shelves(manifests, holdings, tags)


def audit_of(shelves: Shelves) -> Audit:
    building = Building()
    for (repository, tag), name in shelves.tags.items():
        building.tag(repository, tag, shelves.manifests[name])
    for repository, held in shelves.holdings.items():
        if any(owner == repository for owner, _ in shelves.tags):
            building.hold(repository, *(shelves.manifests[name] for name in sorted(held)))
    # A walk records only what tags lead to; the sizes of the rest must count in both models.
    for manifest in shelves.manifests.values():
        building.inventory.record(manifest)
    return building.audit()


@settings(max_examples=150)
@given(shelves())
def test_all_numbers_equal_those_of_plain_sets_and_fractions(shelves: Shelves) -> None:
    audit = audit_of(shelves)
    for level in LEVELS:
        agree(audit.usage(level), reference.usage(shelves, level))


@settings(max_examples=50)
@given(shelves())
def test_fair_lies_between_exclusive_and_stored_and_adds_up(shelves: Shelves) -> None:
    audit = audit_of(shelves)
    stored = int(audit.usage("registry")["stored"].sum())
    assert stored == int(audit.blobs[audit.blobs["live"]]["size"].sum())
    for level in LEVELS:
        usage = audit.usage(level)
        room = 1e-12 * usage["stored"]
        assert (usage["exclusive"] <= usage["fair"] + room).all()
        assert (usage["fair"] <= usage["stored"] + room).all()
        assert usage["fair"].sum() == pytest.approx(stored, rel=1e-12, abs=0)


def test_sums_keep_every_byte_above_two_to_the_53() -> None:
    building = Building()
    odd = image("M", 1, config("c", 2**53), blob("a", 2**54 + 1), blob("b", 2))
    building.tag("r", "1", odd)
    stored = building.audit().usage("repository")["stored"]
    assert stored.dtype == np.dtype("int64")
    assert int(stored.iloc[0]) == 2**53 + 2**54 + 4


def test_sizes_that_cannot_be_summed_are_refused_and_the_card_says_so() -> None:
    building = Building()
    building.tag("r", "1", image("M", 1, config("c", 2**63 - 1), blob("a", 2**63 - 1)))
    audit = building.audit()
    with pytest.raises(OverflowError, match="cannot be summed exactly"):
        audit.usage()
    assert "cannot be summed exactly" in audit.card().text()


def test_the_largest_come_first_and_equals_by_name() -> None:
    building = Building()
    for repository, size in (("b", 5), ("a", 5), ("z", 9)):
        building.tag(repository, "1", image(repository, size, config("c", 0)))
    assert list(building.audit().usage("repository")["repository"]) == ["z", "a", "b"]
    assert list(building.audit().usage("tag")["repository"]) == ["z", "a", "b"]


def test_f13_the_order_of_a_walk_changes_no_bit() -> None:
    chance = random.Random(7)
    sizes = [chance.randrange(10**9) for _ in range(300)]
    manifests = {}
    for repository in REPOSITORIES + tuple("defgh"):
        layers = chance.sample(range(300), 200)
        blobs = (blob(str(number), sizes[number]) for number in layers)
        manifests[repository] = image(repository, 3, config("c", 7), *blobs)
    one, other = Building(), Building()
    for repository in sorted(manifests):
        one.tag(repository, "1", manifests[repository])
    for repository in sorted(manifests, reverse=True):
        other.tag(repository, "1", manifests[repository])
    for level in LEVELS:
        assert one.audit().usage(level).equals(other.audit().usage(level))


def test_what_is_no_level_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="registry, namespace, repository, tag"):
        Building().audit().usage("blob")


def test_an_empty_registry_has_typed_columns_and_zeros() -> None:
    empty, full = Building().audit(), Building()
    full.tag("r", "1", image("M", 1, config("c", 1)))
    for level in LEVELS:
        assert empty.usage(level).dtypes.equals(full.audit().usage(level).dtypes)
    assert empty.usage("registry")["stored"].tolist() == [0]
    assert empty.usage("repository").empty
