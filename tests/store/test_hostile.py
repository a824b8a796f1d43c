"""Layouts and archives that are damaged, or made to do harm: values or typed errors (S9 to S15)."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.errors import (
    BodyTooLargeError,
    DigestMismatchError,
    InvalidDigestError,
    InvalidDocumentError,
    LayoutError,
    ManifestUnknownError,
    RegnbError,
    SizeMismatchError,
    StorageError,
    UnsupportedDigestError,
)
from regnb.model.digest import Digest
from regnb.store import entries, holding, members
from regnb.store.archive import OciArchive
from regnb.store.docker_archive import DockerArchive
from regnb.store.layout import Layout
from regnb.store.names import Name, parse_name, slug
from regnb.store.source import open_source
from tests.store.archives import Saved, tar_of
from tests.store.building import Built, described, entry, hand_made, index, index_of

NAME = "io.containerd.image.name"
REF = "org.opencontainers.image.ref.name"


@pytest.fixture
def built() -> Built:
    return Built("a", "b")


@pytest.fixture
def folder(tmp_path: Path, built: Built) -> Path:
    blobs = [built.manifest.raw, *built.blobs.values()]
    return hand_made(tmp_path / "images", entry(built.manifest, **{NAME: "app:1"}), blobs=blobs)


def blob_path(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / digest.algorithm / digest.encoded


def test_a_manifest_that_is_missing_is_named(folder: Path, built: Built) -> None:
    blob_path(folder, built.manifest.digest).unlink()
    app = Layout(folder).repository("app")
    assert app.tags.get("1").digest == built.manifest.digest
    with pytest.raises(ManifestUnknownError, match=built.manifest.digest) as caught:
        app.manifests.get("1")
    assert str(folder) in str(caught.value)
    assert not app.manifests.exists(built.manifest.digest)


def test_a_manifest_that_is_damaged_is_named_with_its_file(folder: Path, built: Built) -> None:
    path = blob_path(folder, built.manifest.digest)
    path.write_bytes(built.manifest.raw + b" ")
    app = Layout(folder).repository("app")
    with pytest.raises(DigestMismatchError, match=str(path)) as caught:
        app.manifests.get(built.manifest.digest)
    assert "Delete the file and pull the image again" in str(caught.value)
    assert not app.manifests.exists(built.manifest.digest)
    with pytest.raises(DigestMismatchError):
        app.referrers.all(Digest.of(b"anything"))


def test_a_damaged_manifest_is_mended_by_putting_it_again(folder: Path, built: Built) -> None:
    path = blob_path(folder, built.manifest.digest)
    path.write_bytes(b"{}")
    app = Layout(folder).repository("app")
    app.manifests.put(built.manifest, tags=["2"])
    assert path.read_bytes() == built.manifest.raw
    assert app.tags.all() == ("1", "2")


def test_an_index_that_lies_about_sizes_is_told(folder: Path, built: Built) -> None:
    document = index_of(folder)
    document["manifests"][0]["size"] += 1
    (folder / "index.json").write_text(json.dumps(document))
    with pytest.raises(SizeMismatchError, match=built.manifest.digest):
        Layout(folder).repository("app").manifests.get("1")


@pytest.mark.parametrize("name", ["blobs", "blobs/sha256"])
def test_s15_a_folder_of_blobs_that_is_a_link_is_refused(
    tmp_path: Path, folder: Path, built: Built, name: str
) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    app = Layout(folder).repository("app")
    before = sorted((tmp_path / "elsewhere").rglob("*"))
    with pytest.raises(LayoutError, match="symbolic link"):
        app.manifests.get("1")
    with pytest.raises(LayoutError, match="symbolic link"):
        Built("new").into(app, "2")
    assert sorted((tmp_path / "elsewhere").rglob("*")) == before


def test_s15_links_in_place_of_files_are_refused(
    tmp_path: Path, folder: Path, built: Built
) -> None:
    for path in (
        blob_path(folder, built.manifest.digest),
        folder / "index.json",
        folder / "oci-layout",
    ):
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
        with pytest.raises(LayoutError, match="symbolic link"):
            Layout(folder).repository("app").manifests.get("1")
        path.unlink()
        (tmp_path / "moved").rename(path)
    assert Layout(folder).repository("app").manifests.get("1") == built.manifest


def test_s15_a_pipe_in_place_of_a_blob_is_not_waited_for(folder: Path, built: Built) -> None:
    path = blob_path(folder, built.manifest.digest)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(LayoutError, match="no plain file"):
        Layout(folder).repository("app").manifests.get("1")


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../../../etc/passwd", "../../x:" + "a" * 64, "sha256:" + "a" * 63 + "/", "sha256:"],
)
def test_s15_a_digest_that_is_a_path_is_refused(folder: Path, digest: str) -> None:
    app = Layout(folder).repository("app")
    fake = str.__new__(Digest, digest)
    for ask in (app.blobs.stat, app.blobs.get, app.blobs.open, app.manifests.exists):
        with pytest.raises(InvalidDigestError):
            ask(fake)
    document = index_of(folder)
    document["manifests"][0]["digest"] = digest
    (folder / "index.json").write_text(json.dumps(document))
    with pytest.raises(LayoutError, match=r"no digest|no sha256 digest"):
        app.tags.all()


def test_digests_that_cannot_be_verified_or_are_too_long_for_a_file(folder: Path) -> None:
    app = Layout(folder).repository("app")
    blake, long = Digest("blake3:" + "a" * 64), Digest("other:" + "a" * 400)
    blob_path(folder, blake).parent.mkdir()
    blob_path(folder, blake).write_bytes(b"anything")
    with pytest.raises(UnsupportedDigestError):
        app.blobs.get(blake)
    with pytest.raises(UnsupportedDigestError):
        app.blobs.open(blake)
    with pytest.raises(RegnbError):
        app.blobs.stat(long)


@pytest.mark.parametrize(
    "text", ["../../etc/x:1", "/etc/x:1", "a/../b:1", "CON:1:2", "A/B:1", "app:" + "x" * 200, "💥"]
)
@pytest.mark.parametrize("key", [NAME, REF])
def test_s15_names_that_are_none_are_untagged_and_told(
    tmp_path: Path, built: Built, key: str, text: str
) -> None:
    folder = hand_made(tmp_path / "images", entry(built.manifest, **{key: text}))
    layout = Layout(folder)
    assert list(layout.repositories()) == ["images"]
    assert layout.repository("images").tags.all() == ()
    assert layout.repository("images").tags.all().invalid == (text,)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker.io/library/ubuntu:22.04", Name("library/ubuntu", "22.04", "docker.io")),
        ("team/app:1.2", Name("team/app", "1.2")),
        ("localhost/app:1", Name("app", "1", "localhost")),
        ("localhost:5000/team/app:1.2", Name("team/app", "1.2", "localhost:5000")),
        ("[::1]:5000/app:1", Name("app", "1", "[::1]:5000")),
        ("app", None),
        ("app:", None),
        ("", None),
        ("a:1@sha256:" + "0" * 63, None),
    ],
)
def test_names_are_read_as_docker_writes_them(text: str, name: Name | None) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("My Images", "my-images"),
        ("a__b", "a-b"),
        (".hidden.", "hidden"),
        ("Ünï/-x-", "n/x"),
        ("---", "layout"),
        ("v1..2", "v1-2"),
    ],
)
def test_folders_give_names_that_the_grammar_takes(path: str, expected: str) -> None:
    assert slug(Path(path)) == expected


@given(st.text(max_size=300))
def test_any_folder_gives_a_name(text: str) -> None:
    found = slug(Path(text.replace("\0", "")))
    assert Layout("/nowhere", name="x").repository(found[:255].rstrip("/._-")).name


def test_indexes_that_name_each_other_end(tmp_path: Path, built: Built) -> None:
    """No digest can name itself, but one index may name another again and again."""
    inner = index([built.manifest])
    levels = [inner]
    for _ in range(7):
        levels.append(index([levels[-1]] * 50))
    blobs = [built.manifest.raw, *(one.raw for one in levels)]
    folder = hand_made(tmp_path / "images", entry(levels[-1], **{NAME: "app:1"}), blobs=blobs)
    app = Layout(folder).repository("app")
    assert app.referrers.all(built.manifest.digest) == ()
    app.manifests.put(levels[3])
    assert len(index_of(folder)["manifests"]) == 1


def test_s9_documents_that_are_too_large_are_not_read(
    folder: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = b'{"x":"' + b"a" * (holding.MANIFEST_LIMIT) + b'"}'
    large = Digest.of(raw)
    blob_path(folder, large).write_bytes(raw)
    app = Layout(folder).repository("app")
    with pytest.raises(BodyTooLargeError, match="4,194,3"):
        app.manifests.get(large)
    assert not app.manifests.exists(large)
    with (folder / "index.json").open("ab") as file:
        file.truncate(holding.INDEX_LIMIT + 1)
    with pytest.raises(LayoutError, match="67,108,865 bytes; 67,108,864 are allowed"):
        app.tags.all()


BAD_INDEXES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"manifests": 5}',
    b'{"manifests": [5]}',
    b'{"manifests": [{"digest": "x"}]}',
    b'{"manifests": [], "manifests": []}',
    b'{"manifests": [], "layers": []}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\xff\xfe",
    b'{"manifests": [NaN]}',
]


@pytest.mark.parametrize("raw", BAD_INDEXES)
def test_s10_an_index_that_cannot_be_read_is_an_error_and_is_kept(folder: Path, raw: bytes) -> None:
    (folder / "index.json").write_bytes(raw)
    layout = Layout(folder)
    for ask in (layout.ping, layout.repository("app").tags.all, lambda: layout.origins("x")):
        with pytest.raises(LayoutError, match="cannot be read"):
            ask()
    with pytest.raises(LayoutError, match="cannot be read"):
        Built("new").into(layout.repository("app"), "2")
    assert (folder / "index.json").read_bytes() == raw


@pytest.mark.parametrize(
    "raw", [b"{}", b"[]", b"x", b'{"imageLayoutVersion":"2.0.0"}', b'{"imageLayoutVersion":1}']
)
def test_a_layout_of_another_version_is_refused(folder: Path, raw: bytes) -> None:
    (folder / "oci-layout").write_bytes(raw)
    with pytest.raises(LayoutError, match=r"oci-layout|version"):
        Layout(folder).ping()
    with pytest.raises(LayoutError, match=r"oci-layout|version"):
        Built("new").into(Layout(folder).repository("app"), "2")


def test_a_layout_without_an_index_is_empty(folder: Path, built: Built) -> None:
    (folder / "index.json").unlink()
    layout = Layout(folder)
    assert list(layout.repositories()) == []
    assert layout.repository("app").manifests.get(built.manifest.digest) == built.manifest


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises((LayoutError, StorageError)):
        Layout(tmp_path / "file").ping()
    with pytest.raises((LayoutError, StorageError)):
        Layout(tmp_path / "file" / "below").ping()
    with pytest.raises((LayoutError, StorageError)):
        Built("a").into(Layout(tmp_path / "file").repository("app"), "1")


def test_a_manifest_of_two_kinds_is_refused(tmp_path: Path, built: Built) -> None:
    document = json.loads(built.manifest.raw) | {"manifests": []}
    raw = json.dumps(document).encode()
    named = {**described(raw, built.manifest.media_type), "annotations": {NAME: "app:1"}}
    folder = hand_made(tmp_path / "images", named, blobs=[raw])
    with pytest.raises(InvalidDocumentError, match="two kinds"):
        Layout(folder).repository("app").manifests.get("1")


@given(st.binary(max_size=400))
def test_s10_any_bytes_as_an_index_give_a_value_or_a_layout_error(raw: bytes) -> None:
    naming = entries.Naming("default")
    try:
        found = entries.read_entries(raw, naming=naming, shown="x")
    except LayoutError:
        return
    assert all(one.repository for one in found.all)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["manifests", "digest", "size", "mediaType", "annotations", REF, NAME]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_s10_any_json_as_an_index_gives_a_value_or_a_layout_error(value: Any) -> None:
    naming = entries.Naming("default")
    for document in (value, {"manifests": value}, {"manifests": [value]}):
        try:
            entries.read_entries(json.dumps(document).encode(), naming=naming, shown="x")
        except LayoutError:
            continue


@given(st.binary(max_size=2000))
def test_any_bytes_as_a_file_give_a_value_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.tar"
    path.write_bytes(raw)
    for kind in (OciArchive, DockerArchive):
        with pytest.raises(RegnbError):
            kind(path).ping()
    with pytest.raises(LayoutError):
        open_source(path)


@given(st.data())
def test_an_archive_with_any_bytes_changed_gives_a_value_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = Saved("a").into(tmp_path_factory.mktemp("changed") / "app.tar")
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(raw) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=12))
        raw[start : start + len(patch)] = patch
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    archive = DockerArchive(path)
    try:
        names = list(archive.repositories())
        for name in names:
            for tag in archive.repository(name).tags.all():
                for one in archive.repository(name).manifests.get(tag).references():
                    archive.repository(name).blobs.get(one.digest)
    except RegnbError:
        return


@given(JSON)
def test_any_manifest_json_gives_a_value_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    path = tmp_path_factory.mktemp("any") / "file.tar"
    for document in (value, [{"Config": "c", "Layers": value, "RepoTags": value}]):
        path.write_bytes(tar_of({"manifest.json": json.dumps(document).encode(), "c": b"{}"}))
        try:
            DockerArchive(path).ping()
        except RegnbError:
            continue


@pytest.mark.parametrize(
    "change",
    [
        {"Config": "nowhere.json"},
        {"Config": 5},
        {"Config": "../../../etc/passwd"},
        {"Config": "/etc/passwd"},
        {"Layers": []},
        {"Layers": ["nowhere.tar"]},
        {"Layers": ["/etc/passwd"]},
        {"Layers": [None]},
        {"RepoTags": "app:1"},
        {"RepoTags": [7]},
    ],
)
def test_a_manifest_json_that_lies_is_told(tmp_path: Path, change: dict[str, Any]) -> None:
    saved = Saved("a")
    saved.listed[0] |= change
    with pytest.raises(LayoutError, match=r"app\.tar cannot be read"):
        DockerArchive(saved.into(tmp_path / "app.tar")).ping()


def test_names_in_a_manifest_json_that_are_none_are_told(tmp_path: Path) -> None:
    saved = Saved("a", tags=("../../x:1", "app:1"))
    archive = DockerArchive(saved.into(tmp_path / "file.tar"))
    assert list(archive.repositories()) == ["file", "app"]
    assert archive.repository("file").tags.all().invalid == ("../../x:1",)


def test_a_config_that_has_no_digests_for_its_layers_is_told(tmp_path: Path) -> None:
    saved = Saved("a")
    saved.members["c.json"] = json.dumps({"rootfs": {"diff_ids": ["sha256:short"]}}).encode()
    saved.listed[0]["Config"] = "c.json"
    with pytest.raises(LayoutError, match=r"cannot be read: 'sha256:short' is no"):
        DockerArchive(saved.into(tmp_path / "app.tar")).ping()


def test_s11_more_members_than_any_image_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MEMBERS", 10)
    path = tmp_path / "many.tar"
    path.write_bytes(tar_of({str(number): b"" for number in range(11)}))
    with pytest.raises(LayoutError, match="more than 10 members"):
        open_source(path)


@pytest.mark.parametrize("length", [5000, 2_000_000])
def test_s11_names_longer_than_any_are_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "long.tar"
    path.write_bytes(tar_of({"a" * length: b""}))
    with pytest.raises(LayoutError, match=r"name of more than|too large"):
        open_source(path)


def test_s11_members_of_negative_size_do_not_go_on_for_ever(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a", "b"):
            header = tarfile.TarInfo(name)
            header.pax_headers = {"size": "-2048"}
            archive.addfile(header)
    path = tmp_path / "back.tar"
    path.write_bytes(held.getvalue())
    with pytest.raises(LayoutError):
        open_source(path)


def test_s11_a_long_name_of_negative_size_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.GNUTYPE_LONGNAME
    header.size = -512
    path = tmp_path / "back.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + b"y" * 10_000)
    with pytest.raises(LayoutError, match="a header that is too large"):
        open_source(path)


def test_s11_headers_of_headers_without_end_are_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.GNUTYPE_LONGNAME
    header.size = 1
    one = header.tobuf(tarfile.GNU_FORMAT) + b"y".ljust(512, b"\0")
    path = tmp_path / "deep.tar"
    path.write_bytes(one * 5000)
    with pytest.raises(LayoutError, match="headers"):
        open_source(path)
