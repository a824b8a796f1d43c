"""The samples: the same everywhere, whole, and as odd as they are meant to be."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

import pytest
import requests

from regnb.sample import Served
from regnb.sample.content import fill_samples, sample, samples
from regnb.sample.hostile import TEXTS
from regnb.sample.neglected import withdrawn
from regnb.sample.oddities import EMPTY_LAYER, FOREIGN_LAYER
from regnb.sample.storage import Storage

# One digest hangs on all bytes below it: these change when any sample file, config or step does.
PINNED = {
    "library/alpine:latest": "8bde81940b5f01d9c4e9109e95ca36af9918ec5c93de40b269bb9e6ce3f6cf83",
    "library/python:3.12": "cd2f8117469f10cd1cbcb79877aaf9d297d04ce3fefee1ee8cb432ee8bd7ebc0",
    "team/api:v2.0.0": "cf98e0c8d54731076cbda097cc0a0d4a8af0a3b0ee48eef6b3a4fb1d99131339",
    "team/web:latest": "b8c7fa69415c6de68f5863a0f034da2e4f83a7d8b5d90cd5dde48d0bbec550e4",
    "platform/bundle:latest": "f8ffc5a2d9a7104cb3b4f635da2a45d5de28afe7cf968025ba34d775253677c8",
    "legacy/docker:latest": "df0b1dc48e5a4cad341cc99ac52e9f42185e9adccde012324ef17094c3b00eb8",
    "odd/markup:latest": "3324dae9599be42942ea4fca68be34285f01f4d3976050918c258b3366b6036a",
}

REPOSITORIES = [
    "charts/api",
    "legacy/docker",
    "library/alpine",
    "library/python",
    "odd/emptied",
    "odd/layers",
    "odd/markup",
    "odd/times",
    "platform/agent",
    "platform/bundle",
    "platform/tool",
    "team/api",
    "team/reports",
    "team/web",
    "team/worker",
]


def layers(repository: str, tag: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sample(repository, tag).raw)["layers"]
    return found


def digests(repository: str, tag: str) -> list[str]:
    return [layer["digest"] for layer in layers(repository, tag)]


@pytest.mark.parametrize("reference", PINNED)
def test_a_sample_has_the_same_digest_on_every_machine(reference: str) -> None:
    repository, tag = reference.split(":")
    assert sample(repository, tag).digest == f"sha256:{PINNED[reference]}"


def test_every_descriptor_leads_to_bytes_of_its_digest_and_size() -> None:
    storage = Storage()
    fill_samples(storage)
    checked, gone = 0, {(repository, lost.digest) for repository, lost in withdrawn()}
    for each in samples():
        document = json.loads(each.document.raw)
        for found in [*document.get("layers", []), *filter(None, [document.get("config")])]:
            raw = storage.blob(each.repository, found["digest"])
            if found["digest"] == FOREIGN_LAYER.digest:
                assert raw is None
                continue
            assert raw is not None
            assert len(raw) == found["size"]
            assert f"sha256:{hashlib.sha256(raw).hexdigest()}" == found["digest"]
            checked += 1
        for child in document.get("manifests", []):
            manifest = storage.manifest(each.repository, child["digest"])
            if (each.repository, child["digest"]) in gone:
                assert manifest is None
                continue
            assert manifest is not None
            assert (len(manifest.raw), manifest.media_type) == (child["size"], child["mediaType"])
            checked += 1
    assert checked > 80


def test_every_diff_id_is_the_digest_of_the_uncompressed_layer() -> None:
    image = sample("team/api", "v2.0.0")
    config, *blobs = image.blobs
    diff_ids = json.loads(config.raw or b"")["rootfs"]["diff_ids"]
    plain = [gzip.decompress(blob.raw or b"") for blob in blobs]
    assert len(plain) == 6
    assert [f"sha256:{hashlib.sha256(raw).hexdigest()}" for raw in plain] == diff_ids


def test_the_catalog_is_what_the_docstring_says(filled: Served, session: requests.Session) -> None:
    answer = session.get(f"{filled.url}v2/_catalog")
    assert answer.json() == {"repositories": REPOSITORIES}


def test_images_share_layers_as_in_life() -> None:
    base = digests("library/alpine", "latest")
    python = digests("library/python", "3.12")
    api, web = digests("team/api", "v2.0.0"), digests("team/web", "latest")
    assert python[: len(base)] == base
    assert api[: len(python)] == python
    assert web[: len(python) + 1] == api[: len(python) + 1]
    assert len(set(api) & set(digests("team/api", "v1.2.0"))) == len(python)


def test_several_tags_lead_to_one_digest() -> None:
    tags = {tag for each in samples() if each.repository == "team/api" for tag in each.tags}
    assert {"v2.0.0", "v2", "latest", "stable", "v1.2.0", "v1"} <= tags
    assert sample("team/api", "latest") is sample("team/api", "v2.0.0")


def test_history_has_an_entry_without_layer_for_each_change_of_the_config() -> None:
    config = json.loads(sample("team/api", "v2.0.0").blobs[0].raw or b"")
    with_layer = [step for step in config["history"] if not step.get("empty_layer")]
    assert len(with_layer) == len(config["rootfs"]["diff_ids"]) == 6
    assert len(config["history"]) > len(with_layer)


def test_an_attestation_stands_beside_each_platform() -> None:
    index = json.loads(sample("platform/tool", "latest").raw)
    images, attestations = index["manifests"][:3], index["manifests"][3:]
    assert [image["platform"].get("variant") for image in images] == [None, "v8", "v7"]
    for image, attestation in zip(images, attestations, strict=True):
        assert attestation["platform"] == {"architecture": "unknown", "os": "unknown"}
        assert attestation["annotations"] == {
            "vnd.docker.reference.digest": image["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }


def test_an_index_is_nested_in_another() -> None:
    inner = json.loads(sample("platform/bundle", "latest").raw)["manifests"][0]
    assert inner["digest"] == sample("platform/tool", "latest").digest
    assert inner["mediaType"].endswith("index.v1+json")


def test_the_sbom_is_a_referrer_and_the_signature_a_tag(
    filled: Served, session: requests.Session
) -> None:
    image = sample("team/api", "v2.0.0").digest
    referrers = session.get(f"{filled.url}v2/team/api/referrers/{image}").json()["manifests"]
    assert [referrer["artifactType"] for referrer in referrers] == ["application/spdx+json"]
    signature = sample("team/api", image.replace(":", "-") + ".sig")
    assert "cosign" in json.loads(signature.raw)["layers"][0]["mediaType"]


def test_times_that_cannot_be_true_are_there() -> None:
    created = [
        json.loads(sample("odd/times", tag).blobs[0].raw or b"")["created"][:4]
        for tag in ("zero", "epoch", "future")
    ]
    assert created == ["0001", "1970", "2106"]


def test_an_image_stands_on_a_base_that_its_tag_has_left() -> None:
    report = json.loads(sample("team/reports", "1.0.0").raw)
    old, new = sample("library/python", "3.12.6"), sample("library/python", "3.12")
    named = {key.rpartition(".")[2]: value for key, value in report["annotations"].items()}
    assert named == {"name": "docker.io/library/python:3.12", "digest": old.digest}
    assert old.digest != new.digest
    base = digests("library/python", "3.12.6")
    assert digests("team/reports", "1.0.0")[: len(base)] == base


def test_a_layer_is_stored_twice_with_other_bytes_around_the_same_files() -> None:
    first, second = sample("team/reports", "1.0.0"), sample("team/reports", "1.0.1")
    one, other = first.blobs[-2], second.blobs[-2]
    assert one.diff_id == other.diff_id
    assert one.digest != other.digest
    assert gzip.decompress(one.raw or b"") == gzip.decompress(other.raw or b"")


def test_an_sbom_and_a_signature_have_lost_their_image(
    filled: Served, session: requests.Session
) -> None:
    lost = json.loads(sample("team/reports", "sbom-0.9.0").raw)["subject"]["digest"]
    assert sample("team/reports", lost.replace(":", "-") + ".sig")
    assert session.head(f"{filled.url}v2/team/reports/manifests/{lost}").status_code == 404


def test_an_index_lies_about_one_platform_and_has_lost_another() -> None:
    agent = sample("platform/agent", "2.0.0")
    said = [child["platform"]["architecture"] for child in json.loads(agent.raw)["manifests"]]
    built = [json.loads(child.blobs[0].raw or b"")["architecture"] for child in agent.children]
    assert (said, built) == (["amd64", "arm64", "arm"], ["amd64", "amd64", "arm"])
    assert [document.digest for _, document in withdrawn()] == [agent.children[2].digest]


def test_the_empty_layer_is_the_literal_one() -> None:
    assert gzip.decompress(EMPTY_LAYER.raw or b"") == bytes(1024)
    assert EMPTY_LAYER.digest in digests("odd/layers", "empty")
    assert EMPTY_LAYER.diff_id == f"sha256:{hashlib.sha256(bytes(1024)).hexdigest()}"


def test_a_foreign_layer_is_declared_but_not_held(
    filled: Served, session: requests.Session
) -> None:
    foreign = layers("odd/layers", "foreign")[0]
    assert foreign["urls"]
    assert "foreign" in foreign["mediaType"]
    answer = session.head(f"{filled.url}v2/odd/layers/blobs/{foreign['digest']}")
    assert answer.status_code == 404


def test_the_emptied_repository_is_there_without_tags(
    filled: Served, session: requests.Session
) -> None:
    answer = session.get(f"{filled.url}v2/odd/emptied/tags/list")
    assert (answer.status_code, answer.json()["tags"]) == (200, [])


def test_docker_media_types_are_used_throughout_legacy_docker() -> None:
    index = sample("legacy/docker", "latest")
    texts = [index.raw, *(child.raw for child in index.children)]
    assert len(texts) == 3
    assert all(b"vnd.docker" in text and b"vnd.oci" not in text for text in texts)


def test_every_hostile_text_reaches_every_place_that_takes_text() -> None:
    index = sample("odd/markup", "latest")
    image = index.children[0]
    config = json.loads(image.blobs[0].raw or b"")
    assert {step["created_by"] for step in config["history"]} == set(TEXTS)
    places = [
        json.loads(index.raw)["annotations"],
        json.loads(image.raw)["annotations"],
        config["config"]["Labels"],
    ]
    for place in places:
        assert set(place) == set(place.values()) == set(TEXTS)


def test_an_unknown_sample_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="team/api:absent"):
        sample("team/api", "absent")
