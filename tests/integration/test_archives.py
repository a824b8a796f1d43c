"""Images in one file: what regnb saves, for other programs; what they save, for regnb."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import regnb
from regnb.model.media_types import DOCKER_MANIFEST, OCI_LAYER
from tests.integration.conftest import noise
from tests.integration.filling import layout, push, run
from tests.integration.moving import (
    Server,
    check_whole,
    digest_of,
    files_of,
    layout_blobs,
    server,
    skopeo_blobs,
    skopeo_copy,
    skopeo_inspect,
)

pytestmark = pytest.mark.registry

BASE = {"base.bin": noise("base", 200_000)}
APP = {"app.bin": noise("app", 30_000), "text": b"all alike " * 9000}
ARM = {"arm.bin": noise("arm", 20_000)}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An image of two layers, the same with Docker's media types, and an index of two platforms."""
    root = tmp_path_factory.mktemp("source")
    made = layout(root / "made", {"1.0": [BASE, APP], "arm": [BASE, ARM]})
    run("umoci", "config", "--image", f"{made}:arm", "--architecture", "arm64")
    with server(root / "registry") as registry:
        push(made, "1.0", registry.host, "team/app:1.0")
        push(made, "arm", registry.host, "team/app:arm")
        skopeo_copy(f"oci:{made}:1.0", registry.name("team/app:docker"), "--format", "v2s2")
        core = registry.client["team/app"].core
        entries = [core.manifests.get(tag).descriptor for tag in ("1.0", "arm")]
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {
                    "mediaType": one.media_type,
                    "digest": one.digest,
                    "size": one.size,
                    "platform": {"os": "linux", "architecture": architecture},
                }
                for one, architecture in zip(entries, ("amd64", "arm64"), strict=True)
            ],
        }
        core.manifests.put(json.dumps(document).encode(), tags=["both"])
        yield registry


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Server]:
    """An empty registry."""
    with server(tmp_path / "target") as registry:
        yield registry


def unpacked(file: Path, folder: Path) -> Path:
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    return folder


def diff_ids(source: str) -> list[str]:
    """What the layers of an image are when they are unpacked, as its config says."""
    config = skopeo_inspect(source, "--config")
    found: list[str] = config["rootfs"]["diff_ids"]
    assert len(found) == 2
    return found


@pytest.mark.parametrize("tag", ["1.0", "docker"])
def test_what_is_saved_is_a_docker_archive_to_skopeo(
    source: Server, tmp_path: Path, tag: str
) -> None:
    source.client[f"team/app:{tag}"].save(tmp_path / "app.tar")
    assert [file.name for file in tmp_path.iterdir()] == ["app.tar"]
    saved = f"docker-archive:{tmp_path / 'app.tar'}"
    assert skopeo_inspect(saved)["Architecture"] == "amd64"
    expected = diff_ids(source.name(f"team/app:{tag}"))
    assert diff_ids(saved) == expected
    assert set(expected) < skopeo_blobs(saved, tmp_path / "dir").keys()
    (name,) = json.loads(
        (unpacked(tmp_path / "app.tar", tmp_path / "u") / "manifest.json").read_text()
    )
    assert name["RepoTags"] == [f"{source.host}/team/app:{tag}"]


def test_what_is_saved_is_an_oci_archive_to_skopeo(source: Server, tmp_path: Path) -> None:
    source.client["team/app:1.0"].save(tmp_path / "app.tar")
    expected = skopeo_blobs(source.name("team/app:1.0"), tmp_path / "source")
    for number, name in enumerate(("app.tar", "app.tar:1.0")):
        copied = skopeo_blobs(f"oci-archive:{tmp_path}/{name}", tmp_path / str(number))
        assert copied == expected
    assert len(expected) == 4


def test_what_is_saved_is_a_layout_to_umoci(source: Server, tmp_path: Path) -> None:
    source.client["team/app:1.0"].save(tmp_path / "app.tar")
    there = unpacked(tmp_path / "app.tar", tmp_path / "there")
    run("umoci", "unpack", "--rootless", "--image", f"{there}:1.0", tmp_path / "bundle")
    assert files_of(tmp_path / "bundle" / "rootfs") == {
        **{f"opt/0/{name}": content for name, content in BASE.items()},
        **{f"opt/1/{name}": content for name, content in APP.items()},
    }


def test_all_platforms_are_saved_in_one_file(source: Server, tmp_path: Path) -> None:
    source.client["team/app:both"].save(tmp_path / "app.tar")
    copied = skopeo_blobs(f"oci-archive:{tmp_path}/app.tar:both", tmp_path / "dir", "--all")
    assert copied == skopeo_blobs(source.name("team/app:both"), tmp_path / "source", "--all")
    saved = [skopeo_inspect(f"docker-archive:{tmp_path}/app.tar:@{n}") for n in range(2)]
    assert {one["Architecture"] for one in saved} == {"amd64", "arm64"}
    source.client["team/app:both"].save(tmp_path / "arm.tar", platforms="linux/arm64")
    for scheme in ("docker-archive", "oci-archive"):
        inspected = skopeo_inspect(f"{scheme}:{tmp_path}/arm.tar")
        assert inspected["Architecture"] == "arm64"


