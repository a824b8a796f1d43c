"""Layouts and archives against skopeo and umoci: what they write is read, and the reverse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import regnb
from regnb.model.manifest import ImageManifest
from regnb.store.archive_writer import write_archive
from regnb.store.layout import Layout
from regnb.store.source import open_source
from tests.integration.conftest import BASE, RUNTIME, noise
from tests.integration.filling import layout, run
from tests.servers import need
from tests.store.building import Built, index

pytestmark = pytest.mark.registry

IMAGES = {
    "1.0": [BASE, RUNTIME, {"app.bin": noise("app 1.0", 20_000)}],
    "1.1": [BASE, RUNTIME, {"app.bin": noise("app 1.1", 21_000)}],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout that umoci made."""
    need("skopeo", "skopeo")
    return layout(tmp_path_factory.mktemp("made") / "images", IMAGES)


def digest_of(source: str) -> str:
    return run("skopeo", "inspect", "--format={{.Digest}}", source).strip()


def raw_of(source: str) -> bytes:
    done = subprocess.run(["skopeo", "inspect", "--raw", source], check=True, capture_output=True)
    return done.stdout


def copied(target: Path) -> dict[str, bytes]:
    """What skopeo copied to a folder, by file name."""
    return {path.name: path.read_bytes() for path in target.iterdir()}


def test_what_umoci_made_is_read_with_the_same_digests(made: Path) -> None:
    with regnb.connect(f"oci:{made}") as client:
        assert client.catalog()["repository"].tolist() == ["images"]
        assert client["images"].tags()["tag"].tolist() == ["1.0", "1.1"]
        for tag in IMAGES:
            assert client[f"images:{tag}"].digest() == digest_of(f"oci:{made}:{tag}")
            assert client[f"images:{tag}"].manifest().raw == raw_of(f"oci:{made}:{tag}")
            assert len(client[f"images:{tag}"].layers()) == 3
        audit = client.audit()
        assert audit.complete
        held = {path.name: path.stat().st_size for path in made.glob("blobs/sha256/*")}
        known = {d.partition(":")[2]: s for d, s in zip(*_sizes(audit), strict=True)}
        assert known.items() <= held.items()
        assert len(known) == 2 + 2 + 4  # manifests, configs, layers of which two are shared


def _sizes(audit: regnb.Audit) -> tuple[list[str], list[int]]:
    return audit.blobs["digest"].tolist(), audit.blobs["size"].tolist()


def test_what_is_put_into_a_layout_of_umoci_keeps_what_was_there(
    made: Path, tmp_path: Path
) -> None:
    run("cp", "-r", made, tmp_path / "images")
    folder = tmp_path / "images"
    before = [digest_of(f"oci:{folder}:{tag}") for tag in IMAGES]
    built = Built("a", "b")
    built.into(Layout(folder).repository("team/app"), "2.0")
    assert [digest_of(f"oci:{folder}:{tag}") for tag in IMAGES] == before
    assert digest_of(f"oci:{folder}:2.0") == built.manifest.digest
    assert run("umoci", "ls", "--layout", folder).split() == ["1.0", "1.1", "2.0"]


def test_skopeo_and_umoci_read_what_is_written(tmp_path: Path) -> None:
    need("umoci", "umoci")
    folder = tmp_path / "images"
    app = Layout(folder).repository("team/app", domain="registry.example")
    first, second = Built("a", "b"), Built("c", "d")
    first.into(app, "1.0")
    second.into(app)
    app.manifests.put(index([first.manifest, second.manifest]), tags=["all"])
    assert digest_of(f"oci:{folder}:1.0") == first.manifest.digest
    assert raw_of(f"oci:{folder}:all") == index([first.manifest, second.manifest]).raw
    run("skopeo", "copy", f"oci:{folder}:1.0", f"dir:{tmp_path / 'copied'}")
    files = copied(tmp_path / "copied")
    assert files["manifest.json"] == first.manifest.raw
    assert {digest.encoded: raw for digest, raw in first.blobs.items()}.items() <= files.items()
    run("umoci", "unpack", "--rootless", "--image", f"{folder}:1.0", tmp_path / "bundle")
    assert (tmp_path / "bundle/rootfs/opt/a").read_bytes() == noise("a", 3000)
    assert (tmp_path / "bundle/rootfs/opt/b").read_bytes() == noise("b", 3000)


