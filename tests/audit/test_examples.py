"""The worked examples of the definitions, with their exact numbers."""

from __future__ import annotations

import pandas as pd

from regnb.audit.audit import Audit
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from tests.audit.building import FOREIGN, Building, blob, config, image, index

A, B, C = blob("A", 1000), blob("B", 300), blob("C", 200)
CONFIG_1, CONFIG_2 = config("c1", 100), config("c2", 110)
M1 = image("M1", 500, CONFIG_1, A, B)
M2 = image("M2", 500, CONFIG_2, A, C)


def numbers(audit: Audit, by: str) -> pd.DataFrame:
    usage = audit.usage(by).fillna({"repository": "", "tag": ""})
    return usage.set_index(["repository", "tag"]).sort_index()


def column(audit: Audit, by: str, name: str) -> list[float]:
    return [float(value) for value in numbers(audit, by)[name]]


def total(audit: Audit, name: str) -> float:
    return column(audit, "registry", name)[0]


def test_e1_a_blob_that_is_named_twice_is_stored_once() -> None:
    building = Building()
    building.tag("r", "1", image("M", 500, CONFIG_1, A, A, B))
    audit = building.audit()
    for level in ("registry", "repository", "tag"):
        assert column(audit, level, "declared") == [2400]
        assert column(audit, level, "stored") == [1900]
        assert column(audit, level, "exclusive") == [1900]
        assert column(audit, level, "fair") == [1900]
        assert column(audit, level, "blob_count") == [4]
        assert column(audit, level, "percent") == [100]


def test_e2_two_tags_of_one_manifest_share_all_of_it() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "latest", M1)
    audit = building.audit()
    assert column(audit, "repository", "stored") == [1900]
    assert column(audit, "tag", "stored") == [1900, 1900]
    assert column(audit, "tag", "exclusive") == [0, 0]
    assert column(audit, "tag", "shared") == [1900, 1900]
    assert column(audit, "tag", "fair") == [950, 950]


def test_e3_an_index_and_a_tag_of_one_of_its_children() -> None:
    top = index("I", 700, M1.descriptor, M2.descriptor)
    building = Building()
    building.tag("r", "1", top)
    building.hold("r", M1, M2)
    building.tag("r", "amd", M1)
    audit = building.audit()
    assert column(audit, "tag", "declared") == [2710, 1400]
    assert column(audit, "tag", "stored") == [3410, 1900]
    assert column(audit, "tag", "exclusive") == [1510, 0]
    assert column(audit, "tag", "fair") == [2460, 950]


def test_e4_a_layer_in_two_repositories() -> None:
    building = Building()
    building.tag("r1", "1", M1)
    building.tag("r2", "1", M2)
    audit = building.audit()
    assert column(audit, "repository", "stored") == [1900, 1810]
    assert total(audit, "stored") == 2710
    assert column(audit, "repository", "exclusive") == [900, 810]
    assert column(audit, "repository", "fair") == [1400, 1310]


def test_e5_one_manifest_in_two_repositories() -> None:
    building = Building()
    building.tag("r1", "1", M1)
    building.tag("r2", "1", M1)
    audit = building.audit()
    assert total(audit, "stored") == 1900
    assert total(audit, "declared") == 1400
    assert column(audit, "repository", "stored") == [1900, 1900]
    assert column(audit, "repository", "exclusive") == [0, 0]
    assert column(audit, "repository", "fair") == [950, 950]


def test_e6_exclusive_bytes_of_two_tags_are_less_than_what_both_need() -> None:
    building = Building()
    building.tag("r", "1", M1)
    building.tag("r", "2", M2)
    audit = building.audit()
    assert column(audit, "tag", "exclusive") == [900, 810]
    assert column(audit, "repository", "exclusive") == [2710]


