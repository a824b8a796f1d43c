"""Layouts as this package writes them and reads them back."""

from __future__ import annotations

import io
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regnb.errors import (
    BlobUnknownError,
    BodyTooLargeError,
    DigestMismatchError,
    LayoutError,
    ManifestBlobUnknownError,
    ManifestUnknownError,
    OperationCancelledError,
    ReadOnlyError,
    RepositoryUnknownError,
    SizeMismatchError,
)
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.reference import referrers_tag
from regnb.store.layout import Layout
from regnb.store.layout_repository import LayoutRepository
from tests.store.building import (
    Built,
    described,
    entry,
    hand_made,
    index,
    index_of,
    noise,
    put_blobs,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "images")


@pytest.fixture
def app(layout: Layout) -> LayoutRepository:
    return layout.repository("team/app", domain="registry.example")


def test_an_absent_folder_holds_nothing_and_is_an_error_to_whoever_lists_it(layout: Layout) -> None:
    app = layout.repository("team/app")
    listings: list[Callable[[], object]] = [
        layout.ping,
        lambda: list(layout.repositories()),
        app.tags.all,
        app.tags.list,
        lambda: layout.origins("localhost"),
    ]
    for listing in listings:
        with pytest.raises(LayoutError, match=r"There is no folder .*images\. Check the path"):
            listing()
    with pytest.raises(RepositoryUnknownError, match=r"There is no folder .*images\."):
        app.tags.get("1")
    assert not app.manifests.exists(Digest.of(b"a"))
    with pytest.raises(BlobUnknownError):
        app.blobs.stat(Digest.of(b"a"))
    assert app.domain == "localhost"
    assert not layout.path.exists()
    layout.path.mkdir()
    layout.ping()
    assert list(layout.repositories()) == []
    with pytest.raises(RepositoryUnknownError, match="images holds no repository team/app"):
        app.tags.all()


def test_a_range_of_a_blob_is_read_where_it_lies(app: LayoutRepository) -> None:
    blob = Descriptor("", Digest.of(b"0123456789"), 10)
    put_blobs(app, {blob.digest: b"0123456789"})
    assert app.blobs.read_range(blob, range(6, 10)) == b"6789"
    assert app.blobs.read_range(blob, range(2)) == b"01"
    with pytest.raises(SizeMismatchError, match="has 10 bytes"):
        app.blobs.read_range(Descriptor("", blob.digest, 11), range(7, 11))
    with pytest.raises(BlobUnknownError):
        app.blobs.read_range(Descriptor("", Digest.of(b"none"), 10), range(2))


def test_a_layout_with_an_image_after_it_is_told_how_to_write_that(app: LayoutRepository) -> None:
    Built("a").into(app, "1")
    folder = app.registry.path
    for given, meant in (("1", "...:1"), ("team/app:1", "team/app:1")):
        with pytest.raises(LayoutError, match=re.escape(f"('oci:{folder}')['{meant}']")):
            Layout(f"{folder}:{given}").ping()


def test_a_file_in_place_of_a_layout_is_called_a_file(tmp_path: Path) -> None:
    (tmp_path / "app.tar").write_bytes(b"")
    layout = Layout(tmp_path / "app.tar")
    uses: list[Callable[[], object]] = [layout.ping, lambda: layout.repository("team/app")]
    for use in uses:
        with pytest.raises(
            LayoutError, match=r"app\.tar is a file.*oci-archive: or docker-archive:"
        ):
            use()


def test_what_is_put_is_read_again_byte_for_byte(layout: Layout, app: LayoutRepository) -> None:
    built = Built("a", "b")
    descriptor = built.into(app, "1.0", "latest")
    again = Layout(layout.path).repository("team/app")
    assert again.tags.all() == ("1.0", "latest")
    assert again.tags.get("1.0") == descriptor == built.manifest.descriptor
    assert again.manifests.get("latest").raw == built.manifest.raw
    assert again.manifests.get(descriptor).raw == built.manifest.raw
    assert again.manifests.get(descriptor.digest).raw == built.manifest.raw
    for digest, raw in built.blobs.items():
        assert again.blobs.get(digest) == raw
        assert again.blobs.stat(digest).size == len(raw)
        with again.blobs.open(digest) as stream:
            assert stream.read() == raw
    assert list(layout.repositories()) == ["team/app"]


