"""What has lost its subject or its entries, and the bytes that it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from regnb.audit.audit import Audit
from regnb.errors import ManifestUnknownError, RegistryUnavailableError
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.manifest import ImageManifest
from regnb.model.reference import referrers_tag
from tests.audit.building import Building, blob, config, digest, image, index

EMPTY = config("{}", 2, media_types.OCI_EMPTY)
LOST = Descriptor(media_types.OCI_MANIFEST, digest("lost"), 500)
M1 = image("M1", 500, config("c1", 100), blob("A", 1000), blob("B", 300))


def about(name: str, subject: Descriptor, size: int = 450, payload: int = 2000) -> ImageManifest:
    made = image(name, size, EMPTY, blob(f"payload of {name}", payload))
    return replace(made, subject=subject, declared_artifact_type="example/sbom")


def rows(audit: Audit) -> list[dict[str, Any]]:
    frame = audit.orphans().drop(columns=["registry"])
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def only(audit: Audit) -> dict[str, Any]:
    (found,) = rows(audit)
    return found


def test_a_tagged_referrer_of_what_is_not_there_is_an_orphan() -> None:
    building = Building()
    building.tag("r", "1", M1)
    orphan = about("R", LOST)
    building.tag("r", "sbom", orphan)
    building.tag("r", "also-sbom", orphan)
    assert only(building.audit()) == {
        "repository": "r",
        "kind": "referrer",
        "tag": "also-sbom",
        "tag_count": 2,
        "digest": orphan.digest,
        "artifact_type": "example/sbom",
        "missing": LOST.digest,
        "missing_count": 1,
        "confirmed": False,
        "manifest_count": 1,
        "stored": 2452,
        "frees": 2452,
    }


def test_what_is_about_a_manifest_that_is_there_is_no_orphan() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "sbom", about("R", M1.descriptor))
    building.tag("r", referrers_tag(M1.digest) + ".sig", image("S", 30, EMPTY))
    building.tag("r", referrers_tag(M1.digest), index("list", 9))
    assert rows(building.audit()) == []


def test_a_subject_that_only_another_repository_holds_is_absent_here() -> None:
    building = Building()
    building.tag("elsewhere", "1", M1)
    building.tag("r", "sbom", about("R", M1.descriptor))
    assert only(building.audit())["missing"] == M1.digest


def test_a_subject_that_was_asked_for_in_vain_is_confirmed_to_be_absent() -> None:
    building = Building()
    orphan = about("R", LOST)
    building.tag("r", "sbom", orphan)
    building.lack("r", orphan, LOST.digest)
    assert only(building.audit())["confirmed"] is True


@pytest.mark.parametrize("end", [".sig", ".att", ""])
def test_an_attachment_of_what_is_not_there_is_an_orphan_under_every_policy(end: str) -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", referrers_tag(LOST.digest) + end, image("S", 30, EMPTY, blob("sig", 5)))
    audit = building.audit()
    for policy in ("oci", "tagged-only", "zot"):
        found = only(audit.with_policy(policy))
        assert (found["kind"], found["missing"]) == ("attachment", LOST.digest)
        assert (found["stored"], found["frees"]) == (37, 37)


def test_the_referrers_in_an_orphaned_fallback_list_are_counted_with_it() -> None:
    building = Building()
    first, second = about("R1", LOST), about("R2", LOST, payload=70)
    listing = index("list", 90, first.descriptor, second.descriptor)
    building.tag("r", referrers_tag(LOST.digest), listing)
    building.hold("r", first, second)
    found = only(building.audit())
    assert (found["kind"], found["digest"]) == ("attachment", listing.digest)
    assert found["manifest_count"] == 3
    assert found["stored"] == found["frees"] == 90 + 2 * 450 + 2 + 2000 + 70


def test_orphans_free_only_what_nothing_else_needs() -> None:
    building = Building()
    building.tag("r", "1", image("alive", 10, config("c1", 100), blob("payload of R1", 2000)))
    building.tag("r", "a", about("R1", LOST))
    building.tag("r", "b", about("R2", LOST, payload=70))
    first, second = rows(building.audit())
    assert (first["stored"], first["frees"]) == (2452, 450)
    assert (second["stored"], second["frees"]) == (522, 520)


def test_an_index_that_lacks_entries_is_told_with_all_of_them() -> None:
    gone = [blob(name, 480, media_types.OCI_MANIFEST) for name in ("GONE", "LEFT")]
    top = index("I", 700, M1.descriptor, *gone, gone[0])
    building = Building()
    building.tag("r", "1", top)
    building.tag("r", "amd", M1)
    for one in gone:
        building.lack("r", top, one.digest)
    found = only(building.audit())
    assert found["missing"] == " ".join(sorted(one.digest for one in gone))
    assert (found["missing_count"], found["confirmed"]) == (2, True)
    assert (found["kind"], found["manifest_count"]) == ("index", 2)
    assert (found["stored"], found["frees"]) == (2600, 700)


def test_an_index_within_another_frees_nothing_alone() -> None:
    gone = blob("GONE", 480, media_types.OCI_MANIFEST)
    inner = index("I", 700, M1.descriptor, gone)
    outer = index("O", 40, inner.descriptor)
    building = Building()
    building.tag("r", "1", outer)
    building.hold("r", inner, M1)
    building.lack("r", inner, gone.digest)
    found = only(building.audit())
    assert (found["digest"], found["tag"]) == (inner.digest, None)
    assert (found["stored"], found["frees"]) == (2600, 0)


def test_an_entry_that_could_not_be_asked_for_is_not_called_absent() -> None:
    unread = blob("UNREAD", 480, media_types.OCI_MANIFEST)
    building = Building()
    building.tag("r", "1", index("I", 700, unread))
    assert rows(building.audit()) == []


def lose(error: Callable[[], Exception]) -> Audit:
    building = Building()
    building.tag("r", "1", M1)
    building.inventory.add_lost_tag("r", "2", "why")
    building.inventory.add_failure(error(), stage="manifest", repository="r", reference="2")  # type: ignore[arg-type]
    return building.audit()


def test_a_tag_that_is_listed_and_names_nothing_is_an_orphan() -> None:
    found = only(lose(lambda: ManifestUnknownError("gone", status=404, code="MANIFEST_UNKNOWN")))
    assert (found["kind"], found["tag"], found["digest"]) == ("tag", "2", None)
    assert (found["tag_count"], found["stored"], found["frees"]) == (1, 0, 0)


def test_a_tag_that_failed_otherwise_may_be_there() -> None:
    assert rows(lose(lambda: RegistryUnavailableError("down", status=503))) == []


def test_orphans_are_sorted_and_an_empty_registry_has_the_same_columns() -> None:
    building = Building()
    for repository in ("b", "a"):
        for tag in ("2", "1"):
            building.tag(repository, tag, about(f"{repository}{tag}", LOST))
        building.tag(repository, referrers_tag(LOST.digest) + ".sig", image("S", 30, EMPTY))
    frame = building.audit().orphans()
    names = list(zip(frame["repository"], frame["kind"], frame["tag"].str[:2], strict=True))
    expected = [("attachment", "sh"), ("referrer", "1"), ("referrer", "2")]
    assert names == [(home, *rest) for home in ("a", "b") for rest in expected]
    empty = Building().audit().orphans()
    assert empty.empty
    assert empty.dtypes.equals(frame.dtypes)
