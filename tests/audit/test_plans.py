"""What a plan of deletions frees, and what else it does: the worked examples, and the edges."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import regnb
from regnb.audit.audit import Audit
from regnb.audit.plans.effect import Semantics
from regnb.errors import InvalidReferenceError, NotInAuditError
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.reference import referrers_tag
from tests.audit.building import Building, blob, config, digest, image, index

A, B, C = blob("A", 1000), blob("B", 300), blob("C", 200)
M1 = image("M1", 500, config("c1", 100), A, B)
M2 = image("M2", 500, config("c2", 110), A, C)
EMPTY = Descriptor(media_types.OCI_EMPTY, blob("{}", 2).digest, 2)
R = replace(image("R", 450, EMPTY, blob("payload", 2000)), subject=M1.descriptor)
SIGNATURE = f"{referrers_tag(M1.digest)}.sig"


def twins() -> Audit:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "latest", M1)
    return building.audit()


def index_and_child() -> Audit:
    building = Building()
    building.tag("r", "1", index("I", 700, M1.descriptor, M2.descriptor))
    building.hold("r", M1, M2)
    building.tag("r", "amd", M1)
    return building.audit()


def signed() -> Audit:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", SIGNATURE, image("S", 30, EMPTY))
    building.hold("r", R)
    return building.audit()


def freed(audit: Audit, *tags: str) -> int:
    return audit.plan_delete([f"r:{tag}" for tag in tags]).freed


def rows(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return list(frame[list(columns)].fillna("").itertuples(index=False, name=None))


def test_e2_of_two_tags_of_one_manifest_both_have_to_go() -> None:
    assert [freed(twins(), "1"), freed(twins(), "latest")] == [0, 0]
    assert freed(twins(), "1", "latest") == 1900


def test_e2_a_tag_that_stays_on_the_digest_is_told_of() -> None:
    collateral = twins().plan_delete("r:1").collateral
    assert rows(collateral, "kind", "tag", "digest") == [("kept-tag", "latest", M1.digest)]


def test_e3_an_index_and_a_tag_of_one_of_its_children() -> None:
    audit = index_and_child()
    assert freed(audit, "1") == 1510
    assert freed(audit, "amd") == 0
    assert freed(audit, "1", "amd") == 3410


def test_e4_a_layer_in_two_repositories_goes_with_the_last() -> None:
    building = Building()
    building.tag("r1", "1", M1)
    building.tag("r2", "1", M2)
    audit = building.audit()
    assert audit.plan_delete(repositories="r1").freed == 900
    assert audit.plan_delete(repositories="r2").freed == 810
    assert audit.plan_delete(repositories=["r?"]).freed == 2710


def test_e5_one_manifest_in_two_repositories() -> None:
    building = Building()
    building.tag("r1", "1", M1)
    building.tag("r2", "1", M1)
    audit = building.audit()
    plan = audit.plan_delete("r1:1", semantics="delete-digest")
    assert plan.freed == 0
    assert rows(plan.manifests, "repository", "is_deleted") == [("r1", True)]
    assert audit.plan_delete(repositories="r*").freed == 1900


def test_e6_two_tags_free_more_than_each_alone() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "2", M2)
    audit = building.audit()
    assert [freed(audit, "1"), freed(audit, "2"), freed(audit, "1", "2")] == [900, 810, 2710]


def test_e6_the_explanation_says_what_frees_what() -> None:
    building = Building()
    for tag, manifest in (("1", M1), ("2", M2)):
        building.tag("r", tag, manifest)
    audit = building.audit()
    both = audit.plan_delete(["r:1", "r:2"]).explain("r:1")
    columns = ("size", "blob_count", "is_freed", "together", "kept")
    assert rows(both, *columns) == [(1000, 1, True, "r:2", ""), (900, 3, True, "", "")]
    alone = audit.plan_delete("r:1").explain("r:1")
    assert rows(alone, *columns) == [(1000, 1, False, "", "r:2"), (900, 3, True, "", "")]


def test_e7_a_plan_of_an_audit_that_is_not_complete_says_so() -> None:
    gone = blob("GONE", 480, media_types.OCI_MANIFEST)
    top = index("I", 700, M1.descriptor, gone)
    building = Building()
    building.tag("r", "1", top)
    building.hold("r", M1)
    building.lack("r", top, gone.digest)
    plan = building.audit().plan_delete("r:1")
    assert plan.freed == 2600
    assert not plan.complete
    assert "not exact" in plan.warnings[0]
    assert "(not exact)" in repr(plan)
    assert "(not exact)" in str(plan)


def test_e8_a_nested_index_frees_itself_alone() -> None:
    inner = index("I", 700, M1.descriptor)
    building = Building()
    building.tag("r", "n", index("I2", 400, inner.descriptor))
    building.tag("r", "1", inner)
    building.hold("r", M1)
    audit = building.audit()
    assert [freed(audit, "n"), freed(audit, "1"), freed(audit, "n", "1")] == [400, 0, 3000]


def test_e9_a_referrer_goes_with_its_subject_or_was_garbage_before() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.hold("r", R)
    audit = building.audit()
    plan = audit.plan_delete("r:1")
    assert (plan.freed, plan.already_garbage) == (4352, 0)
    assert rows(plan.collateral, "kind", "digest", "cause") == [("referrer", R.digest, M1.digest)]
    plan = audit.with_policy("tagged-only").plan_delete("r:1")
    assert (plan.freed, plan.already_garbage) == (1900, 2452)
    assert plan.collateral.empty


def test_e14_what_was_left_behind_by_a_moved_tag_is_garbage_already() -> None:
    building = Building()
    building.tag("r", "dev", M2)
    building.hold("r", M1)
    plan = building.audit().plan_delete("r:dev")
    assert (plan.freed, plan.already_garbage) == (1810, 900)


def test_e17_deleting_a_digest_takes_all_of_its_tags() -> None:
    for plan in (
        twins().plan_delete("r:1", semantics="delete-digest"),
        twins().plan_delete(digests=f"r@{M1.digest}"),
    ):
        assert plan.freed == 1900
        assert set(plan.to_frame()["tag"]) == {"1", "latest"}
        assert set(plan.to_frame()["action"]) == {"delete-digest"}
        assert "lost-tag" in set(plan.collateral["kind"])
        assert len(plan) == 2


def test_e17_an_index_that_stays_loses_the_entry() -> None:
    plan = index_and_child().plan_delete("r:amd", semantics="delete-digest")
    assert plan.freed == 900
    assert rows(plan.collateral, "kind", "digest", "cause") == [
        ("broken-index", digest("I"), M1.digest)
    ]


def test_a_manifest_without_a_tag_is_deleted_by_digest() -> None:
    building = Building()
    building.tag("r", "1", M2)
    building.hold("r", M1)
    audit = building.audit()
    plan = audit.plan_delete(digests=audit.repository_manifests.query("not is_tagged"))
    assert (len(plan), plan.freed, plan.already_garbage) == (1, 0, 900)
    assert rows(plan.to_frame(), "tag", "digest", "action") == [("", M1.digest, "delete-digest")]
    kept = audit.with_policy("distribution-keep-untagged").plan_delete(digests=f"r@{M1.digest}")
    assert (kept.freed, kept.already_garbage) == (900, 0)


def test_where_manifests_are_roots_a_tag_frees_nothing() -> None:
    audit = twins().with_policy("distribution-keep-untagged")
    assert freed(audit, "1", "latest") == 0
    assert audit.plan_delete("r:1", semantics="delete-digest").freed == 1900


def test_a_signature_goes_with_what_it_signs() -> None:
    plan = signed().plan_delete("r:1")
    assert plan.freed == 1900 + 2450 + 2 + 30
    assert rows(plan.to_frame(), "tag", "kind", "reason") == [
        ("1", "normal", "selected"),
        (SIGNATURE, "cosign", "attachment"),
    ]
    assert rows(plan.collateral, "kind", "tag", "cause") == [
        ("attachment", SIGNATURE, M1.digest),
        ("referrer", "", M1.digest),
    ]
    assert len(plan) == 2


def test_a_signature_that_is_a_root_stays_and_is_orphaned() -> None:
    plan = signed().with_policy("distribution-3").plan_delete("r:1", semantics="delete-digest")
    assert plan.freed == 1900
    assert plan.to_frame()["tag"].tolist() == ["1"]
    assert rows(plan.collateral, "kind", "digest") == [("orphan", digest("S"))]


@pytest.mark.parametrize("policy", ["oci", "tagged-only", "zot"])
def test_a_signature_that_is_untagged_is_about_nothing_any_more(policy: str) -> None:
    plan = signed().with_policy(policy).plan_delete([f"r:{SIGNATURE}"])
    assert plan.freed == (32 if policy == "tagged-only" else 30)
    assert rows(plan.explain(f"r:{SIGNATURE}"), "size", "is_freed", "kept")[0] == (
        (32, True, "") if policy == "tagged-only" else (30, True, "")
    )


def test_what_a_tag_says_is_about_an_image_is_so_as_long_as_the_tag_is_there() -> None:
    building = Building()
    plain = image("plain", 40, EMPTY)
    building.tag("r", "1", M1)
    building.tag("r", SIGNATURE, image("S", 30, EMPTY))
    fallback = referrers_tag(M1.digest)
    building.tag("r", fallback, index("list", 90, plain.descriptor))
    building.hold("r", plain)
    for referrer, source in ((digest("S"), "cosign-tag"), (plain.digest, "fallback-tag")):
        building.inventory.add_referrer(
            "r", M1.digest, referrer, artifact_type=None, size=1, source=source
        )
    audit = building.audit()
    assert freed(audit, SIGNATURE) == 30
    assert freed(audit, fallback) == 90 + 40
    assert freed(audit, SIGNATURE, fallback) == 30 + 90 + 40 + 2


@pytest.mark.parametrize("policy", ["oci", "tagged-only", "distribution-2.8", "distribution-3"])
def test_a_tag_whose_manifest_is_needed_by_what_stays_is_told_of(policy: str) -> None:
    plan = index_and_child().with_policy(policy).plan_delete("r:amd")
    assert rows(plan.collateral, "kind", "tag", "digest", "cause") == [
        ("kept-by-index", "amd", M1.digest, digest("I"))
    ]
    assert "docker-registry 2.8) refuses to execute this" in str(plan)
    assert "manifests of 1 tag;" in str(plan)
    assert "kept-by-subject in .collateral." in str(plan)


def test_a_tag_of_what_is_about_an_image_that_stays_is_told_of() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "sbom", R)
    audit = building.audit()
    plan = audit.plan_delete("r:sbom")
    assert rows(plan.collateral, "kind", "tag", "digest", "cause") == [
        ("kept-by-subject", "sbom", R.digest, M1.digest)
    ]
    assert "refuses to execute" in str(plan)
    assert audit.plan_delete(["r:1", "r:sbom"]).collateral.empty


@pytest.mark.parametrize("semantics", ["untag", "delete-digest"])
def test_what_any_registry_can_carry_out_is_not_warned_of(semantics: Semantics) -> None:
    tags = ["r:1", "r:amd"] if semantics == "untag" else ["r:amd"]
    plan = index_and_child().plan_delete(tags, semantics=semantics)
    assert not plan.collateral["kind"].astype(str).str.startswith("kept").any()
    assert "refuses" not in str(plan)


def test_an_index_that_is_deleted_leaves_its_children_to_the_collector() -> None:
    plan = index_and_child().plan_delete("r:1", semantics="delete-digest")
    assert plan.freed == 1510
    assert rows(plan.manifests, "digest", "is_deleted", "was_live") == sorted(
        [(digest("I"), True, True), (M2.digest, False, True)]
    )


def test_all_ways_of_naming_come_to_the_same() -> None:
    audit = index_and_child()
    plans = [
        audit.plan_delete(audit.tags),
        audit.plan_delete(["r:1", "r:amd"]),
        audit.plan_delete(repositories="r"),
        audit.plan_delete(mask=audit.tags["tag"].notna()),
        audit.plan_delete(mask=(audit.tags["tag"] == "1").astype("boolean"), tags="r:amd"),
        audit.plan_delete(audit.usage("tag"), digests=[]),
    ]
    assert {plan.freed for plan in plans} == {3410}
    assert all(plan.to_frame().equals(plans[0].to_frame()) for plan in plans)


def test_unknown_names_are_all_listed() -> None:
    with pytest.raises(NotInAuditError, match=r"r:2, other:1, r@sha256:.*, nothing/\*") as caught:
        twins().plan_delete(
            tags=["r:1", "r:2", "other:1"],
            digests=[f"r@{digest('none')}"],
            repositories=["r", "nothing/*"],
        )
    assert caught.value.names[:2] == ("r:2", "other:1")
    assert isinstance(caught.value, LookupError)


def test_many_unknown_names_are_cut_in_the_message_and_whole_in_the_error() -> None:
    with pytest.raises(NotInAuditError, match="and 40 more") as caught:
        twins().plan_delete([f"r:none-{number}" for number in range(50)])
    assert len(caught.value.names) == 50


def test_what_names_no_tag_or_digest_is_refused() -> None:
    with pytest.raises(InvalidReferenceError, match="names no tag"):
        twins().plan_delete("r")
    with pytest.raises(InvalidReferenceError, match="names no digest"):
        twins().plan_delete(digests="r:1")
    with pytest.raises(ValueError, match="lacks repository"):
        twins().plan_delete(pd.DataFrame({"tag": ["1"]}))
    with pytest.raises(ValueError, match="another registry"):
        twins().plan_delete(twins().tags.assign(registry="elsewhere"))
    with pytest.raises(ValueError, match="untag, delete-digest"):
        twins().plan_delete("r:1", semantics="purge")  # type: ignore[arg-type]


def test_a_mask_has_to_be_of_flags_and_of_the_table_of_tags() -> None:
    audit = twins()
    with pytest.raises(ValueError, match="True and False"):
        audit.plan_delete(mask=audit.tags["tag"])
    with pytest.raises(ValueError, match="not aligned"):
        audit.plan_delete(mask=audit.tags["tag"].notna().iloc[1:])


def test_an_empty_selection_is_an_empty_plan_with_typed_tables() -> None:
    audit = twins()
    empty, full = audit.plan_delete([]), signed().plan_delete("r:1")
    assert (len(empty), empty.freed, empty.complete) == (0, 0, True)
    for name in ("manifests", "blobs", "collateral"):
        assert getattr(empty, name).empty
        assert getattr(empty, name).dtypes.equals(getattr(full, name).dtypes)
    assert empty.to_frame().dtypes.equals(full.to_frame().dtypes)
    assert "0 deletions" in repr(empty)
    assert Building().audit().plan_delete(mask=pd.Series([], dtype=bool)).freed == 0


def test_a_tag_that_could_not_be_read_is_left_out_and_told_of() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.inventory.add_lost_tag("r", "broken", "500 from the registry")
    audit = building.audit()
    plan = audit.plan_delete(repositories="r")
    assert plan.to_frame()["tag"].tolist() == ["1"]
    assert "1 tag could not be read" in " ".join(plan.warnings)
    with pytest.raises(NotInAuditError, match="could not be read"):
        plan.explain("r:broken")


def test_a_plan_of_a_part_of_a_registry_is_not_exact() -> None:
    audit = twins()
    audit._levels.inventory.scope = "repositories r"
    plan = audit.plan_delete("r:1")
    assert not plan.complete
    assert "Only repositories r was audited" in plan.warnings[0]


def test_sizes_that_cannot_be_summed_are_refused() -> None:
    building = Building()
    building.tag("r", "1", image("M", 1, config("c", 2**63 - 1), blob("a", 2**63 - 1)))
    with pytest.raises(OverflowError, match="cannot be summed exactly"):
        building.audit().plan_delete("r:1")


def test_names_of_a_registry_are_shown_and_do_no_harm() -> None:
    plan = signed().plan_delete("r:1")
    assert isinstance(plan, regnb.DeletionPlan)
    assert "what else happens (2" in str(plan)
    assert "<details" in plan._repr_html_()
