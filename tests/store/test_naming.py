"""What images in a layout are called: after which registry, and in which repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regnb.client.sources import only_image
from regnb.client.transfers import domain_of
from regnb.model.reference import Reference
from regnb.store.docker_archive import DockerArchive
from regnb.store.layout import Layout
from regnb.store.names import Name, read_name
from tests.store.archives import Saved
from tests.store.building import Built, entry, hand_made, index_of

NAME = "io.containerd.image.name"
REF = "org.opencontainers.image.ref.name"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "images")


def names(folder: Path) -> list[str | None]:
    found: list[dict[str, Any]] = index_of(folder)["manifests"]
    return [one.get("annotations", {}).get(NAME) for one in found]


def test_one_name_from_two_registries_is_the_one_put_last_and_none_is_lost(layout: Layout) -> None:
    ours, theirs = (layout.repository("team/api", domain=f"{name}.example") for name in "ab")
    first, second = Built("a"), Built("b")
    first.into(ours, "other", "1")
    second.into(theirs, "1")
    assert names(layout.path) == [
        "a.example/team/api:other",
        "b.example/team/api:1",
        "a.example/team/api:1",
    ]
    assert ours.tags.get("1").digest == second.manifest.digest
    assert ours.tags.all() == ("other", "1")
    assert set(layout.origins("a.example")) == set(first.blobs)
    assert set(layout.origins("b.example")) == set(second.blobs)
    only = only_image(layout, Reference("", "team/api", tag="1"))
    assert only.digest() == second.manifest.digest
    for _ in range(2):  # the same again piles nothing up
        first.into(ours, "1")
        assert ours.tags.get("1").digest == first.manifest.digest
        assert sorted(map(str, names(layout.path))) == [
            "a.example/team/api:1",
            "a.example/team/api:other",
            "b.example/team/api:1",
        ]
    ours.tags.untag("1")
    assert ours.tags.all() == ("other",)


def test_a_name_without_a_registry_is_replaced_by_one_of_localhost(tmp_path: Path) -> None:
    old = Built("a")
    folder = hand_made(tmp_path / "images", entry(old.manifest, **{REF: "1"}))
    Built("b").into(Layout(folder).repository("images"), "1")
    assert names(folder) == ["localhost/images:1"]
    Built("c").into(Layout(folder).repository("images", domain="a.example"), "1")
    assert names(folder) == ["a.example/images:1", "localhost/images:1"]


def test_an_image_keeps_its_registry_from_layout_to_layout(layout: Layout, tmp_path: Path) -> None:
    assert layout.repository("team/api").domain == "localhost"
    Built("a").into(layout.repository("team/api", domain="a.example"), "1")
    Built("b").into(layout.repository("team/api"), "2")
    assert names(layout.path) == ["a.example/team/api:1", "a.example/team/api:2"]
    assert domain_of(layout.repository("team/api")) == "a.example"
    Built("c").into(layout.repository("team/api", domain="b.example"), "3")
    assert domain_of(layout.repository("team/api")) == "localhost"  # nobody can tell
    saved = Saved("a", tags=("c.example/team/app:1", "team/web:1")).into(tmp_path / "app.tar")
    archive = DockerArchive(saved)
    assert domain_of(archive.repository("team/app")) == "c.example"
    assert domain_of(archive.repository("team/web")) == "localhost"


def test_an_image_without_a_tag_is_in_the_repository_it_was_put_into(layout: Layout) -> None:
    api, web = (layout.repository(f"team/{name}", domain="a.example") for name in ("api", "web"))
    built = Built("a")
    digest = built.into(api).digest
    assert names(layout.path) == [f"a.example/team/api@{digest}"]
    built.into(web)
    assert list(layout.repositories()) == ["team/api", "team/web"]
    assert api.tags.all() == ()
    assert api.domain == "a.example"
    assert set(layout.origins("a.example").values()) == {"team/api"}
    only = only_image(layout, Reference("", "team/api", tag="1"))
    assert (only.name, only.digest()) == (f"team/api@{digest}", digest)
    built.into(api, "1")
    built.into(api)
    assert names(layout.path) == [f"a.example/team/web@{digest}", "a.example/team/api:1"]


def test_what_is_about_images_makes_no_repository(layout: Layout) -> None:
    app, built = layout.repository("team/app"), Built("a")
    note = Built("note", subject=built.manifest)
    built.into(app, "1")
    note.into(app)
    assert names(layout.path) == ["localhost/team/app:1", None]
    assert list(layout.repositories()) == ["team/app"]
    assert [one.digest for one in app.referrers.all(built.manifest.digest)] == [
        note.manifest.digest
    ]
    note_file = layout.path / "blobs/sha256" / note.manifest.digest.encoded
    note_file.unlink()
    assert list(Layout(layout.path).repositories()) == ["team/app", "images"]  # to be told of


def test_what_has_no_name_and_is_about_nothing_is_shown(tmp_path: Path) -> None:
    app, other = Built("a").manifest, Built("b").manifest
    folder = hand_made(
        tmp_path / "images", entry(app, **{NAME: "app:1"}), entry(other), blobs=[app.raw, other.raw]
    )
    assert list(Layout(folder).repositories()) == ["app", "images"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({NAME: f"a.example/app@sha256:{'0' * 64}"}, Name("app", None, "a.example")),
        ({NAME: f"app@sha256:{'0' * 64}", REF: "1"}, Name("app", "1")),
        ({NAME: f"app@sha256:{'0' * 64}", REF: "b.example/web:1"}, Name("web", "1", "b.example")),
        ({REF: f"app@sha256:{'0' * 64}"}, Name("app")),
        ({REF: "1"}, Name(tag="1")),
    ],
)
def test_a_name_may_hold_a_digest_in_place_of_a_tag(
    annotations: dict[str, str], expected: Name
) -> None:
    assert read_name(annotations) == (expected, None)