@pytest.mark.parametrize("scheme", ["oci-archive", "docker-archive"])
def test_what_is_saved_is_opened_again(source: Server, tmp_path: Path, scheme: str) -> None:
    image = source.client["team/app:1.0"]
    image.save(tmp_path / "app.tar")
    with regnb.connect(f"{scheme}:{tmp_path}/app.tar") as opened:
        assert opened.catalog()["repository"].tolist() == ["team/app"]
        again = opened["team/app:1.0"]
        assert again.digest() == image.digest()
        assert again.layers()["digest"].tolist() == image.layers()["digest"].tolist()
        assert len(again.layers()) == 2


def test_an_oci_archive_of_skopeo_is_pushed_byte_for_byte(
    source: Server, target: Server, tmp_path: Path
) -> None:
    skopeo_copy(source.name("team/app:1.0"), f"oci-archive:{tmp_path}/app.tar:1.0")
    target.client.push(tmp_path / "app.tar", "new/app:1.0")
    assert target.blobs() == layout_blobs(unpacked(tmp_path / "app.tar", tmp_path / "there"))
    assert target.client["new/app:1.0"].digest() == source.client["team/app:1.0"].digest()


def test_a_docker_archive_of_skopeo_is_pushed_with_its_config_and_layers(
    source: Server, target: Server, tmp_path: Path
) -> None:
    saved = tmp_path / "app.tar"
    skopeo_copy(source.name("team/app:docker"), f"docker-archive:{saved}:team/app:1.0")
    (listed,) = json.loads((unpacked(saved, tmp_path / "there") / "manifest.json").read_text())
    target.client.push(saved, "new/app:1.0")
    check_whole(target.blobs())
    copied = skopeo_blobs(target.name("new/app:1.0"), tmp_path / "dir")
    expected = diff_ids(target.name("new/app:1.0"))
    assert expected == diff_ids(source.name("team/app:docker"))
    assert set(expected) < copied.keys()
    manifest = skopeo_inspect(target.name("new/app:1.0"), "--raw")
    assert [layer["digest"] for layer in manifest["layers"]] == expected
    assert {layer["mediaType"] for layer in manifest["layers"]} == {OCI_LAYER}
    config = (tmp_path / "there" / listed["Config"]).read_bytes()
    assert manifest["config"]["digest"] == digest_of(config)
    assert copied[digest_of(config)] == config


def test_what_skopeo_saved_goes_on_from_the_registry(
    source: Server, target: Server, tmp_path: Path
) -> None:
    saved = tmp_path / "app.tar"
    skopeo_copy(source.name("team/app:1.0"), f"docker-archive:{saved}:team/app:1.0")
    target.client.push(saved, "team/app:1.0")
    skopeo_copy(target.name("team/app:1.0"), target.name("else/app:1"), "--format", "v2s2")
    raw = skopeo_inspect(target.name("else/app:1"), "--raw")
    assert raw["mediaType"] == DOCKER_MANIFEST
    assert diff_ids(target.name("else/app:1")) == diff_ids(source.name("team/app:1.0"))


def test_what_skopeo_saved_is_pulled_into_a_layout_for_umoci(
    source: Server, tmp_path: Path
) -> None:
    saved, there = tmp_path / "app.tar", tmp_path / "there"
    skopeo_copy(source.name("team/app:1.0"), f"docker-archive:{saved}:team/app:1.0")
    with regnb.connect(f"docker-archive:{saved}") as opened:
        opened["team/app:1.0"].pull(there)
    assert skopeo_blobs(f"oci:{there}:1.0", tmp_path / "dir") == layout_blobs(there)
    run("umoci", "unpack", "--rootless", "--image", f"{there}:1.0", tmp_path / "bundle")
    unpacked_files = files_of(tmp_path / "bundle" / "rootfs")
    assert unpacked_files["opt/0/base.bin"] == BASE["base.bin"]
    assert len(unpacked_files) == 3


def test_layers_compressed_with_zstd_are_saved_as_they_are(source: Server, tmp_path: Path) -> None:
    compress = ("--dest-compress", "--dest-compress-format", "zstd")
    # To a registry skopeo sends the compressed layers that it has: those of a folder it makes anew.
    skopeo_copy(source.name("team/app:1.0"), f"oci:{tmp_path}/there:1.0")
    skopeo_copy(f"oci:{tmp_path}/there:1.0", f"dir:{tmp_path}/zstd", *compress)
    skopeo_copy(f"dir:{tmp_path}/zstd", source.name("team/app:zstd"))
    raw = skopeo_inspect(source.name("team/app:zstd"), "--raw")
    assert [layer["mediaType"] for layer in raw["layers"]] == [f"{OCI_LAYER}+zstd"] * 2
    source.client["team/app:zstd"].save(tmp_path / "app.tar")
    saved = f"docker-archive:{tmp_path / 'app.tar'}"
    assert set(diff_ids(saved)) < skopeo_blobs(saved, tmp_path / "dir").keys()
    assert diff_ids(saved) == diff_ids(source.name("team/app:1.0"))
