"""What regnb pulls from a real docker-registry, as skopeo, umoci and the disk see it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regnb.errors import ManifestUnknownError
from regnb.model.media_types import DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from tests.integration.conftest import noise
from tests.integration.filling import layout, push, run
from tests.integration.moving import (
    Server,
    check_whole,
    chosen,
    files_of,
    layout_blobs,
    server,
    skopeo_blobs,
    skopeo_copy,
    skopeo_inspect,
    watched,
)

pytestmark = pytest.mark.registry

BASE = {"base.bin": noise("base", 300_000)}
FILES = {"app.bin": noise("app", 50_000), "more.txt": b"more\n"}
MORE = {"arm.bin": noise("arm", 40_000)}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """OCI and Docker images, an index of platforms, one of indexes, and an artifact about it."""
    root = tmp_path_factory.mktemp("pulls")
    source = layout(root / "made", {"1.0": [BASE, FILES], "arm": [BASE, MORE]})
    run("umoci", "config", "--image", f"{source}:arm", "--architecture", "arm64")
    with server(root / "registry") as registry:
        push(source, "1.0", registry.host, "team/app:1.0")
        push(source, "arm", registry.host, "team/app:arm")
        skopeo_copy(f"oci:{source}:1.0", registry.name("team/app:docker"), "--format", "v2s2")
        _fill_indexes(registry)
        yield registry


def _fill_indexes(registry: Server) -> None:
    manifests = registry.client["team/app"].core.manifests
    images = {name: manifests.get(name) for name in ("1.0", "arm")}
    platforms = {"1.0": "amd64", "arm": "arm64"}
    entries = [
        {**_pointer(image), "platform": {"os": "linux", "architecture": platforms[name]}}
        for name, image in images.items()
    ]
    index = manifests.put(_document(OCI_INDEX, manifests=entries), tags=["both"])
    nested = _document(OCI_INDEX, manifests=[_pointer(index)])
    manifests.put(nested, tags=["nested"])
    empty = registry.client["team/app"].core.blobs.put(b"{}")
    config = {"mediaType": OCI_EMPTY, "digest": empty.digest, "size": 2}
    about = {"artifactType": "application/spdx+json", "subject": _pointer(images["1.0"])}
    artifact = _document(OCI_MANIFEST, config=config, layers=[config], **about)
    manifests.put(artifact, tags=["artifact"])


def _pointer(one: Any) -> dict[str, Any]:
    return {"mediaType": one.media_type, "digest": one.digest, "size": one.size}


def _document(media_type: str, **fields: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, **fields}).encode()


@pytest.mark.parametrize("tag", ["1.0", "docker", "both", "nested", "artifact"])
def test_f7_a_pulled_layout_holds_the_bytes_of_the_registry_disk(
    filled: Server, tmp_path: Path, tag: str
) -> None:
    table = filled.client[f"team/app:{tag}"].pull(tmp_path / "there")
    pulled = layout_blobs(tmp_path / "there")
    assert set(pulled) == set(table["digest"])
    assert len(pulled) > 1
    assert pulled == chosen(filled.blobs(), pulled)
    assert not (tmp_path / "there" / ".regnb").exists()


def test_skopeo_lists_the_layers_of_what_was_pulled(filled: Server, tmp_path: Path) -> None:
    filled.client["team/app:1.0"].pull(tmp_path)
    layers = skopeo_inspect(f"oci:{tmp_path}:1.0")["Layers"]
    assert layers == skopeo_inspect(filled.name("team/app:1.0"))["Layers"]
    assert len(layers) == 2


@pytest.mark.parametrize("tag", ["1.0", "artifact"])
def test_skopeo_copies_what_was_pulled_as_it_copies_from_the_registry(
    filled: Server, tmp_path: Path, tag: str
) -> None:
    there = tmp_path / "there"
    filled.client[f"team/app:{tag}"].pull(there)
    copied = skopeo_blobs(f"oci:{there}:{tag}", tmp_path / "dir")
    assert copied == layout_blobs(there)
    assert copied == skopeo_blobs(filled.name(f"team/app:{tag}"), tmp_path / "source")


@pytest.mark.parametrize("tag", ["1.0", "both"])
def test_umoci_unpacks_what_was_pulled(filled: Server, tmp_path: Path, tag: str) -> None:
    there, bundle = tmp_path / "there", tmp_path / "bundle"
    platforms = None if tag == "1.0" else "linux/amd64"
    filled.client[f"team/app:{tag}"].pull(there, platforms=platforms)
    run("umoci", "unpack", "--rootless", "--image", f"{there}:{tag}", bundle)
    unpacked = files_of(bundle / "rootfs")
    assert unpacked == {
        **{f"opt/0/{name}": content for name, content in BASE.items()},
        **{f"opt/1/{name}": content for name, content in FILES.items()},
    }


def test_an_index_is_pulled_with_all_platforms_or_some(filled: Server, tmp_path: Path) -> None:
    image = filled.client["team/app:both"]
    image.pull(tmp_path / "all")
    copied = skopeo_blobs(f"oci:{tmp_path}/all:both", tmp_path / "dir", "--all")
    assert copied == layout_blobs(tmp_path / "all")
    assert copied == skopeo_blobs(filled.name("team/app:both"), tmp_path / "source", "--all")
    image.pull(tmp_path / "arm", platforms="linux/arm64")
    assert skopeo_inspect(f"oci:{tmp_path}/arm:both")["Architecture"] == "arm64"
    assert layout_blobs(tmp_path / "arm").keys() < copied.keys()


def test_a_docker_image_stays_one_in_a_layout_and_goes_back_as_it_was(
    filled: Server, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    filled.client["team/app:docker"].pull(there)
    for program in (skopeo_inspect, umoci_stat):  # they find only OCI manifests in a layout
        with pytest.raises(subprocess.CalledProcessError):
            program(f"oci:{there}:docker")
    with server(tmp_path / "other") as other:
        other.client.push(there, "new/app:docker")
        copied = skopeo_blobs(other.name("new/app:docker"), tmp_path / "copied")
    assert copied == layout_blobs(there)
    assert copied == skopeo_blobs(filled.name("team/app:docker"), tmp_path / "source")
    assert json.loads(copied[filled.client["team/app:docker"].digest()])["mediaType"] == (
        DOCKER_MANIFEST
    )


def umoci_stat(source: str) -> str:
    return run("umoci", "stat", "--image", source.removeprefix("oci:"))


def test_many_images_are_in_one_layout_side_by_side(filled: Server, tmp_path: Path) -> None:
    filled.client["team/app"].pull(tmp_path, tags=["1.0", "arm"])
    check_whole(layout_blobs(tmp_path))
    found = {tag: skopeo_inspect(f"oci:{tmp_path}:{tag}") for tag in ("1.0", "arm")}
    assert [one["Architecture"] for one in found.values()] == ["amd64", "arm64"]
    assert found["1.0"]["Layers"][0] == found["arm"]["Layers"][0]


def test_a_pull_costs_what_it_says_and_a_second_one_only_the_manifests(
    filled: Server, tmp_path: Path
) -> None:
    with watched(filled.client.url) as first:
        table = first.client["team/app:both"].pull(tmp_path)
        blobs = table[table["kind"].isin(["config", "layer"])]
        assert len(blobs) == 5  # two configs, and three layers, one of which both have
        assert first.kinds() == {"GET manifests": 3, "GET blobs": 5}
        assert first.read() == blobs["size"].sum()
    with watched(filled.client.url) as second:
        second.client["team/app:both"].pull(tmp_path)
        assert second.kinds() == {"GET manifests": 3}


def test_of_an_index_without_one_of_its_images_the_others_are_pulled(tmp_path: Path) -> None:
    made = layout(tmp_path / "made", {"1.0": [BASE, FILES], "arm": [BASE, MORE]})
    run("umoci", "config", "--image", f"{made}:arm", "--architecture", "arm64")
    with server(tmp_path / "registry") as registry:
        for tag in ("1.0", "arm"):
            push(made, tag, registry.host, f"team/app:{tag}")
        _fill_indexes(registry)
        gone = registry.client["team/app:arm"].digest()
        registry.client["team/app"].core.manifests.delete(gone)
        both = registry.client["team/app:both"]
        with pytest.raises(ManifestUnknownError, match=gone):
            both.pull(tmp_path / "all")
        assert not (tmp_path / "all").exists()
        both.pull(tmp_path / "some", platforms="linux/amd64")
        assert len(skopeo_inspect(f"oci:{tmp_path}/some:both")["Layers"]) == 2
