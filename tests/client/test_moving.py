"""Pull, push and copy as people call them, between the sample registry and layouts."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import regnb
from regnb import errors
from regnb.core.manifests import Manifests
from regnb.frames.schemas import TRANSFERS
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_LAYER_GZIP
from regnb.sample import SampleClient, serve
from regnb.store.layout import Layout
from regnb.transfer.tracker import Progress, Tracker
from tests.client.test_client import dtypes
from tests.store.building import Built, index_of


def counts(table: pd.DataFrame) -> dict[str, int]:
    found = table["action"].value_counts()
    return {str(action): int(number) for action, number in found.items() if number}


def whole(folder: Path) -> set[str]:
    """The digests of a layout's blobs; every one is looked at."""
    files = list((folder / "blobs" / "sha256").iterdir())
    assert all(Digest.of(file.read_bytes()).encoded == file.name for file in files)
    return {f"sha256:{file.name}" for file in files}


def test_a_pulled_image_is_in_the_layout_byte_for_byte(reg: SampleClient, tmp_path: Path) -> None:
    image = reg["platform/tool:latest"]
    table = image.pull(tmp_path / "images")
    assert table.dtypes.to_dict() == dtypes(TRANSFERS)
    assert set(table["action"]) == {"transfer"}
    assert whole(tmp_path / "images") == set(table["digest"])
    local = regnb.connect(f"oci:{tmp_path / 'images'}")["platform/tool:latest"]
    assert local.manifest().raw == image.manifest().raw
    assert not (tmp_path / "images" / ".regnb").exists()
    again = image.pull(tmp_path / "images")
    assert counts(again) == {"skip": len(table)}


def test_a_dry_run_says_what_a_run_then_does(reg: SampleClient, tmp_path: Path) -> None:
    first, second = reg["library/python:3.12"], reg["library/alpine:latest"]
    second.pull(tmp_path)
    planned = first.pull(tmp_path, dry_run=True)
    assert counts(planned) == {"transfer": 5, "skip": 1}
    before = whole(tmp_path)
    assert not set(planned["digest"][planned["action"] == "transfer"]) & before
    pd.testing.assert_frame_equal(first.pull(tmp_path), planned)
    assert set(planned["digest"]) <= whole(tmp_path)


def test_one_platform_is_an_image_of_its_own_and_two_are_an_index(
    reg: SampleClient, tmp_path: Path
) -> None:
    image = reg["platform/tool:latest"]
    local = regnb.connect(f"oci:{tmp_path}")
    image.pull(tmp_path, platforms="linux/arm64")
    assert local["platform/tool:latest"].digest() == image.manifest("linux/arm64").digest
    image.pull(tmp_path, platforms=["linux/arm64", "linux/amd64"])
    found = local["platform/tool:latest"].platforms()
    named = found[~found["is_attestation"]]
    assert sorted(named["architecture"]) == ["amd64", "arm64"]
    assert found["present"].all()
    assert set(found["digest"]) < set(image.platforms()["digest"])
    choices: tuple[str | list[str], ...] = ("linux/s390x", [])
    for none in choices:
        with pytest.raises(errors.PlatformRequiredError, match="linux/amd64"):
            image.pull(tmp_path, platforms=none)


