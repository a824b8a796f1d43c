"""Columns whose rule a reader would ask about, each on a registry of two or three things."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from regnb.audit.audit import Audit
from regnb.audit.kernel.seen import Seen
from regnb.errors import NotFoundError
from regnb.model import media_types
from regnb.model.descriptor import ATTESTATION, REFERENCE_TYPE, Descriptor
from regnb.model.image_config import HistoryEntry, ImageConfig
from regnb.model.platform import Platform
from regnb.model.reference import referrers_tag
from regnb.walk.inventory import BY_ISIZE, BY_SUBJECT, BY_ZSTD_HEADER, Inventory
from tests.audit.building import Building, blob, config, digest, image, index

IMAGE = image("M", 500, config("c1", 100), blob("A", 1000), blob("B", 300))
LINUX = Platform("linux", "amd64")
EMPTY = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"


def row(frame: pd.DataFrame, **cells: object) -> dict[str, Any]:
    """The one row with these cells."""
    for name, cell in cells.items():
        frame = frame[frame[name] == cell]
    (found,) = frame.to_dict("records")
    return {str(name): cell for name, cell in found.items()}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ((media_types.OCI_LAYER_GZIP,), "gzip"),
        (("application/vnd.docker.image.rootfs.diff.tar.gzip",), "gzip"),
        (("application/vnd.oci.image.layer.v1.tar+zstd",), "zstd"),
        ((media_types.OCI_LAYER,), "none"),
        (("application/vnd.in-toto+json",), "none"),
        (("application/vnd.oci.image.layer.v1.tar+gzip+encrypted",), "unknown"),
        ((media_types.OCI_LAYER, media_types.OCI_LAYER_GZIP), "unknown"),
    ],
)
def test_the_media_types_of_a_layer_say_how_it_is_compressed(
    layers: tuple[str, ...], expected: str
) -> None:
    building = Building()
    named = [blob("A", 10, media_type) for media_type in layers]
    building.tag("r", "1", image("M", 1, config("c", 1), *named))
    blobs = building.audit().blobs
    assert row(blobs, digest=digest("A"))["compression"] == expected
    assert pd.isna(row(blobs, digest=digest("c"))["compression"])


def test_layers_are_as_large_uncompressed_as_they_say_or_as_they_are_stored() -> None:
    building, seen = Building(), ("uncompressed_size", "uncompressed_source")
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    named = [
        blob("plain", 10, media_types.OCI_LAYER), blob("end", 11), blob("header", 12, zstd),
        blob("silent", 13), blob("both", 14), blob("both", 14, media_types.OCI_LAYER),
    ]  # fmt: skip
    building.tag("r", "1", image("M", 1, config("c", 1), *named))
    for name, size, source in (("end", 2**32 - 1, BY_ISIZE), ("header", 2**63 - 1, BY_ZSTD_HEADER)):
        building.inventory.uncompressed.append(
            building.inventory.digests.code(digest(name)), size, source
        )
    blobs = building.audit().blobs
    rows = {name: row(blobs, digest=digest(name)) for name in ("plain", "end", "header")}
    assert {name: tuple(one[column] for column in seen) for name, one in rows.items()} == {
        "plain": (10, "stored"), "end": (2**32 - 1, "isize"), "header": (2**63 - 1, "zstd-header"),
    }  # fmt: skip
    for name in ("silent", "both", "c", "M"):
        assert all(pd.isna(row(blobs, digest=digest(name))[column]) for column in seen)
    assert blobs["uncompressed_size"].dtype == "Int64"


def test_the_name_of_a_tag_tells_its_version_and_what_it_belongs_to() -> None:
    building = Building()
    building.tag("r", "v1.2.3-rc.1", IMAGE)
    attached = referrers_tag(IMAGE.digest)
    building.inventory.add_lost_tag("r", f"{attached}.sig", "gone")
    building.inventory.add_lost_tag("r", f"sha256-{'a' * 64}", "gone")
    building.inventory.add_lost_tag("r", f"sha512-{'b' * 64}", "gone")
    tags = building.audit().tags
    version = row(tags, tag="v1.2.3-rc.1")
    numbers = [version[f"semver_{name}"] for name in ("major", "minor", "patch", "prerelease")]
    assert numbers == [1, 2, 3, "rc.1"]
    assert pd.isna(version["subject"])
    signature = row(tags, tag=f"{attached}.sig")
    assert (signature["kind"], signature["subject"]) == ("cosign", IMAGE.digest)
    assert pd.isna(signature["semver_major"])
    assert row(tags, tag=f"sha256-{'a' * 64}")["subject"] == f"sha256:{'a' * 64}"
    # Half of a sha512 is in the name: that is no digest.
    assert pd.isna(row(tags, tag=f"sha512-{'b' * 64}")["subject"])


def test_what_gave_no_answer_is_a_row_of_which_nothing_is_known() -> None:
    entry = blob("never asked", 42, media_types.OCI_MANIFEST)
    building = Building()
    building.tag("r", "1", index("I", 700, entry))
    audit = building.audit()
    member = row(audit.repository_manifests, digest=entry.digest)
    assert pd.isna(member["present"])
    assert (member["live"], member["depth"], member["source"]) == (False, 1, "child")
    named = row(audit.blobs, digest=entry.digest)
    assert pd.isna(named["present"])
    assert (named["size"], named["is_manifest"], named["live"]) == (42, True, False)


def test_what_only_a_list_of_referrers_names_has_the_size_that_the_list_says() -> None:
    building = Building()
    building.tag("r", "1", IMAGE)
    building.inventory.add_referrer(
        "r", IMAGE.digest, digest("sbom"), artifact_type="application/spdx", size=77, source="api"
    )
    code = building.inventory.digests.code(digest("sbom"))
    building.inventory.add_member("r", code, present=False, source=BY_SUBJECT)
    audit = building.audit()
    referrer = row(audit.referrers, digest=digest("sbom"))
    assert (referrer["artifact_type"], referrer["size"]) == ("application/spdx", 77)
    assert (referrer["subject_present"], referrer["tagged"]) == (True, False)
    member = row(audit.repository_manifests, digest=digest("sbom"))
    assert (member["source"], member["present"], member["is_referrer"]) == ("referrer", False, True)
    named = row(audit.blobs, digest=digest("sbom"))
    assert (named["size"], named["size_source"]) == (77, "descriptor")


def test_e9_a_referrer_whose_subject_is_gone_is_an_orphan() -> None:
    about = Descriptor(media_types.OCI_MANIFEST, digest("gone"), 9)
    orphan = replace(image("R", 450, config("e", 2), blob("P", 2000)), subject=about)
    building = Building()
    building.tag("r", "sbom", orphan)
    audit = building.audit()
    referrer = row(audit.referrers, digest=orphan.digest)
    assert referrer["subject"] == digest("gone")
    assert (referrer["source"], referrer["subject_present"]) == ("subject-field", False)
    assert referrer["tagged"]
    assert digest("gone") not in set(audit.repository_manifests["digest"])


def test_an_attestation_is_about_the_image_that_its_index_says() -> None:
    told = {REFERENCE_TYPE: ATTESTATION, "vnd.docker.reference.digest": IMAGE.digest}
    entry = Descriptor(media_types.OCI_MANIFEST, digest("att"), 400, annotations=told)
    building = Building()
    building.tag("r", "1", index("I", 700, IMAGE.descriptor, entry))
    building.hold("r", IMAGE, image("att", 400, config("c2", 9), blob("statement", 10)))
    audit = building.audit()
    referrer = row(audit.referrers, subject=IMAGE.digest)
    assert (referrer["digest"], referrer["source"]) == (digest("att"), "buildx-index")
    assert row(audit.manifests, digest=digest("att"))["is_attestation"]
    said = row(audit.labels, key=REFERENCE_TYPE)
    assert (said["owner_digest"], said["digest"]) == (digest("I"), digest("att"))
    assert (said["source"], said["kind"], said["position"]) == ("descriptor-annotation", "child", 1)


@pytest.mark.parametrize(
    ("created", "plausible"),
    [
        (datetime(2013, 3, 19, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2013, 3, 20, tzinfo=UTC), True),
        (datetime(2024, 1, 1, tzinfo=UTC), True),
        (datetime(9999, 1, 1, tzinfo=UTC), False),
        (None, pd.NA),
    ],
)
def test_a_time_before_docker_or_after_the_audit_is_not_plausible(
    created: datetime | None, plausible: object
) -> None:
    building = Building()
    building.tag("r", "1", IMAGE)
    building.inventory.add_config(ImageConfig(bytes(100), digest("c1"), LINUX, created=created))
    found = building.audit().configs
    assert found["created_plausible"].tolist() == [plausible]
    assert found["created"].tolist() == [pd.NaT if created is None else created]


def test_a_config_tells_how_its_image_runs_and_whether_the_layers_fit() -> None:
    windows = Platform("windows", "amd64", None, "10.0.17763", ("win32k",))
    full = ImageConfig(
        bytes(100), digest("c1"), windows, author="A", user="root", entrypoint=("run", "it"),
        command=("now",), working_dir="/srv", env=("A=1",), labels={"b": "2", "a": "1"},
        exposed_ports=("80/tcp",), diff_ids=(digest("a"), digest("b")),
        history=(HistoryEntry(created_by="ADD"), HistoryEntry(empty_layer=True), HistoryEntry()),
    )  # fmt: skip
    building = Building()
    building.tag("r", "1", IMAGE)
    building.tag("r", "2", image("other", 10, config("c1", 100), blob("A", 1000)))
    building.tag("r", "3", image("third", 10, config("c2", 100), blob("A", 1000)))
    building.inventory.add_config(full)
    other = ImageConfig(bytes(100), digest("c2"), LINUX, diff_ids=(digest("a"),))
    building.inventory.add_config(other)
    audit = building.audit()
    found = row(audit.configs, digest=digest("c1"))
    assert found["os_version"] == "10.0.17763"
    as_json = ("os_features", "entrypoint", "command", "env", "labels", "exposed_ports")
    assert [json.loads(found[name]) for name in as_json] == [
        ["win32k"], ["run", "it"], ["now"], ["A=1"], {"a": "1", "b": "2"}, ["80/tcp"],
    ]  # fmt: skip
    assert [found[name] for name in ("author", "user", "working_dir")] == ["A", "root", "/srv"]
    counts = ("history_count", "empty_layer_count", "diff_id_count")
    assert [found[name] for name in counts] == [3, 1, 2]
    assert not found["layers_match"]
    plain = row(audit.configs, digest=digest("c2"))
    assert (plain["layers_match"], pd.isna(plain["labels"])) == (True, True)
    # The other manifest with this config has fewer layers: which is which cannot be told.
    layers = audit.layers.groupby("manifest_digest")["diff_id"].agg(list)
    assert layers[IMAGE.digest] == [digest("a"), digest("b")]
    assert layers[digest("third")] == [digest("a")]
    assert pd.isna(layers[digest("other")]).all()


@pytest.mark.parametrize("repeated", [False, True])
def test_sizes_that_cannot_be_summed_are_null_for_the_manifest_that_declares_them(
    repeated: bool,
) -> None:
    layers = [blob("a" if repeated else f"layer {number}", 2**50) for number in range(16_400)]
    building = Building()
    building.tag("r", "good", IMAGE)
    # Sums that come round to what could be true, and one that is as large as may be.
    building.tag("r", "bad", image("bad", 500, config("c1", 100), *layers))
    building.tag("r", "large", image("large", 1, config("c1", 100), *layers[:4095]))
    audit = building.audit()
    good, bad, large = (row(audit.manifests, digest=digest(name)) for name in ("M", "bad", "large"))
    assert (good["declared_size"], good["stored_size"], good["foreign_size"]) == (1400, 1900, 0)
    assert pd.isna([bad["declared_size"], bad["foreign_size"]]).all()
    assert pd.isna(bad["stored_size"]) != repeated
    assert large["declared_size"] == 4095 * 2**50 + 100
    empty = Building().audit().manifests
    assert empty.dtypes.equals(audit.manifests.dtypes)
    assert str(empty["declared_size"].dtype) == "Int64"


def test_the_layer_that_holds_no_file_is_called_empty() -> None:
    building = Building()
    nothing = replace(blob("x", 32), digest=type(digest("x"))(EMPTY))
    building.tag("r", "1", image("M", 1, config("c", 1), blob("A", 10), nothing))
    assert building.audit().layers["is_empty_layer"].tolist() == [False, True]


def test_the_snapshot_says_what_was_asked_and_how_far_it_came() -> None:
    inventory = Inventory("registry.example", url="https://registry.example", now=lambda: 10**15)
    inventory.scope, inventory.stopped = "team/*", "the budget was spent"
    inventory.add_lost_tag("team/app", "1", "gone")
    inventory.finish(finished=False)
    audit = Audit(Seen(inventory))
    (one,) = audit.snapshot.to_dict("records")
    assert (one["registry"], one["url"]) == ("registry.example", "https://registry.example")
    assert (one["scope"], one["stopped"]) == ("team/*", "the budget was spent")
    assert (one["finished"], one["complete"]) == (False, False)
    assert one["visibility"] == audit.visibility
    assert (one["repository_count"], one["tag_count"], one["manifest_count"]) == (1, 1, 0)
    assert json.loads(one["policy"])["name"] == "oci"
    assert one["snapshot_id"].startswith("20010909T014640.000000Z-")
    inventory.scope = ""
    assert Audit(Seen(inventory)).snapshot["snapshot_id"][0] != one["snapshot_id"]


def test_the_list_of_tags_may_be_longer_than_what_was_read() -> None:
    building = Building()
    building.inventory.add_listing("r", "ok", 500)
    building.tag("r", "1", IMAGE)
    found = row(building.audit().repositories, repository="r")
    assert (found["tag_count"], found["listed_tag_count"]) == (1, 500)


def test_the_card_says_what_was_asked_why_it_ended_and_under_which_policy() -> None:
    building = Building()
    building.tag("r", "1", image("M", 500, config("c", 100)))
    building.audit()
    inventory = building.inventory
    inventory.scope, inventory.stopped = "repositories: r*", "budget: 10 requests"
    inventory.add_failure(NotFoundError("gone"), stage="tags", repository="x")
    inventory.finish(finished=False)
    audit = Audit(Seen(inventory)).with_policy("zot")
    text = audit.card().text()
    assert "no: it was stopped (budget: 10 requests), 1 error" in text
    assert "repositories: r*" in text
    assert "zot" in text
    noted = audit.usage("tag").attrs["regnb"]
    assert noted["complete"] is False
    assert noted["scope"] == "repositories: r*"
    assert noted["visibility"] == "tagged-closure"
