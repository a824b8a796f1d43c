"""What a plan of deletions is made from: masks, texts and rows, and what those cannot name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from regnb.audit.audit import Audit
from regnb.errors import InvalidReferenceError, NotInAuditError
from tests.audit.building import Building, blob, config, digest, image, index

A, B, C = blob("A", 1000), blob("B", 300), blob("C", 200)
M1 = image("M1", 500, config("c1", 100), A, B)
M2 = image("M2", 500, config("c2", 110), A, C)


def audit_of(*tagged: str) -> Audit:
    """A registry in which each name has two tags."""
    building = Building()
    for name in tagged:
        building.tag(name, "1", M1)
        building.tag(name, "2", M2)
    return building.audit()


def gone(audit: Audit, *given: Any, **named: Any) -> list[str]:
    frame = audit.plan_delete(*given, **named).to_frame()
    return (frame["repository"] + ":" + frame["tag"]).tolist()


@pytest.mark.parametrize("make", [list, tuple, np.array, pd.array, pd.Index, pd.Series])
def test_a_mask_is_anything_that_holds_a_flag_for_each_tag(make: Any) -> None:
    audit = audit_of("r")
    assert gone(audit, mask=make([False, True])) == ["r:2"]
    assert gone(audit, mask=make([True, True])) == ["r:1", "r:2"]
    assert len(Building().audit().plan_delete(mask=make([False, True])[:0])) == 0
    for wrong in ([True], [True, False, True]):
        with pytest.raises(ValueError, match="not aligned"):
            audit.plan_delete(mask=make(wrong))
    with pytest.raises(ValueError, match="True and False"):
        audit.plan_delete(mask=make([0, 1]))


@pytest.mark.parametrize("wrong", [True, "1", 1, {True}, np.ones((2, 1), bool), [[True], [True]]])
def test_what_is_no_mask_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"True and False|1-dimensional"):
        audit_of("r").plan_delete(mask=wrong)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"tags": 5}, "tags= is repository:tag, several, or rows of a table, and not 5"),
        ({"digests": b"r"}, "digests= is repository@sha256:..., several, or rows of"),
        ({"repositories": 5}, "repositories= is a name or a glob, or several, and not 5"),
        ({"repositories": ["r", None]}, "repositories= is .*; these hold None"),
    ],
)
def test_what_is_no_name_at_all_says_what_is_taken(named: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        audit_of("r").plan_delete(**named)


def test_what_protects_no_tag_says_what_does() -> None:
    audit = audit_of("r")
    for keep, says in ((5, "and not 5"), (["1", 5], "these hold 5")):
        with pytest.raises(TypeError, match=f"keep= is a glob of tags.*{says}"):
            audit.free("1 kB", keep=keep)  # type: ignore[arg-type] # that is the point


def test_a_blob_is_seen_and_is_no_manifest() -> None:
    audit = audit_of("r")
    with pytest.raises(InvalidReferenceError, match="is a blob, not a manifest, as are 1 of"):
        audit.plan_delete(digests=[f"r@{M1.digest}", f"r@{A.digest}"])
    building = Building()
    building.tag("r", "1", index("I", 700, M1.descriptor))
    building.hold("r", M1)
    audit = building.audit()
    risk = audit.gc_risk("2.8")
    assert not risk["is_manifest"].all()
    with pytest.raises(InvalidReferenceError, match="as are 3 of the digests"):
        audit.plan_delete(digests=risk)
    assert audit.plan_delete(digests=risk[risk["is_manifest"]]).freed == 1900


def test_what_is_blob_and_manifest_or_was_only_named_is_told_apart() -> None:
    building = Building()
    lost = blob("lost", 480, "application/vnd.oci.image.manifest.v1+json")
    top = index("I", 700, M1.descriptor, lost)
    building.tag("r", "1", top)
    building.hold("r", M1)
    building.tag("r", "odd", image("odd", 9, config("c3", 5), M1.descriptor))
    building.lack("r", top, lost.digest)
    audit = building.audit()
    assert len(audit.plan_delete(digests=f"r@{M1.digest}")) == 1
    with pytest.raises(NotInAuditError, match="has not seen"):
        audit.plan_delete(digests=f"r@{lost.digest}")


def test_rows_that_name_no_tag_are_not_passed_over() -> None:
    audit = audit_of("r", "s")
    top = audit.top(3, by="tag")
    with pytest.raises(ValueError, match=r"1 row of the table names no tag.*dropna\(subset="):
        audit.plan_delete(top)
    assert len(audit.plan_delete(top.dropna(subset=["repository", "tag"]))) == 3
    building = Building()
    building.tag("r", "1", M2)
    building.hold("r", M1)
    audit = building.audit().with_policy("distribution-keep-untagged")
    with pytest.raises(ValueError, match="Manifests without a tag are named by digests="):
        audit.plan_delete(audit.usage("tag"))


def test_rows_that_name_no_digest_are_not_passed_over() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.inventory.add_lost_tag("r", "broken", "500 from the registry")
    audit = building.audit()
    with pytest.raises(ValueError, match="1 row of the table names no digest"):
        audit.plan_delete(digests=audit.tags)


def test_a_digest_alone_lacks_its_repository() -> None:
    audit = audit_of("r")
    for wrong in (M1.digest, audit.tags["digest"]):
        with pytest.raises(InvalidReferenceError, match="repository is missing") as caught:
            audit.plan_delete(digests=wrong)
        assert "repository@sha256:..." in str(caught.value)
        assert "['repository', 'digest']" in str(caught.value)
    with pytest.raises(InvalidReferenceError, match="repository is missing"):
        audit.plan_delete(M1.digest)
    with pytest.raises(InvalidReferenceError, match=r"\['repository', 'tag'\]"):
        audit.plan_delete(audit.tags["tag"])
    with pytest.raises(InvalidReferenceError, match="nan"):
        audit.plan_delete(audit.tags["tag"].where(audit.tags["tag"].isna()))


def test_a_repository_may_have_the_name_of_an_algorithm() -> None:
    assert gone(audit_of("sha256"), "sha256:1") == ["sha256:1"]


def test_the_name_of_the_registry_may_stand_before_a_name() -> None:
    audit = audit_of("team/api", "r")
    assert gone(audit, "registry.example/team/api:1") == ["team/api:1"]
    assert gone(audit, digests=f"registry.example/r@{digest('M1')}") == ["r:1"]
    assert set(audit.plan_delete("r:1").explain("registry.example/r:1")["tag"]) == {"1"}
    with pytest.raises(NotInAuditError, match="team/none:1"):
        audit.plan_delete("registry.example/team/none:1")
    with pytest.raises(InvalidReferenceError):
        audit.plan_delete("elsewhere.example:443/r:1")


def test_the_name_of_a_registry_with_a_port_is_taken_off() -> None:
    audit = audit_of("r")
    audit._levels.inventory.registry = "localhost:5000"
    assert gone(audit, "localhost:5000/r:1") == ["r:1"]


def test_a_repository_that_begins_like_the_registry_is_not_taken_for_another() -> None:
    audit = audit_of("sample/api", "r")
    audit._levels.inventory.registry = "sample"
    assert gone(audit, "sample/api:1") == ["sample/api:1"]
    assert gone(audit, "sample/sample/api:1") == ["sample/api:1"]
    audit = audit_of("sample/api", "api")
    audit._levels.inventory.registry = "sample"
    with pytest.raises(InvalidReferenceError, match="may mean sample/api and api"):
        audit.plan_delete("sample/api:1")
    assert gone(audit, "sample/sample/api:1") == ["sample/api:1"]
    assert gone(audit, "api:1") == ["api:1"]


def test_globs_of_repositories_are_within_the_registry() -> None:
    audit = audit_of("r")
    audit._levels.inventory.registry = "team"
    with pytest.raises(NotInAuditError, match=r"team/\*"):
        audit.plan_delete(repositories="team/*")
