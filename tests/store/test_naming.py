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
