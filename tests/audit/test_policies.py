"""What is alive under each policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import PRESETS, LivenessPolicy
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.reference import referrers_tag
from tests.audit.building import Building, blob, config, image, index

EMPTY = Descriptor("application/vnd.oci.empty.v1+json", blob("{}", 2).digest, 2)
M1 = image("M1", 500, config("c1", 100), blob("A", 1000), blob("B", 300))
R = replace(image("R", 450, EMPTY, blob("payload", 2000)), subject=M1.descriptor)


def stored(audit: Audit, policy: str | LivenessPolicy) -> int:
    return int(audit.with_policy(policy).usage("registry")["stored"].item())


def test_e9_an_untagged_referrer_is_alive_with_its_subject_or_not_at_all() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.hold("r", R)
    audit = building.audit()
    assert stored(audit, "oci") == 4352
    assert stored(audit, "tagged-only") == 1900
    assert stored(audit, "distribution-3") == 1900
    assert stored(audit, "distribution-keep-untagged") == 4352


def test_a_referrer_of_a_referrer_is_alive_with_it() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.hold("r", R, replace(image("R2", 7, EMPTY), subject=R.descriptor))
    assert stored(building.audit(), "oci") == 4352 + 7


def test_what_is_about_an_absent_manifest_is_alive_where_referrers_are_kept() -> None:
    building = Building()
    building.tag("r", "1", image("other", 10, EMPTY))
    building.hold("r", R)
    audit = building.audit()
    assert stored(audit, "oci") == 12
    assert stored(audit, "zot") == 12 + 2450


@pytest.mark.parametrize("end", ["", ".sig"])
def test_an_attachment_goes_with_its_subject_or_is_a_tag_like_any(end: str) -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", referrers_tag(M1.digest) + end, image("S", 30, EMPTY))
    building.tag("r", "sha256-" + "0" * 64 + end, image("orphan", 40, EMPTY))
    audit = building.audit()
    assert stored(audit, "oci") == 1900 + 32
    assert stored(audit, "tagged-only") == 1900 + 32 + 40
    assert audit.usage("tag")["tag"].tolist() == ["1"]
    assert len(audit.with_policy("tagged-only").usage("tag")) == 3


def test_the_listed_referrers_of_a_repository_count_without_a_subject_field() -> None:
    building = Building()
    building.tag("r", "1", M1)
    artifact = image("S", 30, EMPTY)
    building.hold("r", artifact)
    building.inventory.add_referrer(
        "r", M1.digest, artifact.digest, artifact_type="x/y", size=30, source="api"
    )
    assert stored(building.audit(), "oci") == 1932


def test_distribution_2_8_keeps_the_documents_of_children_and_nothing_of_theirs() -> None:
    building = Building()
    building.tag("r", "1", index("I", 700, M1.descriptor, image("gone", 9, EMPTY).descriptor))
    building.hold("r", M1)
    audit = building.audit()
    assert stored(audit, "distribution-2.8") == 700 + 500
    assert stored(audit, "distribution-3") == 700 + 1900


def test_collectors_keep_a_document_that_an_index_names_wherever_it_lies() -> None:
    building = Building()
    building.tag("r", "1", index("I", 700, M1.descriptor))
    building.tag("other", "1", M1)
    freed = {
        policy: building.audit().with_policy(policy).plan_delete("other:1").freed
        for policy in ("oci", "tagged-only", "distribution-3", "distribution-2.8")
    }
    assert freed == {
        "oci": 1900,
        "tagged-only": 1900,
        "distribution-3": 1400,
        "distribution-2.8": 1400,
    }


def test_what_no_tag_leads_to_has_a_row_of_its_own_where_it_is_kept() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.hold("r", image("untagged", 20, config("c1", 100)))
    audit = building.audit().with_policy("distribution-keep-untagged")
    usage = audit.usage("tag")
    assert usage["tag"].fillna("").tolist() == ["1", ""]
    assert usage["exclusive"].tolist() == [1800, 20]
    assert usage["fair"].sum() == stored(audit, "distribution-keep-untagged") == 1920


def test_policies_have_the_names_that_they_are_found_by() -> None:
    assert all(policy.name == name for name, policy in PRESETS.items())
    mine = LivenessPolicy("mine", "roots only", children="documents", referrers="ignored")
    building = Building()
    building.tag("r", "1", index("I", 700, M1.descriptor))
    building.hold("r", M1)
    assert stored(building.audit(), mine) == 1200
    with pytest.raises(ValueError, match="oci, tagged-only"):
        building.audit().with_policy("none")


def test_media_types_of_attachments_do_not_matter() -> None:
    building = Building()
    building.tag("r", "1", M1)
    fallback = index("list", 90, Descriptor(media_types.OCI_MANIFEST, R.digest, R.size))
    building.tag("r", referrers_tag(M1.digest), fallback)
    building.hold("r", R)
    assert stored(building.audit(), "oci") == 4352 + 90