def test_e7_a_missing_child_counts_for_nothing_and_is_an_error() -> None:
    gone = blob("GONE", 480, media_types.OCI_MANIFEST)
    top = index("I", 700, M1.descriptor, gone)
    building = Building()
    building.tag("r", "1", top)
    building.hold("r", M1)
    building.lack("r", top, gone.digest)
    audit = building.audit()
    assert total(audit, "stored") == 2600
    assert list(audit.errors["reference"]) == [gone.digest]
    assert list(audit.errors["parent_digest"]) == [top.digest]
    assert not audit.complete
    assert len(audit.errors) == 1
    (snapshot,) = audit.snapshot.to_dict("records")
    assert (snapshot["complete"], snapshot["finished"], snapshot["error_count"]) == (False, True, 1)
    row = audit.repository_manifests.set_index("digest").loc[gone.digest]
    assert (row["present"], row["live"], row["depth"], row["is_child"]) == (False, False, 1, True)
    assert gone.digest not in set(audit.manifests["digest"])
    blob_row = audit.blobs.set_index("digest").loc[gone.digest]
    assert (blob_row["present"], blob_row["live"], blob_row["size"]) == (False, False, 480)


def test_e7_a_child_that_only_another_repository_holds_counts_for_nothing() -> None:
    top = index("I", 700, M1.descriptor, M2.descriptor)
    building = Building()
    building.tag("r", "1", top)
    building.hold("r", M1)
    building.tag("elsewhere", "1", M2)
    audit = building.audit()
    assert column(audit, "repository", "stored") == [1810, 2600]


def test_e8_nested_indexes_are_followed() -> None:
    inner = index("I", 700, M1.descriptor)
    outer = index("I2", 400, inner.descriptor)
    building = Building()
    building.tag("r", "n", outer)
    building.tag("r", "1", inner)
    building.hold("r", M1)
    audit = building.audit()
    assert column(audit, "tag", "stored") == [2600, 3000]
    assert column(audit, "tag", "exclusive") == [0, 400]
    depth = audit.repository_manifests.set_index("digest")["depth"]
    assert (depth[outer.digest], depth[inner.digest], depth[M1.digest]) == (0, 0, 1)


def test_e10_a_foreign_layer_is_declared_and_not_stored() -> None:
    windows = blob("windows", 1_500_000_000, FOREIGN)
    building = Building()
    building.tag("r", "1", image("M", 600, CONFIG_1, windows, B))
    audit = building.audit()
    assert total(audit, "declared") == 1_500_000_400
    assert total(audit, "stored") == 1000
    row = audit.blobs.set_index("digest").loc[windows.digest]
    assert (row["foreign"], row["live"], row["size"]) == (True, False, 1_500_000_000)
    assert list(audit.manifests["foreign_size"]) == [1_500_000_000]


def test_e10_a_layer_with_urls_is_foreign_only_where_the_registry_lacks_it() -> None:
    layer = Descriptor(B.media_type, B.digest, B.size, urls=("https://elsewhere.example/b",))
    for here, stored in ((True, 1000), (False, 700)):
        building = Building()
        building.tag("r", "1", image("M", 600, CONFIG_1, layer))
        if not here:
            building.inventory.mark_foreign(building.inventory.digests.code(B.digest))
        assert total(building.audit(), "stored") == stored


def test_e11_artifacts_share_the_empty_config() -> None:
    empty = config("{}", 2, media_types.OCI_EMPTY)
    building = Building()
    for number in range(3):
        artifact = image(f"R{number}", 450, empty, blob(f"payload {number}", 10))
        building.tag("r", str(number), artifact)
    audit = building.audit()
    assert total(audit, "stored") == 1382
    assert set(audit.manifests["kind"]) == {"artifact"}


def test_e16_a_digest_that_is_layer_and_config_is_stored_once() -> None:
    as_config = Descriptor(media_types.OCI_CONFIG, A.digest, A.size)
    building = Building()
    building.tag("r", "1", image("M", 500, as_config, A, B))
    audit = building.audit()
    assert total(audit, "stored") == 1800
    assert total(audit, "declared") == 2300
    row = audit.blobs.set_index("digest").loc[A.digest]
    assert row["is_config"]
    assert row["is_layer"]
    assert not row["is_manifest"]
