"""Usage at every level, against plain sets and fractions, and by examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from regnb.audit.answers.owners import Owners
from regnb.audit.audit import Audit
from regnb.audit.kernel import usage as kernel
from regnb.model.descriptor import Descriptor
from regnb.model.image_config import ImageConfig
from regnb.model.manifest import ImageManifest, Manifest
from regnb.model.platform import Platform
from regnb.model.reference import referrers_tag
from tests.audit import reference
from tests.audit.building import Building, blob, config, image, index
from tests.audit.reference import Shelves
from tests.audit.test_usage import audit_of, shelves

TEAMS = (None, "x", "", "y")
OWNERS = {"a/*": "below", "a*": "letter", "b": "nobody"}
LEVELS: dict[str, dict[str, Any]] = {
    **{by: {} for by in ("registry", "namespace", "repository", "tag", "manifest", "platform")},
    "label": {"label": "team"},
    "owner": {"owners": OWNERS},
}
AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64", "v8")
EMPTY = Descriptor("application/vnd.oci.empty.v1+json", blob("{}", 2).digest, 2)
M1 = image("M1", 500, config("c1", 100), blob("A", 1000), blob("B", 300))
M2 = image("M2", 500, config("c2", 110), blob("A", 1000), blob("C", 200))
R = replace(image("R", 450, EMPTY, blob("payload", 2000)), subject=M1.descriptor)


def team_of(manifest: Manifest) -> str | None:
    named = manifest.config.digest if isinstance(manifest, ImageManifest) else manifest.digest
    return TEAMS[int(named[-1], 16) % len(TEAMS)]


def labelled(shelves: Shelves) -> Shelves:
    """With a team for indexes, by annotation; that of images has to come from their configs."""
    manifests = {
        digest: replace(manifest, annotations={"team": team or ""})
        if (team := team_of(manifest)) is not None
        else manifest
        for digest, manifest in shelves.manifests.items()
        if not isinstance(manifest, ImageManifest)
    }
    return replace(shelves, manifests={**shelves.manifests, **manifests}, read=read(shelves))


def read(shelves: Shelves) -> dict[str, int]:
    """How large the configs are that `with_configs` adds, whatever descriptors say."""
    configs = (m.config for m in shelves.manifests.values() if isinstance(m, ImageManifest))
    return {str(config.digest): int(config.digest[-2:], 16) for config in configs}


def with_configs(audit: Audit, shelves: Shelves) -> Audit:
    inventory, seen, raw = audit._levels.inventory, set(), read(shelves)
    for manifest in shelves.manifests.values():
        if isinstance(manifest, ImageManifest) and manifest.config.digest not in seen:
            seen.add(manifest.config.digest)
            team = team_of(manifest)
            labels = {} if team is None else {"team": team, "z": "other"}
            named = manifest.config.digest
            inventory.add_config(ImageConfig(bytes(raw[named]), named, AMD, labels=labels))
    return audit


def names(shelves: Shelves) -> Mapping[str, Callable[[str, str], str | None]]:
    """What the consumer of a place is called, by level."""

    def owner(repository: str, digest: str) -> str | None:
        return {"a": "letter", "a/b": "below"}.get(repository)

    def platform(repository: str, digest: str) -> str | None:
        return "linux/amd64" if isinstance(shelves.manifests[digest], ImageManifest) else None

    return {
        "namespace": lambda repository, digest: "a" if repository == "a/b" else None,
        "manifest": lambda repository, digest: digest,
        "owner": owner,
        "label": lambda repository, digest: team_of(shelves.manifests[digest]),
        "platform": platform,
    }


def expected(shelves: Shelves, by: str) -> dict[str | None, dict[str, int | Fraction]]:
    reached: dict[str | None, set[str]] = {}
    for (repository, _), documents in reference.consumers(shelves, "repository").items():
        for digest in documents:
            reached.setdefault(names(shelves)[by](repository, digest), set()).add(digest)
    size = reference.sizes(shelves)
    needed = {name: reference.needs(shelves, documents) for name, documents in reached.items()}
    users = {one: [one in blobs for blobs in needed.values()].count(True) for one in size}
    return {
        name: {
            "declared": reference.declares(shelves, reached[name]),
            "stored": sum(size[one] for one in blobs),
            "exclusive": sum(size[one] for one in blobs if users[one] == 1),
            "blob_count": len(blobs),
            "fair": sum((Fraction(size[one], users[one]) for one in blobs), Fraction(0)),
        }
        for name, blobs in needed.items()
    }


@pytest.mark.parametrize("by", ["namespace", "manifest", "owner", "label", "platform"])
@settings(max_examples=60)
@given(shelves())
def test_every_level_equals_plain_sets_and_fractions(by: str, shelves: Shelves) -> None:
    shelves = labelled(shelves)
    usage = with_configs(audit_of(shelves), shelves).usage(by, **LEVELS[by])
    wanted = expected(shelves, by)
    assert len(usage) == len(wanted)
    for row in usage.to_dict("records"):
        numbers = wanted[None if pd.isna(row["key"]) else row["key"]]
        for name in ("declared", "stored", "exclusive", "blob_count"):
            assert row[name] == numbers[name], name
        assert row["shared"] == row["stored"] - row["exclusive"]
        assert abs(Fraction(row["fair"]) - numbers["fair"]) <= numbers["fair"] / 10**12


@settings(max_examples=60)
@given(shelves())
def test_fair_adds_up_at_every_level_and_lies_between(shelves: Shelves) -> None:
    audit = with_configs(audit_of(shelves), shelves)
    stored = int(audit.usage("registry")["stored"].item())
    for by, more in LEVELS.items():
        usage = audit.usage(by, **more)
        room = 1e-12 * usage["stored"]
        assert usage["fair"].sum() == pytest.approx(stored, rel=1e-12, abs=0), by
        assert (usage["exclusive"] <= usage["fair"] + room).all()
        assert (usage["fair"] <= usage["stored"] + room).all()
        assert usage["stored"].is_monotonic_decreasing
        assert set(usage["level"].astype(str)) <= {by}


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize("by", ["repository", "tag", "manifest"])
@settings(max_examples=30)
@given(shelves())
def test_it_is_the_same_how_many_pairs_are_worked_on_at_once(
    by: str, chunk: int, shelves: Shelves
) -> None:
    at_once = audit_of(shelves).usage(by)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "CHUNK", chunk)
        pd.testing.assert_frame_equal(audit_of(shelves).usage(by), at_once)


def keyed(usage: pd.DataFrame, column: str) -> dict[str, int]:
    return dict(zip(usage["key"].fillna("-"), usage[column].tolist(), strict=True))


def two_repositories() -> Building:
    building = Building()
    building.tag("base", "1", M1)
    building.tag("team/app", "1", M2)
    return building


def test_what_is_in_no_namespace_has_a_row_of_its_own() -> None:
    building = two_repositories()
    building.tag("team/web", "1", M2)
    usage = building.audit().usage("namespace")
    assert keyed(usage, "stored") == {"-": 1900, "team": 1810}
    assert keyed(usage, "exclusive") == {"-": 900, "team": 810}


def test_a_manifest_is_one_consumer_however_many_repositories_hold_it() -> None:
    top = index("I", 700, M1.descriptor, M2.descriptor)
    building = Building()
    building.tag("r", "1", top)
    building.hold("r", M1, M2)
    building.tag("s", "1", M1)
    usage = building.audit().usage("manifest")
    assert keyed(usage, "stored") == {M1.digest: 1900, M2.digest: 1810, top.digest: 700}
    assert keyed(usage, "exclusive") == {M1.digest: 900, M2.digest: 810, top.digest: 700}
    assert usage["repository"].fillna("-").tolist() == ["-", "r", "r"]


def test_platforms_come_from_configs_then_from_indexes_and_the_rest_has_none() -> None:
    third = image("M3", 10, config("c3", 1))
    stated = replace(third.descriptor, platform=ARM)
    unknown = Platform("unknown", "unknown")
    attested = image("attestation", 20, config("c4", 4))
    top = index("I", 700, M1.descriptor, stated, replace(attested.descriptor, platform=unknown))
    building = Building()
    building.tag("r", "1", top)
    building.hold("r", M1, third, attested)
    building.inventory.add_config(ImageConfig(bytes(100), M1.config.digest, AMD))
    usage = building.audit().usage("platform")
    assert keyed(usage, "stored") == {"linux/amd64": 1900, "-": 724, "linux/arm64/v8": 11}


def test_labels_are_those_of_configs_and_of_what_has_no_image_config_its_annotations() -> None:
    name = "org.opencontainers.image.vendor"
    noted = replace(image("noted", 7, config("c3", 1)), annotations={name: "not asked"})
    artifact = replace(image("artifact", 9, EMPTY), annotations={name: "=us"})
    building = two_repositories()
    building.tag("base", "noted", noted)
    building.tag("base", "artifact", artifact)
    building.tag("base", "index", index("I", 5))
    for of, label in ((M1, "us"), (M2, "them")):
        told = ImageConfig(bytes(of.config.size), of.config.digest, AMD, labels={name: label})
        building.inventory.add_config(told)
    usage = building.audit().usage("label", label=name)
    assert keyed(usage, "stored") == {"us": 1900, "them": 1810, "-": 13, "=us": 11}


@pytest.mark.parametrize("shape", [dict, pd.Series, lambda of: pd.DataFrame(list(of.items()))])
def test_owners_are_told_by_the_first_pattern_that_matches(shape: Any) -> None:
    building = two_repositories()
    building.tag("team/deep/web", "1", M1)
    building.tag("team/web", "1", M1)
    owners = {"team/app": "apps", "team/*": "team", "*/app": "never", "[!b]*": "never"}
    usage = building.audit().usage("owner", owners=shape(owners))
    assert keyed(usage, "stored") == {"-": 1900, "team": 1900, "apps": 1810}
    assert keyed(usage, "exclusive") == {"-": 0, "team": 0, "apps": 810}


def test_a_pattern_without_wild_cards_waits_for_its_turn() -> None:
    owners = Owners.read({"a?": "first", "ab": "second", "a[*]": "star", "*": "rest"})
    assert owners.of(["ab", "a*", "a", "b/c\n"]) == ["first", "first", "rest", "rest"]
    assert Owners.read({"ab": "second", "a?": "first"}).of(["ab", "ac", "b"]) == [
        *("second", "first"),
        None,
    ]


def test_owners_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="3 columns"):
        Owners.read(pd.DataFrame([["a", "b", "c"]]))
    with pytest.raises(TypeError, match=r"not 'owners.csv'. Read a file with pandas.read_csv"):
        Owners.read("owners.csv")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="text to text"):
        Owners.read({"a": float("nan")})  # type: ignore[dict-item]


def test_each_level_wants_what_belongs_to_it() -> None:
    audit = two_repositories().audit()
    wrong: list[dict[str, Any]] = [
        {"by": "label"},
        {"by": "owner"},
        {"by": "tag", "label": "x"},
        {"by": "label", "label": "x", "owners": OWNERS},
    ]
    for arguments in wrong:
        with pytest.raises(ValueError, match='by="label" needs label='):
            audit.usage(**arguments)


def test_one_label_after_the_other_and_other_owners_are_other_answers() -> None:
    audit = two_repositories().audit()
    assert keyed(audit.usage("owner", owners={"*": "a"}), "stored") == {"a": 2710}
    assert keyed(audit.usage("owner", owners={"*": "b"}), "stored") == {"b": 2710}


def test_e9_what_only_referrers_need_is_told_apart_at_every_level() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("s/t", "1", M1)
    building.hold("r", R)
    audit = building.audit()
    assert audit.usage("registry")["referrer_bytes"].tolist() == [2452]
    assert keyed(audit.usage("repository"), "referrer_bytes") == {"r": 2452, "s/t": 0}
    assert keyed(audit.usage("tag"), "referrer_bytes") == {"r:1": 2452, "s/t:1": 0}
    assert keyed(audit.usage("manifest"), "referrer_bytes") == {M1.digest: 0, R.digest: 2452}
    assert audit.with_policy("tagged-only").usage()["referrer_bytes"].tolist() == [0, 0]


def test_a_referrer_that_has_a_tag_too_adds_nothing() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "sbom", R)
    audit = building.audit()
    assert audit.usage("registry")["referrer_bytes"].tolist() == [0]
    assert keyed(audit.usage("tag"), "referrer_bytes") == {"r:1": 2452, "r:sbom": 0}


def test_orphaned_referrers_that_a_policy_keeps_are_all_of_them_referrer_bytes() -> None:
    building = Building()
    building.tag("r", "1", image("other", 10, EMPTY))
    building.hold("r", R)
    usage = building.audit().with_policy("zot").usage("tag")
    assert keyed(usage, "referrer_bytes") == {"r": 2452, "r:1": 0}


def test_attachments_are_referrer_bytes_of_what_their_name_says() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", referrers_tag(M1.digest) + ".sig", image("S", 30, EMPTY))
    assert building.audit().usage("registry")["referrer_bytes"].tolist() == [32]


def test_rows_of_nobody_come_after_names_of_equal_size() -> None:
    building = Building()
    building.tag("z/1", "1", image("1", 5, EMPTY))
    building.tag("a", "1", image("2", 5, EMPTY))
    assert building.audit().usage("namespace")["key"].fillna("-").tolist() == ["z", "-"]


def test_every_level_has_the_same_typed_columns_also_when_empty() -> None:
    empty, full = Building().audit(), two_repositories().audit()
    dtypes = full.usage().dtypes
    for by, more in LEVELS.items():
        assert empty.usage(by, **more).dtypes.equals(dtypes)
        assert full.usage(by, **more).dtypes.equals(dtypes)
        assert len(empty.usage(by, **more)) == (by == "registry")


def test_repositories_of_which_nothing_is_known_make_no_namespace_and_no_owner() -> None:
    building = two_repositories()
    building.inventory.add_listing("lost/app", "error", -1)
    building.inventory.add_listing("bare/app", "empty", 0)
    building.inventory.add_listing("half/app", "error", -1)
    building.tag("half/app", "1", M2)
    audit = building.audit()
    assert sorted(keyed(audit.usage("namespace"), "stored")) == ["-", "bare", "half", "team"]
    assert sorted(keyed(audit.usage("owner", owners={"lost/*": "x", "*": "y"}), "fair")) == ["y"]


def test_sums_keep_every_byte_above_two_to_the_53_at_every_level() -> None:
    building = Building()
    odd = image("M", 1, config("c", 2), blob("a", 2**54 + 1), blob("b", 2**55 - 1))
    building.tag("r/s", "1", odd)
    building.inventory.add_config(ImageConfig(b"{}", odd.config.digest, AMD, labels={"team": "t"}))
    audit = building.audit()
    for by, more in LEVELS.items():
        usage = audit.usage(by, **more)
        assert usage["stored"].dtype == np.dtype("int64")
        assert usage["stored"].tolist() == [2**55 + 2**54 + 3]
