"""Images that are damaged, incomplete or lie: a typed error names the blob, and nothing is kept."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import regnb
from regnb import errors
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.sample import Served, serve
from regnb.store.layout import Layout
from tests.store.building import Built, described, entry, hand_made, index

NAME = "org.opencontainers.image.ref.name"
TARGET = "new/app"


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as served:
        yield served


@pytest.fixture
def reg(served: Served) -> Iterator[regnb.Client]:
    with regnb.connect(served.url) as client:
        yield client


@pytest.fixture
def built() -> Built:
    return Built("a", "b")


@pytest.fixture
def folder(tmp_path: Path, built: Built) -> Path:
    built.into(Layout(tmp_path / "images").repository("team/app"), "1")
    return tmp_path / "images"


def blob_file(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / digest.algorithm / digest.encoded


def put(reg: regnb.Client, name: str, *images: Built) -> Any:
    """Push blobs and manifests by hand."""
    core = reg[name].core
    for image in images:
        for raw in image.blobs.values():
            core.blobs.put(raw)
        core.manifests.put(image.manifest)
    return core


def check_nothing(served: Served, *digests: Digest) -> None:
    """The target has neither the blobs, nor any manifest, nor an upload that is under way."""
    if served.storage.knows(TARGET):
        assert served.storage.tags(TARGET) == []
        assert served.storage.uploads(TARGET) == []
    assert [served.storage.blob(TARGET, digest) for digest in digests] == [None] * len(digests)


def said(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_layout_without_a_blob_is_not_pushed(
    served: Served, reg: regnb.Client, folder: Path, built: Built, position: int
) -> None:
    gone = built.manifest.references()[position].digest
    blob_file(folder, gone).unlink()
    with pytest.raises(errors.BlobUnknownError, match=gone) as caught:
        reg.push(folder, f"{TARGET}:1")
    assert "Pull the image again" in said(caught.value)
    check_nothing(served, gone, built.manifest.digest)


@pytest.mark.parametrize(
    "damage", list(product((0, 1, 2), ("other", "longer", "shorter"))), ids=str
)
def test_a_layout_with_a_damaged_blob_is_not_pushed(
    served: Served, reg: regnb.Client, folder: Path, built: Built, damage: tuple[int, str]
) -> None:
    position, change = damage
    bad = built.manifest.references()[position].digest
    raw = blob_file(folder, bad).read_bytes()
    changed = {"other": raw[:-1] + b"!", "longer": raw + b"!", "shorter": raw[:-1]}[change]
    blob_file(folder, bad).write_bytes(changed)
    with pytest.raises(errors.VerificationError, match=bad) as caught:
        reg.push(folder, f"{TARGET}:1")
    assert "again" in said(caught.value) or "anew" in said(caught.value)
    check_nothing(served, bad, Digest.of(changed), built.manifest.digest)


def test_an_index_that_points_nowhere_is_told(
    served: Served, reg: regnb.Client, tmp_path: Path, built: Built
) -> None:
    folder = hand_made(tmp_path / "images", entry(built.manifest, **{NAME: "1"}))
    with pytest.raises(errors.ManifestUnknownError, match=built.manifest.digest) as caught:
        reg.push(folder, f"{TARGET}:1")
    assert "Pull the image again" in said(caught.value)
    check_nothing(served)


@pytest.mark.parametrize("name", ["../../evil:1", "/etc/passwd", "..", "a/../../b:1"])
def test_s15_a_name_is_never_a_path(
    reg: regnb.Client, tmp_path: Path, built: Built, name: str
) -> None:
    blobs = [built.manifest.raw, *built.blobs.values()]
    folder = hand_made(tmp_path / "in/images", entry(built.manifest, **{NAME: name}), blobs=blobs)
    reg.push(folder, f"{TARGET}:1")
    reg[f"{TARGET}:1"].pull(tmp_path / "in/back")
    digest = built.manifest.digest
    regnb.connect(f"oci:{folder}")[f"images@{digest}"].save(tmp_path / "in/app.tar")
    assert sorted(file.name for file in (tmp_path / "in").iterdir()) == [
        "app.tar",
        "back",
        "images",
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("place", ["Config", "Layers"])
def test_s15_an_archive_reaches_nothing_outside(
    served: Served, reg: regnb.Client, tmp_path: Path, built: Built, place: str
) -> None:
    config = built.blobs[built.manifest.config.digest]
    outside = "../outside"
    (tmp_path / "outside").write_bytes(config)
    listed = {"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["1.tar", "2.tar"]}
    listed[place] = outside if place == "Config" else [outside, outside]
    members = {"manifest.json": json.dumps([listed]).encode(), "c.json": config}
    (tmp_path / "in").mkdir()
    archive = tarred(tmp_path / "in/app.tar", members)
    with pytest.raises(errors.LayoutError, match=outside) as caught:
        reg.push(archive, f"{TARGET}:1")
    assert "made anew" in said(caught.value)
    check_nothing(served, Digest.of(config))


def tarred(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, raw in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return path


def lying(reg: regnb.Client, built: Built, change: int) -> Digest:
    """Push an image whose manifest gives its last layer another size; gives that layer."""
    document = json.loads(built.manifest.raw)
    document["layers"][1]["size"] += change
    put(reg, "team/lie", built).manifests.put(json.dumps(document).encode(), tags=["1"])
    return built.manifest.layers[1].digest


@pytest.mark.parametrize("change", [1, -1, 10**13])
def test_a_manifest_that_lies_about_a_size_is_not_pulled(
    reg: regnb.Client, tmp_path: Path, built: Built, change: int
) -> None:
    layer = lying(reg, built, change)
    with pytest.raises(errors.SizeMismatchError, match=layer) as caught:
        reg["team/lie:1"].pull(tmp_path)
    assert "Look at the manifest" in said(caught.value)
    assert not blob_file(tmp_path, layer).exists()
    assert not (tmp_path / "index.json").exists()


@pytest.mark.parametrize("there", [False, True], ids=["sent", "there already"])
@pytest.mark.parametrize("change", [1, -1, 10**13])
def test_a_manifest_that_lies_about_a_size_is_not_copied(
    reg: regnb.Client, built: Built, change: int, there: bool
) -> None:
    layer = lying(reg, built, change)
    with serve() as served, regnb.connect(served.url) as other:
        if there:
            put(other, TARGET, built)
        with pytest.raises(errors.SizeMismatchError, match=layer) as caught:
            reg["team/lie:1"].copy_to(other[TARGET])
        assert "get the image anew" in said(caught.value)
        if there:
            assert served.storage.tags(TARGET) == []
        else:
            check_nothing(served, layer)


@pytest.fixture
def broken(reg: regnb.Client, built: Built) -> Digest:
    """An index ``team/broken:1`` that has lost one of its images; gives the digest of that."""
    lost = Built("c", "d").manifest.digest
    core = put(reg, "team/broken", built, Built("c", "d"))
    core.manifests.put(index([built.manifest, Built("c", "d").manifest]), tags=["1"])
    core.manifests.delete(lost)
    return lost


def test_an_index_whose_child_is_gone_is_not_moved(
    served: Served, reg: regnb.Client, tmp_path: Path, broken: Digest
) -> None:
    with pytest.raises(errors.ManifestUnknownError, match=broken) as caught:
        reg["team/broken:1"].pull(tmp_path / "images")
    assert "platforms=" in said(caught.value)
    assert not (tmp_path / "images").exists()
    with pytest.raises(errors.ManifestUnknownError, match=broken):
        reg["team/broken:1"].copy_to(reg[TARGET])
    check_nothing(served)


def test_docker_schema_1_is_not_moved(
    served: Served, reg: regnb.Client, tmp_path: Path, built: Built
) -> None:
    layer = built.manifest.layers[0].digest
    document = {
        "schemaVersion": 1,
        "name": "team/old",
        "tag": "1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": layer}, {"blobSum": built.manifest.layers[1].digest}],
        "history": [{"v1Compatibility": "{}"}, {"v1Compatibility": "{}"}],
    }
    core = put(reg, "team/old", built)
    raw = json.dumps(document).encode()
    stored = core.manifests.put(raw, tags=["1"], media_type=media_types.SCHEMA1)
    with pytest.raises(errors.InvalidDocumentError, match=stored.digest) as caught:
        reg["team/old:1"].pull(tmp_path / "images")
    assert "pushed anew" in said(caught.value)
    with pytest.raises(errors.InvalidDocumentError, match=stored.digest):
        reg["team/old:1"].copy_to(reg[TARGET])
    assert not (tmp_path / "images").exists()
    check_nothing(served)


def test_referrers_that_are_gone_are_left_out_and_told(
    reg: regnb.Client, tmp_path: Path, built: Built
) -> None:
    """As in a registry without an API for them, where a deletion may leave the list as it was."""
    core = put(reg, "team/app", built)
    kept, gone = Built("kept", subject=built.manifest), Built("gone", subject=built.manifest)
    folder = tmp_path / "images"
    there = Layout(folder).repository("team/app")
    built.into(there, "1")
    kept.into(there)
    listed = index([kept.manifest, gone.manifest])
    for raw in gone.blobs.values():
        core.blobs.put(raw)
    gone.into(there)
    there.manifests.put(listed, tags=[f"sha256-{built.manifest.digest.encoded}"])
    blob_file(folder, gone.manifest.digest).unlink()
    with pytest.warns(errors.ListingWarning, match=gone.manifest.digest):
        reg.push(folder, "team/app:1", referrers=True)
    assert [one.digest for one in core.referrers.all(built.manifest.digest)] == [
        kept.manifest.digest
    ]


def test_s14_what_is_described_twice_with_two_sizes_is_refused(
    served: Served, reg: regnb.Client, built: Built
) -> None:
    other = json.loads(built.manifest.raw)
    other["layers"][1]["size"] += 7
    second = json.dumps(other).encode()
    core = put(reg, "team/two", built)
    core.manifests.put(second)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [
            described(raw, media_types.OCI_MANIFEST) for raw in (built.manifest.raw, second)
        ],
    }
    core.manifests.put(json.dumps(document).encode(), tags=["1"])
    with pytest.raises(errors.SizeMismatchError, match=built.manifest.layers[1].digest) as caught:
        reg["team/two:1"].copy_to(reg[TARGET])
    assert "move them apart" in said(caught.value)
    check_nothing(served)
