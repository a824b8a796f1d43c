from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from regnb.audit.audit import Audit
from regnb.audit.kernel.seen import Seen
from regnb.frames.audit_schemas import AUDIT_TABLES
from regnb.model import media_types
from regnb.model.descriptor import ATTESTATION, REFERENCE_TYPE, Descriptor
from regnb.model.image_config import ImageConfig
from regnb.model.platform import Platform
from tests.audit.building import FOREIGN, Building, blob, config, digest, image, index

ARM = Platform("linux", "arm64", "v8")
TABLES = [table.name for table in AUDIT_TABLES]
IMAGE = image("M", 500, config("c1", 100), blob("A", 1000), blob("B", 300))


def entry(name: str, platform: Platform | None = None, **annotations: str) -> Descriptor:
    return Descriptor(
        media_types.OCI_MANIFEST, digest(name), 500, annotations=annotations, platform=platform
    )


def company() -> Building:
    """Two repositories, an index with an attestation, a fallback tag, a tag that was lost."""
    attestation = image("att", 400, config("c-att", 90), blob("statement", 10))
    top = index(
        "I", 700, entry("M", ARM), entry("att", None, **{REFERENCE_TYPE: ATTESTATION})
    )  # fmt: skip
    building = Building()
    building.tag("team/app", "v1.2.3", top)
    building.hold("team/app", IMAGE, attestation)
    building.tag("team/app", f"sha256-{'0' * 64}", IMAGE)
    building.tag("base", "latest", IMAGE)
    building.inventory.add_lost_tag("base", "broken", "500 from the registry")
    return building


def test_repositories_are_sorted_and_count_tags_without_attachments() -> None:
    frame = company().audit().repositories
    assert frame["repository"].tolist() == ["base", "team/app"]
    assert frame["namespace"].tolist() == ["", "team"]
    assert frame["depth"].tolist() == [1, 2]
    assert frame["tag_count"].tolist() == [2, 1]
    assert frame["manifest_count"].tolist() == [1, 3]
    assert frame["tags_status"].tolist() == ["ok", "ok"]


def test_a_repository_that_was_not_listed_has_no_numbers_but_a_status() -> None:
    building = company()
    building.inventory.add_listing("closed", "denied", -1)
    audit = building.audit()
    row = audit.repositories.set_index("repository").loc["closed"]
    assert row["tags_status"] == "denied"
    assert pd.isna(row["tag_count"])
    assert "closed" not in set(audit.usage("repository")["repository"])


def test_a_lost_tag_keeps_its_row_with_the_reason_and_has_no_usage() -> None:
    audit = company().audit()
    tags = audit.tags
    assert tags["repository"].tolist() == ["base", "base", "team/app", "team/app"]
    assert tags["tag"].tolist() == ["broken", "latest", f"sha256-{'0' * 64}", "v1.2.3"]
    assert tags["kind"].tolist() == ["normal", "normal", "referrers-fallback", "normal"]
    assert tags["is_semver"].tolist() == [False, False, False, True]
    assert tags["error"].fillna("").tolist() == ["500 from the registry", "", "", ""]
    assert tags["digest"].isna().tolist() == [True, False, False, False]
    assert tags["manifest_size"].tolist() == [pd.NA, 500, 500, 700]
    assert "broken" not in set(audit.usage("tag")["tag"])


def test_manifests_tell_platform_place_and_sizes() -> None:
    building = company()
    moment = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    building.inventory.add_config(
        ImageConfig(bytes(100), digest("c1"), Platform("linux", "amd64"), created=moment)
    )
    audit = building.audit()
    held = audit.repository_manifests
    assert held["repository"].tolist() == ["base", "team/app", "team/app", "team/app"]
    place = held[held["repository"] == "team/app"].set_index("digest").loc[digest("M")]
    rows = audit.manifests.set_index("digest")
    row = rows.loc[digest("M")]
    # The config is about the image itself, the index only says what it takes it for.
    assert (row["os"], row["architecture"], row["created"]) == ("linux", "amd64", moment)
    assert (row["layer_count"], row["declared_size"], row["stored_size"]) == (2, 1400, 1900)
    # Only a tag of its own name would be a root: this one belongs to another manifest.
    assert (place["is_tagged"], place["is_child"], place["tag_count"]) == (True, True, 1)
    assert (place["depth"], place["live"], place["present"]) == (1, True, True)
    top = rows.loc[digest("I")]
    assert (top["kind"], top["child_count"], top["declared_size"]) == ("index", 2, 0)
    assert pd.isna(top["layer_count"])
    assert rows["is_attestation"].to_dict() == {
        digest("M"): False,
        digest("I"): False,
        digest("att"): True,
    }