def test_the_index_names_tags_as_docker_and_umoci_read_them(
    layout: Layout, app: LayoutRepository
) -> None:
    descriptor = Built("a").into(app, "1.0")
    (only,) = index_of(layout.path)["manifests"]
    assert only == {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
        "annotations": {
            "org.opencontainers.image.ref.name": "1.0",
            "io.containerd.image.name": "registry.example/team/app:1.0",
        },
    }
    assert json.loads((layout.path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


def test_a_tag_that_is_put_again_moves_and_others_stay(
    layout: Layout, app: LayoutRepository
) -> None:
    old, new = Built("a"), Built("b")
    old.into(app, "1.0", "old")
    old.into(layout.repository("other"), "1.0")
    new.into(app, "1.0")
    assert app.tags.get("1.0").digest == new.manifest.digest
    assert app.tags.get("old").digest == old.manifest.digest
    assert layout.repository("other").tags.get("1.0").digest == old.manifest.digest
    assert len(index_of(layout.path)["manifests"]) == 3


def test_what_others_wrote_into_the_index_is_kept(tmp_path: Path) -> None:
    foreign = Built("a")
    stranger = {**entry(foreign.manifest, **{"x.y": "z"}), "unknown": [1, {"deep": None}]}
    folder = hand_made(tmp_path / "images", stranger, blobs=[foreign.manifest.raw])
    document = index_of(folder) | {"annotations": {"of": "all"}, "more": 1.5}
    (folder / "index.json").write_text(json.dumps(document))
    Built("b").into(Layout(folder).repository("team/app"), "1")
    after = index_of(folder)
    assert after["manifests"].pop() != stranger
    assert after == document


@pytest.mark.parametrize("tags", [(), ("1",)])
def test_children_of_an_index_get_no_entry_of_their_own(
    layout: Layout, app: LayoutRepository, tags: tuple[str, ...]
) -> None:
    first, second = Built("a"), Built("b")
    first.into(app)
    second.into(app)
    assert len(index_of(layout.path)["manifests"]) == 2  # tops, as far as anyone knows
    top = index([first.manifest, second.manifest])
    app.manifests.put(top, tags=tags)
    assert [one["digest"] for one in index_of(layout.path)["manifests"]] == [top.digest]
    first.into(app)
    assert len(index_of(layout.path)["manifests"]) == 1


def test_a_manifest_needs_its_blobs(app: LayoutRepository) -> None:
    built = Built("a", "b")
    missing = built.manifest.layers[1].digest
    put_blobs(app, {digest: raw for digest, raw in built.blobs.items() if digest != missing})
    with pytest.raises(ManifestBlobUnknownError, match=missing):
        app.manifests.put(built.manifest, tags=["1"])
    assert not app.manifests.exists(built.manifest.digest)


def test_an_index_needs_its_children(app: LayoutRepository) -> None:
    first, second = Built("a"), Built("b")
    first.into(app)
    with pytest.raises(ManifestBlobUnknownError, match=second.manifest.digest):
        app.manifests.put(index([first.manifest, second.manifest]), tags=["1"])


def test_a_blob_of_another_size_counts_as_missing(layout: Layout, app: LayoutRepository) -> None:
    built = Built("a")
    put_blobs(app, built.blobs)
    path = layout.path / "blobs/sha256" / built.manifest.layers[0].digest.encoded
    path.write_bytes(b"short")
    with pytest.raises(ManifestBlobUnknownError, match="has 5 bytes"):
        app.manifests.put(built.manifest)


def test_foreign_layers_may_be_missing(app: LayoutRepository) -> None:
    built = Built("a")
    document = json.loads(built.manifest.raw)
    foreign = described(b"elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar")
    document["layers"].append(foreign)
    put_blobs(app, built.blobs)
    put = app.manifests.put(json.dumps(document).encode(), tags=["1"])
    assert app.tags.get("1") == put


def test_referrers_are_found_by_subject_also_below_an_index(app: LayoutRepository) -> None:
    image, other = Built("a"), Built("b")
    near, far = Built("sbom", subject=image.manifest), Built("sign", subject=image.manifest)
    for one in (image, other, near, far):
        one.into(app)
    app.manifests.put(index([other.manifest, far.manifest]), tags=["1"])
    found = app.referrers.all(image.manifest.digest)
    assert {one.digest for one in found} == {near.manifest.digest, far.manifest.digest}
    assert {one.artifact_type for one in found} == {"application/x.signature"}
    assert all(one.annotations for one in found)
    assert app.referrers.all(near.manifest.digest) == ()


def test_referrers_are_found_by_the_fallback_tag(app: LayoutRepository) -> None:
    image, note = Built("a"), Built("note")
    image.into(app, "1")
    note.into(app)
    app.manifests.put(index([note.manifest]), tags=[referrers_tag(image.manifest.digest)])
    assert [one.digest for one in app.referrers.all(image.manifest.digest)] == [
        note.manifest.digest
    ]


def test_untag_takes_the_name_and_leaves_the_bytes(layout: Layout, app: LayoutRepository) -> None:
    built = Built("a")
    built.into(app, "1", "2")
    app.tags.untag("1")
    assert app.tags.all() == ("2",)
    with pytest.raises(ManifestUnknownError, match="has no tag 1"):
        app.tags.untag("1")
    app.tags.untag("2")
    assert app.manifests.exists(built.manifest.digest)
    assert list(layout.repositories()) == []


def test_a_manifest_that_no_entry_leads_to_is_found_by_digest(
    tmp_path: Path,
) -> None:
    built = Built("a")
    folder = hand_made(tmp_path / "images", blobs=[built.manifest.raw, *built.blobs.values()])
    repository = Layout(folder).repository("images")
    assert repository.manifests.get(built.manifest.digest) == built.manifest
    assert not repository.manifests.exists(Digest.of(b"unknown"))
    assert not repository.manifests.exists(built.manifest.config.digest)


def test_a_layout_can_be_pickled(app: LayoutRepository) -> None:
    Built("a").into(app, "1")
    again = pickle.loads(pickle.dumps(app))
    assert again.tags.get("1") == app.tags.get("1")
    assert again.domain == "registry.example"
    assert repr(again) == repr(app)


def test_origins_tell_which_repository_blobs_came_from(
    layout: Layout, app: LayoutRepository
) -> None:
    shared, alone, elsewhere = Built("a", "b"), Built("b", "c"), Built("d")
    shared.into(app, "1")
    alone.into(layout.repository("team/web", domain="registry.example"))
    app.manifests.put(index([alone.manifest]), tags=["all"])
    elsewhere.into(layout.repository("team/app", domain="localhost"), "2")
    origins = layout.origins("registry.example")
    assert set(origins) == {*shared.blobs, *alone.blobs}
    assert set(origins.values()) == {"team/app", "team/web"}
    assert set(layout.origins("localhost")) == set(elsewhere.blobs)
    assert layout.origins("other.example") == {}


def test_f7_fetch_completes_a_part_from_where_it_stands(
    tmp_path: Path, app: LayoutRepository
) -> None:
    raw = noise("big", 3_500_000)
    blob = Descriptor("application/octet-stream", Digest.of(raw), len(raw))
    put_blobs(app, {blob.digest: raw})
    target = Layout(tmp_path / "copy").repository("team/app")
    with target.blobs.part(blob) as part:
        part.write(raw[:1000])
    positions: list[int] = []
    with target.blobs.part(blob) as part:
        app.blobs.fetch(blob, part, on_position=positions.append)
        part.commit()
    assert positions[0] == 1000
    assert positions[-1] == len(raw)
    assert target.blobs.holds(blob)
    assert target.blobs.get(blob.digest) == raw


def test_a_part_that_began_wrong_is_begun_anew(tmp_path: Path, app: LayoutRepository) -> None:
    raw = noise("big", 5000)
    blob = Descriptor("application/octet-stream", Digest.of(raw), len(raw))
    put_blobs(app, {blob.digest: raw})
    target = Layout(tmp_path / "copy").repository("team/app")
    with target.blobs.part(blob) as part:
        part.write(b"wrong")
        app.blobs.fetch(blob, part)
        part.commit()
    assert target.blobs.get(blob.digest) == raw


def test_fetch_of_a_damaged_blob_leaves_nothing_of_it(
    tmp_path: Path, layout: Layout, app: LayoutRepository
) -> None:
    raw = noise("big", 5000)
    blob = Descriptor("application/octet-stream", Digest.of(raw), len(raw))
    put_blobs(app, {blob.digest: raw})
    path = layout.path / "blobs/sha256" / blob.digest.encoded
    path.write_bytes(raw[:-1] + b"!")
    target = Layout(tmp_path / "copy").repository("team/app")
    with (
        target.blobs.part(blob) as part,
        pytest.raises(DigestMismatchError, match=path.name) as caught,
    ):
        app.blobs.fetch(blob, part)
    assert "pull the image again" in str(caught.value)
    assert part.offset == 0
    assert not app.blobs.holds(blob)
    short = Descriptor(blob.media_type, blob.digest, 4999)
    with (
        target.blobs.part(short) as part,
        pytest.raises(SizeMismatchError, match="has 5,000 bytes"),
    ):
        app.blobs.fetch(short, part)


def test_w_b1_the_end_of_a_damaged_blob_is_held_back(layout: Layout, app: LayoutRepository) -> None:
    raw = noise("big", 2_500_000)
    digest = Digest.of(raw)
    put_blobs(app, {digest: raw})
    path = layout.path / "blobs/sha256" / digest.encoded
    path.write_bytes(b"?" + raw[1:])
    with app.blobs.open(digest) as stream:
        got = b""
        for _ in range(2):
            with pytest.raises(DigestMismatchError, match=digest):
                got += b"".join(iter(lambda: stream.read(100_000), b""))
        assert got == b""
        assert stream.tell() < len(raw)
    with app.blobs.open(digest) as stream, pytest.raises(DigestMismatchError):
        stream.read()


def test_blobs_are_seekable_and_proven_again_from_the_start(
    layout: Layout, app: LayoutRepository
) -> None:
    raw = noise("big", 2_500_000)
    digest = Digest.of(raw)
    put_blobs(app, {digest: raw, Digest.of(b""): b""})
    with app.blobs.open(digest) as stream:
        assert stream.seek(-10, io.SEEK_END) == len(raw) - 10
        assert stream.read() == raw[-10:]
        stream.seek(2_000_000)
        assert stream.read(5) == raw[2_000_000:2_000_005]
        stream.seek(0)
        assert stream.read() == raw
    with app.blobs.open(digest) as stream:
        stream.read(2_000_000)
        with (layout.path / "blobs/sha256" / digest.encoded).open("r+b") as file:
            file.write(b"?")
        stream.seek(0)
        with pytest.raises(DigestMismatchError):
            stream.read()
    with app.blobs.open(Digest.of(b"")) as stream:
        assert stream.read() == b""


def test_what_is_missing_or_too_large_is_told(layout: Layout, app: LayoutRepository) -> None:
    put_blobs(app, {Digest.of(b"small"): b"small"})
    unknown = Digest.of(b"unknown")
    for ask in (app.blobs.stat, app.blobs.get, app.blobs.open):
        with pytest.raises(BlobUnknownError, match=unknown):
            ask(unknown)
    with pytest.raises(ManifestUnknownError, match=unknown):
        app.manifests.get(unknown)
    with pytest.raises(BodyTooLargeError, match="5 bytes"):
        app.blobs.get(Digest.of(b"small"), limit=4)


def test_cancel_ends_what_is_being_read_and_nothing_later(
    layout: Layout, app: LayoutRepository
) -> None:
    raw = noise("big", 2_500_000)
    put_blobs(app, {Digest.of(raw): raw})
    with app.blobs.open(Digest.of(raw)) as stream:
        stream.read(10)
        layout.cancel()
        with pytest.raises(OperationCancelledError):
            stream.read()
    assert app.blobs.get(Digest.of(raw)) == raw


def test_a_stream_outlives_the_layout_that_opened_it(app: LayoutRepository) -> None:
    raw = noise("big", 2_500_000)
    put_blobs(app, {Digest.of(raw): raw})
    with Layout(app.registry.path) as layout:
        stream = layout.repository("team/app").blobs.open(Digest.of(raw))
    with stream:
        assert stream.read() == raw


def test_a_folder_of_layouts_shows_the_repositories_of_each(tmp_path: Path) -> None:
    one, two = Built("a"), Built("b")
    tag = {"org.opencontainers.image.ref.name": "1"}
    named = {"io.containerd.image.name": "docker.io/library/nginx:1.27"}
    for path, built, called in (
        ("Team/App", one, tag),
        ("team/app", two, tag),
        ("web", two, named),
    ):
        blobs = [built.manifest.raw, *built.blobs.values()]
        hand_made(tmp_path / "all" / path, entry(built.manifest, **called), blobs=blobs)
    (tmp_path / "all" / "link").symlink_to(tmp_path / "all" / "web")
    (tmp_path / "all" / "notes.txt").write_text("not a layout")
    layout = Layout(tmp_path / "all")
    assert list(layout.repositories()) == ["team/app", "team/app-2", "web/library/nginx"]
    assert layout.repository("team/app").tags.get("1").digest == one.manifest.digest
    assert layout.repository("team/app-2").manifests.get("1") == two.manifest
    assert not layout.repository("team/app").manifests.exists(two.manifest.digest)
    assert set(layout.origins("docker.io").values()) == {"library/nginx"}
    with pytest.raises(RepositoryUnknownError):
        layout.repository("other").tags.all()
    with pytest.raises(ReadOnlyError, match="folder of several layouts"):
        layout.repository("other").manifests.put(one.manifest)
    two.into(layout.repository("web/library/nginx"), "1.28")
    two.into(layout.repository("team/app"), "1")
    again = Layout(tmp_path / "all")
    assert again.repository("web/library/nginx").tags.all() == ("1.27", "1.28")
    assert again.repository("team/app").tags.get("1").digest == two.manifest.digest
    assert Layout(tmp_path / "all/web").repository("library/nginx").tags.all() == ("1.27", "1.28")


def test_a_folder_with_other_things_in_it_is_no_layout(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    layout = Layout(tmp_path)
    with pytest.raises(LayoutError, match="is no OCI image layout"):
        layout.ping()
    with pytest.raises((LayoutError, ReadOnlyError)):
        Built("a").into(layout.repository("team/app"), "1")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


WRITER = """
import sys
from regnb.store.layout import Layout
from tests.store.building import Built
repository = Layout(sys.argv[1]).repository("team/app")
for number in range(20):
    Built(sys.argv[2], str(number)).into(repository, f"{sys.argv[2]}-{number}")
"""


def test_two_processes_that_write_at_once_lose_nothing(layout: Layout) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(layout.path), name])
        for name in ("a", "b")
    ]
    assert [process.wait(120) for process in started] == [0, 0]
    tags = layout.repository("team/app").tags.all()
    assert set(tags) == {f"{name}-{number}" for name in ("a", "b") for number in range(20)}
