"""What regnb says of a real docker-registry, against what was pushed, skopeo, and the disk."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import regnb
from regnb.client.client import Client
from tests.integration.conftest import PUSHED, noise
from tests.integration.filling import Filled, layout, push, run
from tests.servers import docker_registry

pytestmark = pytest.mark.registry


def test_the_catalog_is_what_was_pushed(client: Client, filled: Filled) -> None:
    catalog = client.catalog()
    assert catalog["repository"].tolist() == sorted(filled.pushed)
    assert set(catalog["registry"]) == {filled.host}


@pytest.mark.parametrize("name", sorted(PUSHED))
def test_the_tags_are_what_was_pushed(client: Client, filled: Filled, name: str) -> None:
    assert client[name].tags()["tag"].tolist() == sorted(filled.pushed[name])


@pytest.mark.parametrize("name", sorted(PUSHED))
def test_layers_are_what_skopeo_reads(client: Client, filled: Filled, name: str) -> None:
    for tag in filled.pushed[name]:
        raw = filled.raw(f"{name}:{tag}")
        expected = [(layer["digest"], layer["size"]) for layer in raw["layers"]]
        assert len(expected) > 1
        layers = client[f"{name}:{tag}"].layers()
        assert list(zip(layers["digest"], layers["size"], strict=True)) == expected
        assert set(layers["created_by"]) == {"umoci insert"}
        assert set(layers["architecture"]) == {"amd64"}


def test_the_digest_is_the_one_that_skopeo_computes(client: Client, filled: Filled) -> None:
    text = run(
        "skopeo",
        "inspect",
        "--tls-verify=false",
        "--format={{.Digest}}",
        f"docker://{filled.host}/team/app:1.0",
    )
    assert client["team/app:1.0"].digest() == text.strip()


def test_details_hold_a_row_for_each_tag_and_the_same_digest_for_the_same_image(
    client: Client, filled: Filled
) -> None:
    details = client["team/app"].tags(details=True, progress=False).set_index("tag")
    assert sorted(details.index) == sorted(filled.pushed["team/app"])
    assert details["digest"]["latest"] == details["digest"]["1.1"]
    assert details["digest"]["latest"] != details["digest"]["1.0"]
    assert details["layer_count"].tolist() == [3, 3, 3]
    assert details["error"].isna().all()


def test_stored_is_the_sum_of_the_blob_files_that_tags_reach(
    client: Client, filled: Filled
) -> None:
    audit = client.audit(progress=False)
    on_disk = filled.blob_sizes()
    assert audit.complete
    assert audit.usage(by="registry")["stored"].item() == sum(on_disk.values())
    assert audit.blobs.set_index("digest")["size"].to_dict() == on_disk


def test_each_repository_stores_the_files_that_it_links(client: Client, filled: Filled) -> None:
    usage = client.audit(progress=False).usage(by="repository").set_index("repository")
    on_disk = filled.blob_sizes()
    repositories = filled.root / "docker/registry/v2/repositories"
    for name in filled.pushed:
        links = [
            *(repositories / name / "_layers").rglob("link"),
            *(repositories / name / "_manifests/revisions").rglob("link"),
        ]
        stored = sum({link.read_text(): on_disk[link.read_text()] for link in links}.values())
        assert usage["stored"][name] == stored


def test_a_tag_whose_child_is_gone_keeps_the_audit_going(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry") as url, regnb.connect(url) as client:
        source = layout(tmp_path / "image", {"1": [{"a": noise("a", 999)}, {"b": noise("b", 99)}]})
        push(source, "1", client.name, "broken/app:1")
        push(source, "1", client.name, "whole/app:1")
        digest = client["broken/app:1"].digest()
        link = f"_manifests/revisions/sha256/{digest.encoded}/link"
        (tmp_path / "registry/docker/registry/v2/repositories/broken/app" / link).unlink()
        audit = client.audit(progress=False)
        assert not audit.complete
        assert audit.errors["repository"].tolist() == ["broken/app"]
        tags = audit.tags.set_index("repository")
        assert tags["digest"].isna().to_dict() == {"broken/app": True, "whole/app": False}
        assert audit.usage(by="registry")["stored"].item() > 0


def test_an_emptied_repository_is_listed_without_tags(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry") as url, regnb.connect(url) as client:
        source = layout(tmp_path / "image", {"1": [{"a": noise("a", 999)}, {"b": noise("b", 99)}]})
        push(source, "1", client.name, "soon/empty:1")
        subprocess.run(
            ["skopeo", "delete", "--tls-verify=false", f"docker://{client.name}/soon/empty:1"],
            check=True,
        )
        assert client.catalog()["repository"].tolist() == ["soon/empty"]
        assert len(client["soon/empty"].tags()) == 0
        assert len(client["soon/empty"].tags(details=True, progress=False)) == 0
        repositories = client.audit(progress=False).repositories
        assert repositories["tags_status"].tolist() == ["empty"]
