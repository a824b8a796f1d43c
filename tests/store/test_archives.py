"""Archives: read like a layout, never unpacked into a folder, never written to."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import os
import resource
import stat
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import regnb
from regnb.errors import (
    BlobUnknownError,
    DigestMismatchError,
    DiskFullError,
    LayoutError,
    ReadOnlyError,
    StorageError,
)
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest
from regnb.store import unpacking
from regnb.store.archive import OciArchive
from regnb.store.archive_writer import write_archive
from regnb.store.docker_archive import DockerArchive
from regnb.store.layout import Layout
from regnb.store.source import open_source
from tests.store.archives import Saved, archived, tar_of
from tests.store.building import Built, entry, hand_made, index, index_of


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "images")
    app = layout.repository("team/app", domain="registry.example")
    first, second = Built("a", "b"), Built("b", "c")
    first.into(app, "1.0")
    second.into(app)
    app.manifests.put(index([first.manifest, second.manifest]), tags=["all"])
    return layout


@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_oci_archive_holds_what_its_layout_holds(
    layout: Layout, tmp_path: Path, prefix: str
) -> None:
    path = tmp_path / "app.tar"
    path.write_bytes(archived(layout.path, prefix))
    client = regnb.connect(f"oci-archive:{path}")
    assert client.catalog()["repository"].tolist() == ["team/app"]
    assert client["team/app"].tags()["tag"].tolist() == ["1.0", "all"]
    assert client["team/app:1.0"].manifest().raw == Built("a", "b").manifest.raw
    assert client.audit().complete
    assert client.name == "app.tar"
    repository = OciArchive(path).repository("team/app")
    for digest, raw in Built("b", "c").blobs.items():
        assert repository.blobs.get(digest) == raw
        with repository.blobs.open(digest) as stream:
            assert stream.read() == raw


def test_threads_read_one_archive_side_by_side(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "app.tar"
    path.write_bytes(archived(layout.path))
    blobs = OciArchive(path).repository("team/app").blobs
    expected = {**Built("a", "b").blobs, **Built("b", "c").blobs}
    with ThreadPoolExecutor(8) as pool:
        asked = list(expected) * 50
        assert list(pool.map(blobs.get, asked)) == [expected[digest] for digest in asked]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_archives_are_unpacked(layout: Layout, tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / "app.tar.xz"
    packed = pack(archived(layout.path))
    path.write_bytes(packed)
    repository = OciArchive(path).repository("team/app")
    assert repository.manifests.get("1.0").raw == Built("a", "b").manifest.raw
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(LayoutError, match="cannot be unpacked"):
        OciArchive(path).ping()
    path.write_bytes(packed[:30] + b"nonsense" + packed[38:])
    with pytest.raises(LayoutError, match="cannot be"):
        OciArchive(path).ping()


def test_zstd_is_told_how_to_unpack(tmp_path: Path) -> None:
    path = tmp_path / "app.tar.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    with pytest.raises(LayoutError, match=r"zstd -d -k -- .*app\.tar\.zst"):
        open_source(path)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_s11_what_unpacks_without_end_is_refused(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / "bomb.tar"
    path.write_bytes(pack(bytes(120 * 1024 * 1024)))
    with pytest.raises(LayoutError, match="may be made to fill the disk"):
        open_source(path)


def test_s11_what_unpacks_to_too_much_is_refused(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.tar.gz"
    path.write_bytes(gzip.compress(archived(layout.path)))
    monkeypatch.setattr(unpacking, "OUTPUT_LIMIT", 5000)
    with pytest.raises(LayoutError, match="may be made to fill the disk"):
        open_source(path)


def test_archives_are_not_written_to(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "app.tar"
    path.write_bytes(archived(layout.path))
    archive = OciArchive(path)
    built = Built("new")
    repository = archive.repository("team/app")
    with pytest.raises(ReadOnlyError, match="only read"):
        repository.manifests.put(built.manifest, tags=["2"])
    with pytest.raises(ReadOnlyError):
        repository.blobs.part(built.manifest.config)
    with pytest.raises(ReadOnlyError):
        repository.tags.untag("1.0")
    assert archive.state_folder == tmp_path / "app.tar.regnb"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["app.tar", "images"]


def test_what_docker_saved_is_read_as_oci_images(tmp_path: Path) -> None:
    saved = Saved("a", "b", tags=("localhost:5000/team/app:1.2", "ubuntu:22.04"))
    archive = DockerArchive(saved.into(tmp_path / "app.tar"))
    assert list(archive.repositories()) == ["team/app", "ubuntu"]
    repository = archive.repository("team/app")
    manifest = repository.manifests.get("1.2")
    assert isinstance(manifest, ImageManifest)
    assert manifest.media_type == media_types.OCI_MANIFEST
    assert repository.blobs.get(manifest.config.digest) == saved.config
    assert [layer.digest for layer in manifest.layers] == [Digest.of(tar) for tar in saved.tars]
    assert {layer.media_type for layer in manifest.layers} == {media_types.OCI_LAYER}
    assert [repository.blobs.get(layer.digest) for layer in manifest.layers] == saved.tars
    again = DockerArchive(saved.into(tmp_path / "again.tar"))
    assert again.repository("ubuntu").manifests.get("22.04").raw == manifest.raw
    assert set(archive.origins("localhost:5000").values()) == {"team/app"}
    client = regnb.connect(f"docker-archive:{tmp_path / 'app.tar'}")
    assert client.audit().complete
    assert len(client["ubuntu:22.04"].layers()) == 2


def test_an_image_without_a_name_is_in_the_repository_of_the_file(tmp_path: Path) -> None:
    path = Saved("a", tags=()).into(tmp_path / "My App.tar.gz")
    archive = open_source(path)
    assert isinstance(archive, DockerArchive)
    assert list(archive.repositories()) == ["my-app"]
    assert archive.repository("my-app").tags.all() == ()


def test_layers_that_are_compressed_in_the_archive_have_their_own_digest(tmp_path: Path) -> None:
    saved = Saved("a", "b")
    packed = gzip.compress(saved.tars[1], mtime=0)
    saved.members["1/layer.tar"] = packed
    repository = DockerArchive(saved.into(tmp_path / "app.tar")).repository("team/app")
    manifest = repository.manifests.get("1.2")
    assert isinstance(manifest, ImageManifest)
    plain, gzipped = manifest.layers
    assert (plain.digest, plain.media_type) == (Digest.of(saved.tars[0]), media_types.OCI_LAYER)
    assert gzipped.digest == Digest.of(packed)
    assert gzipped.media_type == media_types.OCI_LAYER_GZIP
    assert repository.blobs.get(gzipped.digest) == packed


def test_links_lead_to_other_members_and_nowhere_else(tmp_path: Path) -> None:
    saved = Saved("a", "b", "a")
    saved.members["2/layer.tar"] = "../0/layer.tar"
    saved.members["3/layer.tar"] = "=1/layer.tar"
    saved.listed[0]["Layers"][1] = "3/layer.tar"
    repository = DockerArchive(saved.into(tmp_path / "app.tar")).repository("team/app")
    manifest = repository.manifests.get("1.2")
    assert [repository.blobs.get(layer.digest) for layer in manifest.references()[1:]] == saved.tars
    secret = tmp_path / "secret"
    secret.write_text("of this machine")
    for target in (str(secret), "../../secret", "=../secret", "=" + str(secret), "layer.tar"):
        saved.members["2/layer.tar"] = target
        with pytest.raises(LayoutError, match="holds no '2/layer"):
            DockerArchive(saved.into(tmp_path / "app.tar")).ping()


def test_a_layer_that_is_not_what_the_config_says_is_held_back(tmp_path: Path) -> None:
    saved = Saved("a", "b")
    saved.members["1/layer.tar"] = saved.tars[1][:-1] + b"!"
    repository = DockerArchive(saved.into(tmp_path / "app.tar")).repository("team/app")
    layer = repository.manifests.get("1.2").references()[2]
    with pytest.raises(DigestMismatchError, match=r"1/layer\.tar in .*app\.tar"):
        repository.blobs.get(layer.digest)
    assert not repository.blobs.holds(layer)


def test_a_config_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    saved = Saved("a")
    name = saved.listed[0]["Config"]
    saved.members[name] = saved.config + b" "
    with pytest.raises(DigestMismatchError, match=name):
        DockerArchive(saved.into(tmp_path / "app.tar")).ping()


def test_an_archive_that_was_cut_short_is_told(layout: Layout, tmp_path: Path) -> None:
    path = Saved("a", "b").into(tmp_path / "app.tar")
    raw = archived(layout.path)
    last = max((p for p in layout.path.glob("blobs/*/*")), key=lambda p: p.name)
    path.write_bytes(raw[: raw.rindex(last.read_bytes()) + 10])
    with pytest.raises((LayoutError, BlobUnknownError)):
        OciArchive(path).repository("team/app").blobs.get(Digest(f"sha256:{last.name}"))


def test_documents_that_are_there_twice_are_refused(layout: Layout, tmp_path: Path) -> None:
    held = io.BytesIO(archived(layout.path))
    with tarfile.open(fileobj=held, mode="a") as archive:
        header = tarfile.TarInfo("./index.json")
        header.size = 2
        archive.addfile(header, io.BytesIO(b"{}"))
    (tmp_path / "app.tar").write_bytes(held.getvalue())
    with pytest.raises(LayoutError, match=r"index\.json more than once"):
        OciArchive(tmp_path / "app.tar").ping()


def test_an_archive_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = Saved("a").into(tmp_path / "app.tar")
    archive = DockerArchive(path)
    assert list(archive.repositories()) == ["team/app"]
    Saved("b", tags=("other:1",)).into(tmp_path / "new.tar").replace(path)
    assert list(archive.repositories()) == ["other"]
    path.unlink()
    with pytest.raises(LayoutError, match="There is no file"):
        list(archive.repositories())
    path.mkdir()
    with pytest.raises(LayoutError, match=rf"{path.name} is a folder.*as oci:"):
        list(archive.repositories())


def test_open_source_sees_what_it_is(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "oci.tar").write_bytes(archived(layout.path))
    assert type(open_source(layout.path)) is Layout
    assert type(open_source(tmp_path / "oci.tar")) is OciArchive
    assert type(open_source(str(Saved("a").into(tmp_path / "docker.tar")))) is DockerArchive
    for kind, name in (
        ("oci", layout.path),
        ("oci-archive", "oci.tar"),
        ("docker-archive", "docker.tar"),
    ):
        assert open_source(f"{kind}:{tmp_path / name}").scheme == kind
        with pytest.raises(LayoutError, match="There is no"):
            open_source(f"{kind}:{tmp_path / 'nowhere'}")
    (tmp_path / "other.tar").write_bytes(tar_of({"readme": b"hello"}))
    (tmp_path / "text.txt").write_text("hello " * 200)
    (tmp_path / "empty").write_bytes(b"")
    for name in ("other.tar", "text.txt", "empty", "nowhere"):
        with pytest.raises(LayoutError, match=name):
            open_source(tmp_path / name)
    with pytest.raises(LayoutError, match="docker-archive:"):
        OciArchive(tmp_path / "docker.tar").ping()
    with pytest.raises(LayoutError, match="oci-archive:"):
        DockerArchive(tmp_path / "other.tar").ping()


def test_a_written_archive_is_read_both_ways(layout: Layout, tmp_path: Path) -> None:
    positions: list[int] = []
    write_archive(layout, tmp_path / "app.tar", on_position=positions.append)
    assert positions == sorted(positions)
    assert positions[-1] == (tmp_path / "app.tar").stat().st_size
    assert stat.S_IMODE((tmp_path / "app.tar").stat().st_mode) == 0o644 & ~_umask()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["app.tar", "images"]
    with tarfile.open(tmp_path / "app.tar") as archive:
        headers = archive.getmembers()
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        listed = json.load(manifest)
    assert {(one.mtime, one.uid, one.gid, one.uname) for one in headers} == {(0, 0, 0, "")}
    assert sorted(one["RepoTags"] or [] for one in listed) == [
        [],
        ["registry.example/team/app:1.0"],
    ]
    shelf = open_source(tmp_path / "app.tar")
    assert type(shelf) is OciArchive
    assert shelf.repository("team/app").tags.all() == ("1.0", "all")
    for built in (Built("a", "b"), Built("b", "c")):
        assert shelf.repository("team/app").manifests.exists(built.manifest.digest)
        for digest, raw in built.blobs.items():
            assert shelf.repository("team/app").blobs.get(digest) == raw


def test_the_same_layout_makes_the_same_archive(layout: Layout, tmp_path: Path) -> None:
    write_archive(layout, tmp_path / "one.tar")
    os.utime(layout.path / "index.json", (1, 1))
    write_archive(Layout(layout.path), tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_damaged_layout_makes_no_archive(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "app.tar").write_text("what was there")
    blob = Built("b", "c").manifest.layers[1]
    path = layout.path / "blobs/sha256" / blob.digest.encoded
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + b"!")
    with pytest.raises(DigestMismatchError, match=path.name):
        write_archive(layout, tmp_path / "app.tar")
    path.unlink()
    with pytest.raises(BlobUnknownError, match=path.name):
        write_archive(layout, tmp_path / "app.tar")
    assert (tmp_path / "app.tar").read_text() == "what was there"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["app.tar", "images"]
    (tmp_path / "none").mkdir()
    with pytest.raises(LayoutError, match="is empty"):
        write_archive(Layout(tmp_path / "none"), tmp_path / "none.tar")


def test_f7_a_disk_that_is_full_leaves_the_layout_and_says_so(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    kept = f"whole in {layout.path}, from which the same call goes on"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=kept):
            write_archive(layout, tmp_path / "app.tar")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StorageError, match=kept):
            write_archive(layout, tmp_path / "app.tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [one.name for one in tmp_path.iterdir()] == ["images"]


def test_what_a_killed_process_left_is_written_over_and_no_link_followed(
    layout: Layout, tmp_path: Path
) -> None:
    (tmp_path / "app.tar.part").write_bytes(b"left over" * 100_000)
    write_archive(layout, tmp_path / "app.tar")
    write_archive(layout, tmp_path / "again.tar")
    assert (tmp_path / "app.tar").read_bytes() == (tmp_path / "again.tar").read_bytes()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "app.tar.part").symlink_to(tmp_path / "precious")
    with pytest.raises(StorageError, match="symbolic link"):
        write_archive(layout, tmp_path / "app.tar")
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_name_that_is_only_a_tag_is_completed_by_the_folder(tmp_path: Path) -> None:
    built = Built("a")
    named = entry(built.manifest, **{"org.opencontainers.image.ref.name": "1.2"})
    blobs = [built.manifest.raw, *built.blobs.values()]
    folder = hand_made(tmp_path / "My Images", named, blobs=blobs)
    write_archive(Layout(folder), tmp_path / "app.tar")
    with tarfile.open(tmp_path / "app.tar") as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)[0]["RepoTags"] == ["my-images:1.2"]
    assert index_of(folder)["manifests"] == [named]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