def test_no_manifest_is_read_twice(
    reg: SampleClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    fetch = Manifests._fetch

    def counted(self: Manifests, reference: str, *more: Any) -> Any:
        read.append(reference)
        return fetch(self, reference, *more)

    monkeypatch.setattr(Manifests, "_fetch", counted)
    image = reg["platform/tool:latest"]
    image.pull(tmp_path / "fresh", platforms=["linux/arm64", "linux/amd64"])
    assert len(read) == len(set(read)) > 2
    image, read[:] = reg["platform/tool:latest"], []
    assert len(image.platforms()) + 1 == len(read)
    image.pull(tmp_path / "two", platforms=["linux/arm64", "linux/amd64"])
    image.pull(tmp_path / "all")
    assert len(read) == len(set(read)) == 1 + len(image.platforms())


def test_referrers_are_pulled_on_request(reg: SampleClient, tmp_path: Path) -> None:
    image = reg["team/api:latest"]
    about = reg["team/api"].core.referrers.all(image.digest())
    assert about, "the sample registry has nothing about this image"
    image.pull(tmp_path / "without")
    image.pull(tmp_path / "with", referrers=True)
    listed = regnb.connect(f"oci:{tmp_path / 'with'}").catalog()
    assert listed["repository"].tolist() == ["team/api"]
    for folder, expected in (("without", set()), ("with", {one.digest for one in about})):
        layout = Layout(tmp_path / folder).repository("team/api")
        assert {one.digest for one in layout.referrers.all(image.digest())} == expected


def test_foreign_layers_stay_where_they_are(reg: SampleClient, tmp_path: Path) -> None:
    table = reg["odd/layers:foreign"].pull(tmp_path)
    foreign = table[table["action"] == "foreign"]
    assert len(foreign) == 1
    assert not set(foreign["digest"]) & whole(tmp_path)


def test_an_image_pulled_by_digest_has_no_tag_and_is_found_by_it(
    reg: SampleClient, tmp_path: Path
) -> None:
    digest = reg["library/alpine:latest"].digest()
    reg[f"library/alpine@{digest}"].pull(tmp_path)
    (entry,) = index_of(tmp_path)["manifests"]
    assert entry["digest"] == digest
    name = f"{reg.url.partition('://')[2].strip('/')}/library/alpine@{digest}"
    assert entry["annotations"] == {"io.containerd.image.name": name}
    local = regnb.connect(f"oci:{tmp_path}")
    assert local.catalog()["repository"].tolist() == ["library/alpine"]
    assert local[f"library/alpine@{digest}"].digest() == digest


def test_a_damaged_blob_in_the_layout_is_pulled_again(reg: SampleClient, tmp_path: Path) -> None:
    image = reg["library/alpine:latest"]
    layer = image.layers()["digest"][0]
    image.pull(tmp_path)
    file = tmp_path / "blobs" / "sha256" / layer.partition(":")[2]
    file.write_bytes(b"x" * file.stat().st_size)
    table = image.pull(tmp_path).set_index("digest")
    assert table["action"][layer] == "transfer"
    assert layer in whole(tmp_path)


def test_a_repository_is_pulled_with_each_blob_once(reg: SampleClient, tmp_path: Path) -> None:
    repo = reg["team/web"]
    table = repo.pull(tmp_path)
    assert not table["digest"].duplicated().any()
    local = regnb.connect(f"oci:{tmp_path}")["team/web"]
    assert sorted(local.tags()["tag"]) == sorted(repo.tags()["tag"])
    for tag in repo.tags()["tag"]:
        assert local[tag].digest() == repo[tag].digest()


def test_tags_are_chosen_by_name_or_by_expression(reg: SampleClient, tmp_path: Path) -> None:
    repo = reg["library/alpine"]
    for name, tags in (("names", ["3.19", "latest"]), ("expression", r"3\.19|lat.*")):
        repo.pull(tmp_path / name, tags=tags)
        found = regnb.connect(f"oci:{tmp_path / name}")["library/alpine"].tags()["tag"]
        assert found.tolist() == ["3.19", "latest"]
    with pytest.raises(ValueError, match="no regular expression"):
        repo.pull(tmp_path, tags="(")
    nothing = repo.pull(tmp_path / "none", tags="none")
    assert nothing.empty
    assert nothing.dtypes.to_dict() == dtypes(TRANSFERS)


def test_what_fails_among_several_images_does_not_keep_the_others(
    reg: SampleClient, tmp_path: Path
) -> None:
    with pytest.raises(errors.TransferError, match="1 of 2 images") as caught:
        reg["library/alpine"].pull(tmp_path, tags=["3.19", "nowhere"])
    assert list(caught.value.errors) == ["nowhere"]
    assert isinstance(caught.value.errors["nowhere"], errors.ManifestUnknownError)
    assert set(caught.value.table["action"]) == {"transfer"}
    assert regnb.connect(f"oci:{tmp_path}")["library/alpine"].tags()["tag"].tolist() == ["3.19"]


def test_a_blob_that_is_missing_spoils_only_the_images_that_need_it(
    other: regnb.Client, tmp_path: Path
) -> None:
    source = Layout(tmp_path / "source").repository("team/app")
    fine, broken = Built("shared", "fine"), Built("shared", "gone")
    fine.into(source, "fine")
    broken.into(source, "broken")
    gone = broken.manifest.layers[1]
    (tmp_path / "source" / "blobs" / "sha256" / gone.digest.encoded).unlink()
    with pytest.raises(errors.TransferError, match=gone.digest.encoded) as caught:
        regnb.connect(f"oci:{tmp_path / 'source'}")["team/app"].copy_to(other["new/app"])
    assert other["new/app"].tags()["tag"].tolist() == ["fine"]
    table = caught.value.table.set_index("digest")
    assert table["action"][gone.digest] == table["action"][broken.manifest.digest] == "fail"
    assert table["action"][fine.manifest.digest] == "transfer"


def test_a_copy_to_another_registry_keeps_every_digest(
    reg: SampleClient, other: regnb.Client
) -> None:
    image = reg["platform/tool:latest"]
    table = image.copy_to(other["new/tool"])
    assert counts(table) == {"transfer": len(table)}
    copied = other["new/tool:latest"]
    assert copied.digest() == image.digest()
    assert copied.layers()["digest"].tolist() == image.layers()["digest"].tolist()
    assert counts(image.copy_to(other["new/tool:latest"])) == {"skip": len(table)}


def test_within_a_registry_blobs_are_mounted(other: regnb.Client) -> None:
    table = other["library/alpine:latest"].copy_to(other["new/alpine:x"])
    blobs = table[table["kind"].isin(["config", "layer"])]
    assert set(blobs["action"]) == {"mount"}
    assert set(blobs["mount_from"]) == {"library/alpine"}
    assert other["new/alpine:x"].digest() == other["library/alpine:latest"].digest()


def test_by_full_names_the_registry_of_the_source_is_spoken_to_by_its_own_client(
    other: regnb.Client,
) -> None:
    host = other.url.partition("//")[2]
    table = regnb.copy(other["library/alpine:latest"], f"{host}/new/alpine")
    assert "mount" in counts(table)
    assert counts(regnb.copy(f"{host}/new/alpine:latest", other["new/other"])).keys() == {
        "mount",
        "transfer",
    }


@pytest.mark.parametrize("target", ["team/app:1.2", "app", "Team/App"])
def test_a_target_without_a_registry_never_means_docker_hub(reg: SampleClient, target: str) -> None:
    with pytest.raises(errors.InvalidReferenceError):
        reg["library/alpine:latest"].copy_to(target)


def test_a_target_by_digest_is_refused(reg: SampleClient, other: regnb.Client) -> None:
    digest = reg["library/alpine:latest"].digest()
    with pytest.raises(errors.InvalidReferenceError, match="its own"):
        reg["library/alpine:latest"].copy_to(other[f"new/alpine@{digest}"])


def test_a_layout_is_pushed_and_comes_back_the_same(
    reg: SampleClient, other: regnb.Client, tmp_path: Path
) -> None:
    image = reg["platform/tool:latest"]
    image.pull(tmp_path / "there")
    pushed = other.push(tmp_path / "there", "new/tool:1.3")
    assert counts(pushed) == {"transfer": len(pushed)}
    other["new/tool:1.3"].pull(tmp_path / "back")
    assert whole(tmp_path / "back") == whole(tmp_path / "there")
    assert counts(other.push(tmp_path / "there", "new/tool:1.3")) == {"skip": len(pushed)}


def test_of_several_images_the_one_of_the_same_name_is_pushed(
    reg: SampleClient, other: regnb.Client, tmp_path: Path
) -> None:
    for tag in ("3.19", "3.20"):
        reg[f"library/alpine:{tag}"].pull(tmp_path)
    other.push(tmp_path, "library/alpine:3.19")
    with pytest.raises(errors.LayoutError, match=r"alpine:3\.19, library/alpine:3\.20"):
        other.push(tmp_path, "new/alpine:latest")
    with pytest.raises(errors.LayoutError, match="no folder and no file"):
        other.push(tmp_path / "nowhere", "new/alpine:latest")
    (tmp_path / "empty").mkdir()
    with pytest.raises(errors.LayoutError, match="holds no image"):
        other.push(tmp_path / "empty", "new/alpine:latest")


def test_what_was_pulled_from_a_registry_is_mounted_when_it_goes_back(
    other: regnb.Client, tmp_path: Path
) -> None:
    other["library/alpine:latest"].pull(tmp_path)
    with regnb.connect(other.url) as fresh:  # it remembers nothing
        table = fresh.push(tmp_path, "new/alpine:latest")
    assert set(table["mount_from"].dropna()) == {"library/alpine"}


def test_a_blob_is_downloaded_into_a_file(reg: SampleClient, tmp_path: Path) -> None:
    layer = reg["library/alpine:latest"].layers()["digest"][0]
    path = reg["library/alpine"].download(layer, tmp_path / "layer.tar.gz")
    assert Digest.of(path.read_bytes()) == layer
    assert [file.name for file in tmp_path.iterdir()] == ["layer.tar.gz"]
    with pytest.raises(errors.BlobUnknownError):
        reg["library/alpine"].download("sha256:" + "0" * 64, tmp_path / "none")
    with pytest.raises(errors.StorageError, match="is a folder"):
        reg["library/alpine"].download(layer, tmp_path)


def test_a_folder_that_is_a_link_or_not_there_takes_a_blob(
    reg: SampleClient, tmp_path: Path
) -> None:
    layer = reg["library/alpine:latest"].layers()["digest"][0]
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    before = os.umask(0o027)
    try:
        for path in (tmp_path / "link/layer", tmp_path / "new/deep/layer"):
            assert reg["library/alpine"].download(layer, path) == path
            assert Digest.of(path.read_bytes()) == layer
            assert [file.name for file in path.parent.iterdir()] == ["layer"]
    finally:
        os.umask(before)
    for folder in (tmp_path / "new", tmp_path / "new/deep"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_an_archive_is_only_read(reg: SampleClient, tmp_path: Path) -> None:
    file = tmp_path / "app.tar"
    reg["library/alpine:latest"].save(file)
    archive = regnb.connect(f"oci-archive:{file}")
    with pytest.raises(errors.ReadOnlyError):
        reg["library/alpine:3.19"].copy_to(archive["library/alpine:3.19"])


def test_a_program_is_told_how_far_it_is(reg: SampleClient, tmp_path: Path) -> None:
    told: list[Progress] = []
    table = reg["library/python:3.12"].pull(tmp_path, on_progress=told.append)
    blobs = table[table["kind"].isin(["config", "layer"])]
    last = told[-1]
    assert last.bytes_done == last.bytes_total == blobs["size"].sum()
    assert (last.blobs_done, last.blobs_total, last.blobs_skipped) == (len(blobs), len(blobs), 0)
    assert all(one.bytes_done <= one.bytes_total for one in told)
    reg["library/python:3.12"].pull(tmp_path, on_progress=told.append)
    assert told[-1] == Progress(blobs_skipped=len(blobs))


def test_a_push_and_a_copy_are_told_while_a_blob_is_on_its_way(
    other: regnb.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions: list[int] = []

    def position(self: Tracker, blob: Descriptor, position: int) -> None:
        if blob.media_type == OCI_LAYER_GZIP:
            positions.append(position)

    monkeypatch.setattr(Tracker, "position", position)
    image = Built("large", length=12_000_000)
    image.into(Layout(tmp_path).repository("team/big"), "1")
    local = regnb.connect(f"oci:{tmp_path}")["team/big:1"]
    size = image.manifest.layers[0].size
    with serve() as served, regnb.connect(served.url) as third:
        for source, target in ((local, other["new/big:1"]), (other["new/big:1"], third["big:1"])):
            positions.clear()
            source.copy_to(target)
            assert positions == sorted(positions)
            assert (positions[0], positions[-1]) == (0, size)
            assert len(set(positions)) > 10


def test_a_push_is_called_by_where_it_goes(
    other: regnb.Client, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other["library/alpine:latest"].pull(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("regnb.progress.DELAY", -1)
        other.push(tmp_path, "new/alpine:1", progress=True)
        other["library/alpine:latest"].copy_to(other["new/alpine:2"], progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "push new/alpine:1",
        "copy library/alpine:latest",
    ]


def test_what_failed_among_several_can_be_pickled(reg: SampleClient, tmp_path: Path) -> None:
    with pytest.raises(errors.TransferError) as caught:
        reg["library/alpine"].pull(tmp_path, tags=["3.19", "nowhere"])
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert list(again.errors) == ["nowhere"]
    pd.testing.assert_frame_equal(again.table, caught.value.table)


def test_an_error_of_the_callback_ends_the_transfer(reg: SampleClient, tmp_path: Path) -> None:
    def fail(_: Progress) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        reg["library/python:3.12"].pull(tmp_path, on_progress=fail)
    assert not (tmp_path / "index.json").exists()


def test_an_archive_or_registry_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.UnreachableError):
        regnb.copy("127.0.0.1:9/team/app:1", "127.0.0.1:9/team/app:2")


def test_what_went_from_layout_to_layout_is_still_mounted(
    reg: SampleClient, tmp_path: Path
) -> None:
    reg["team/api:latest"].pull(tmp_path / "first")
    regnb.connect(f"oci:{tmp_path / 'first'}")["team/api:latest"].pull(tmp_path / "second")
    table = reg.push(tmp_path / "second", "mirror/api:1")
    assert set(table["mount_from"].dropna()) == {"team/api"}