def test_skopeo_writes_beside_what_is_written(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    built = Built("a", "b")
    built.into(Layout(folder).repository("team/app"), "1.0")
    run("skopeo", "copy", f"oci:{made}:1.1", f"oci:{folder}:skopeo")
    shelf = Layout(folder)
    assert list(shelf.repositories()) == ["team/app", "images"]
    assert shelf.repository("team/app").tags.get("1.0").digest == built.manifest.digest
    assert shelf.repository("images").tags.get("skopeo").digest == digest_of(f"oci:{made}:1.1")


@pytest.mark.parametrize("pack", [None, "gzip", "xz", "bzip2"])
def test_an_oci_archive_of_skopeo_is_read(made: Path, tmp_path: Path, pack: str | None) -> None:
    path = tmp_path / "app.tar"
    run("skopeo", "copy", f"oci:{made}:1.0", f"oci-archive:{path}:1.0")
    if pack is not None:
        need(pack, pack)
        run(pack, path)
        (path,) = tmp_path.iterdir()
    with regnb.connect(f"oci-archive:{path}") as client:
        image = client["app:1.0"]
        assert image.digest() == digest_of(f"oci:{made}:1.0")
        assert len(image.layers()) == 3
        assert client.audit().complete
    _assert_all_blobs_hold(path)


def test_a_docker_archive_of_skopeo_is_read(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "app.tar"
    reference = "localhost:5000/team/app:1.0"
    run("skopeo", "copy", f"oci:{made}:1.0", f"docker-archive:{path}:{reference}")
    theirs = json.loads(raw_of(f"docker-archive:{path}"))
    with regnb.connect(f"docker-archive:{path}") as client:
        image = client["team/app:1.0"]
        manifest = image.manifest()
        assert isinstance(manifest, ImageManifest)
        assert manifest.config.digest == theirs["config"]["digest"]
        assert [(one.digest, one.size) for one in manifest.layers] == [
            (one["digest"], one["size"]) for one in theirs["layers"]
        ]
        assert len(image.layers()) == 3
        assert client.audit().complete
    _assert_all_blobs_hold(path)


def _assert_all_blobs_hold(path: Path) -> None:
    shelf = open_source(path)
    (name,) = shelf.repositories()
    repository = shelf.repository(name)
    for one in repository.manifests.get("1.0").references():
        assert repository.blobs.holds(one)
        with repository.blobs.open(one.digest) as stream:
            assert len(stream.read()) == one.size


def test_skopeo_reads_what_is_archived(made: Path, tmp_path: Path) -> None:
    path, folder = tmp_path / "app.tar", tmp_path / "images"
    run("skopeo", "copy", f"oci:{made}:1.0", f"oci:{folder}:1.0")
    write_archive(Layout(folder), path)
    run("skopeo", "copy", f"oci-archive:{path}:1.0", f"dir:{tmp_path / 'oci'}")
    original = digest_of(f"oci:{made}:1.0")
    assert digest_of(f"dir:{tmp_path / 'oci'}") == original
    run("skopeo", "copy", f"docker-archive:{path}:images:1.0", f"dir:{tmp_path / 'docker'}")
    config: dict[str, Any] = json.loads(raw_of(f"oci:{made}:1.0"))["config"]
    copy = json.loads((tmp_path / "docker/manifest.json").read_bytes())
    assert copy["config"]["digest"] == config["digest"]
    diff_ids = regnb.connect(f"oci:{made}")["images:1.0"].config().diff_ids
    files = copied(tmp_path / "docker")
    assert len(copy["layers"]) == len(diff_ids) == 3
    assert all(one["digest"].partition(":")[2] in files for one in copy["layers"])


def test_skopeo_reads_an_archive_of_several_images(tmp_path: Path) -> None:
    app = Layout(tmp_path / "images").repository("team/app", domain="registry.example")
    first, second = Built("a", "b"), Built("b", "c")
    first.into(app, "1.0")
    second.into(app, "2.0", "latest")
    write_archive(Layout(tmp_path / "images"), tmp_path / "app.tar")
    for tag, built in (("1.0", first), ("2.0", second), ("latest", second)):
        source = f"docker-archive:{tmp_path / 'app.tar'}:registry.example/team/app:{tag}"
        raw = json.loads(raw_of(source))
        assert raw["config"]["digest"] == built.manifest.config.digest
        assert len(raw["layers"]) == 2
        found = digest_of(f"oci-archive:{tmp_path / 'app.tar'}:{tag}")
        assert found == built.manifest.digest