def test_without_configs_the_platform_is_the_one_that_the_index_states() -> None:
    row = company().audit().manifests.set_index("digest").loc[[digest("M")]].iloc[0]
    assert (row["os"], row["architecture"], row["variant"]) == ("linux", "arm64", "v8")
    assert pd.isna(row["created"])


def test_blobs_count_who_names_and_needs_them() -> None:
    frame = company().audit().blobs.set_index("digest")
    assert frame.index.is_monotonic_increasing
    layer = frame.loc[digest("A")]
    assert (layer["manifest_count"], layer["repository_count"], layer["tag_count"]) == (1, 2, 2)
    assert (layer["is_layer"], layer["is_config"], layer["is_manifest"]) == (True, False, False)
    assert layer["size_source"] == "descriptor"
    document = frame.loc[digest("M")]
    assert (document["manifest_count"], document["is_manifest"]) == (1, True)
    assert (document["size"], document["size_source"]) == (500, "document")


def test_of_two_sizes_of_one_blob_the_larger_counts_and_the_card_says_so() -> None:
    building = Building()
    building.tag("r", "1", image("M1", 1, config("c", 1), blob("A", 1000)))
    building.tag("r", "2", image("M2", 1, config("c", 1), blob("A", 999)))
    audit = building.audit()
    row = audit.blobs.set_index("digest").loc[digest("A")]
    assert row["size_conflict"]
    assert row["size"] == 1000
    assert audit.blobs["size_conflict"].sum() == 1
    assert "1 blob of which descriptors disagree" in audit.card().text()
    plan, other = audit.plan_delete(["r:1", "r:2"]), audit.plan_delete(["r:1"])
    assert not plan.complete
    assert plan.warnings == (
        "Descriptors disagree on the size of 1 blob that would be freed, and the registry has not "
        "said which is right: the largest is counted.",
    )
    assert "(not exact)" in plan.card().text()
    assert (other.complete, other.warnings, other.freed) == (True, (), 1), "it is not freed"


def test_what_the_registry_says_of_a_size_settles_it() -> None:
    building = Building()
    building.tag("r", "1", image("M1", 1, config("c", 1), blob("A", 1000)))
    building.tag("r", "2", image("M2", 1, config("c", 1), blob("A", 999)))
    building.inventory.sizes.append(building.inventory.digests.code(digest("A")), 998)
    audit = building.audit()
    row = audit.blobs.set_index("digest").loc[digest("A")]
    assert (row["size"], row["size_source"], row["size_conflict"]) == (998, "head", True)
    assert "1 blob of which a descriptor states a wrong size" in audit.card().text()
    plan = audit.plan_delete(repositories="r")
    assert (plan.complete, plan.warnings, plan.freed) == (True, (), 1001)


def test_a_manifest_that_was_read_has_its_own_size_whatever_an_index_says() -> None:
    building = Building()
    building.tag("r", "1", index("I", 700, Descriptor(IMAGE.media_type, IMAGE.digest, 9999)))
    building.hold("r", IMAGE)
    row = building.audit().blobs.set_index("digest").loc[IMAGE.digest]
    assert (row["size"], row["size_conflict"]) == (500, True)


def test_a_config_that_was_read_has_its_own_size_whatever_manifests_say() -> None:
    building = Building()
    lie = image("M", 500, config("c1", 1_000_000), blob("A", 1000))
    building.tag("r", "1", lie)
    building.tag("r", "artifact", image("N", 10, config("c2", 7)))
    assert building.audit().usage("registry")["stored"].tolist() == [1_001_517], "nothing was read"
    read = ImageConfig(bytes(267), lie.config.digest, Platform("linux", "amd64"))
    building.inventory.add_config(read)
    audit = building.audit()
    row = audit.blobs.set_index("digest").loc[lie.config.digest]
    assert (row["size"], row["size_source"], row["size_conflict"]) == (267, "document", True)
    assert audit.configs["size"].tolist() == [267]
    assert audit.usage("registry")["stored"].tolist() == [1784]
    assert audit.usage("registry")["declared"].tolist() == [1_001_007], "that is what they say"
    other = audit.blobs.set_index("digest").loc[digest("c2")]
    assert (other["size_source"], other["size_conflict"]) == ("descriptor", False)


def test_an_absent_child_is_as_deep_as_the_nearest_index_that_names_it() -> None:
    gone = entry("gone")
    inner = index("inner", 10, gone)
    outer = index("outer", 10, inner.descriptor, gone)
    for tagged in ((outer,), (outer, inner)):
        building = Building()
        for number, manifest in enumerate(tagged):
            building.tag("r", str(number), manifest)
        building.hold("r", inner)
        building.lack("r", inner, gone.digest)
        rows = building.audit().repository_manifests.set_index("digest")
        assert rows.loc[gone.digest, "depth"] == 1
        assert rows.loc[inner.digest, "depth"] == 2 - len(tagged)


def test_a_blob_is_foreign_only_where_nothing_names_it_as_lying_here() -> None:
    building = Building()
    elsewhere = blob("A", 10, FOREIGN)
    building.tag("r", "1", image("M", 1, config("A", 10), elsewhere, blob("B", 5, FOREIGN)))
    rows = building.audit().blobs.set_index("digest")
    row, other = rows.loc[digest("A")], rows.loc[digest("B")]
    assert (row["is_config"], row["is_layer"], row["foreign"], row["live"]) == (
        True,
        True,
        False,
        True,
    )
    assert (other["is_layer"], other["foreign"], other["live"]) == (True, True, False)


def test_empty_tables_have_the_columns_and_dtypes_of_full_ones() -> None:
    empty, full = Building().audit(), company().audit()
    for name in TABLES:
        ours, theirs = getattr(empty, name), getattr(full, name)
        assert isinstance(ours, pd.DataFrame)
        assert len(ours) == (name == "snapshot")
        assert ours.dtypes.equals(theirs.dtypes)
        assert theirs.attrs["regnb"]["registry"] == "registry.example"


def test_text_that_is_no_utf_8_does_not_break_a_table() -> None:
    building = Building()
    building.tag("r", "1", image("M", 1, config("c", 1, media_type="half \ud800")))
    assert building.audit().manifests["artifact_type"].tolist() == ["half ?"]


def test_the_card_says_what_is_there_and_what_cannot_be_seen() -> None:
    audit = company().audit()
    text = audit.card().text()
    assert "complete" in text
    assert "untagged manifests" in text
    assert "unfinished uploads" in text
    assert "team/app" in text
    assert repr(audit).startswith("<Audit registry.example 4 tags")
    assert "not complete" not in repr(audit)
    assert audit._repr_html_().startswith("<")


def test_a_walk_that_was_stopped_is_not_complete() -> None:
    building = company()
    building.inventory.finish(finished=False)
    audit = Audit(Seen(building.inventory))
    assert not audit.complete
    assert "it was stopped" in audit.card().text()
    for line in (repr(audit), str(audit).splitlines()[0]):
        assert line.rstrip(">").endswith("(not complete)"), "a number alone says so, too"


def test_the_card_shows_errors_escaped() -> None:
    building = company()
    building.lack("base", IMAGE, digest("<script>alert(1)</script>"))
    building.inventory.add_lost_tag("base", "x", "<script>alert(1)</script>")
    markup = building.audit()._repr_html_()
    assert "<script" not in markup
    assert "MANIFEST_UNKNOWN" in markup
