"""Images on disk behind the methods of a client."""

from __future__ import annotations

from pathlib import Path

import pytest

import regnb
from regnb.client.client import Client
from regnb.errors import LayoutError, ManifestUnknownError, RepositoryUnknownError
from regnb.model.digest import Digest
from regnb.store.layout import Layout
from tests.store.building import Built, entry, hand_made, index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    layout = Layout(tmp_path / "images.v1")
    app = layout.repository("team/app")
    first, second = Built("a", "b"), Built("b", "c")
    first.into(app, "1.0", "latest")
    second.into(app)
    app.manifests.put(index([first.manifest, second.manifest]), tags=["all"])
    second.into(layout.repository("web"), "2.0")
    return layout.path


@pytest.fixture
def client(folder: Path) -> Client:
    return regnb.connect(f"oci:{folder}/")


def test_the_catalog_and_the_tags(client: Client, folder: Path) -> None:
    assert client.name == "images.v1"
    assert client.url == f"oci:{folder}/"
    client.ping()
    assert client.catalog()["repository"].tolist() == ["team/app", "web"]
    assert set(client.catalog()["registry"]) == {"images.v1"}
    assert client["team/app"].tags()["tag"].tolist() == ["1.0", "all", "latest"]
    assert client["team/app"]._ipython_key_completions_() == ["1.0", "latest", "all"]
    assert client._ipython_key_completions_() == ["team/app", "web"]
    details = client["team/app"].tags(details=True).set_index("tag")
    assert details["platforms"]["1.0"] == "linux/amd64"
    assert details["layer_count"].isna().to_dict() == {"1.0": False, "all": True, "latest": False}
    assert details["error"].isna().all()


def test_an_image(client: Client) -> None:
    image = client["team/app:1.0"]
    built = Built("a", "b")
    assert image.manifest().raw == built.manifest.raw
    assert str(image.config().platform) == "linux/amd64"
    assert image.layers()["digest"].tolist() == [one.digest for one in built.manifest.layers]
    assert len(image.history()) == 0
    assert len(client["team/app:all"].platforms()) == 2
    assert client[f"web@{built.manifest.digest}"].digest() == built.manifest.digest


def test_an_audit(client: Client, folder: Path) -> None:
    audit = client.audit()
    assert audit.complete
    on_disk = {path.name: path.stat().st_size for path in folder.glob("blobs/*/*")}
    assert audit.usage(by="registry")["stored"].item() == sum(on_disk.values())
    assert client.audit(["web"]).tags["tag"].tolist() == ["2.0"]


def test_a_damaged_layout_gives_rows_of_errors(client: Client, folder: Path) -> None:
    gone, wrong = Built("a", "b").manifest, Built("b", "c").manifest
    (folder / "blobs/sha256" / gone.digest.encoded).unlink()
    (folder / "blobs/sha256" / wrong.config.digest.encoded).write_bytes(b"{}")
    audit = client.audit()
    assert not audit.complete
    assert {"1.0", "latest", gone.digest, wrong.config.digest} <= set(audit.errors["reference"])


def test_what_is_not_there_is_told_in_words_of_a_layout(client: Client) -> None:
    with pytest.raises(RepositoryUnknownError, match=r"images\.v1 holds no repository other"):
        client["other"].tags()
    with pytest.raises(RepositoryUnknownError, match="holds no repository other"):
        client["other:1"].manifest()
    with pytest.raises(ManifestUnknownError, match="has no tag 9"):
        client["web:9"].manifest()
    with pytest.raises(ManifestUnknownError, match="holds no manifest"):
        client[f"web@{Digest.of(b'')}"].manifest()


def test_names_in_an_index_that_are_none_are_warned_of(tmp_path: Path) -> None:
    raw = Built("a").manifest
    named = entry(raw, **{"org.opencontainers.image.ref.name": "../../etc/passwd"})
    folder = hand_made(tmp_path / "images", named, blobs=[raw.raw])
    with pytest.warns(regnb.errors.ListingWarning, match="etc/passwd"):
        assert len(regnb.connect(f"oci:{folder}")["images"].tags()) == 0


def test_a_folder_that_is_no_layout_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LayoutError, match="is no OCI image layout"):
        regnb.connect(f"oci:{tmp_path}").catalog()
    with pytest.raises(LayoutError):
        regnb.connect(f"oci:{tmp_path}").ping()


@pytest.mark.parametrize(
    "options",
    [{"username": "a", "password": "b"}, {"verify": False}, {"trust_realm": ["a"]}, {"ca": "x"}],
)
def test_only_a_registry_takes_options(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is on disk"):
        regnb.connect(f"oci:{tmp_path}", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="only a registry has logins"):
        regnb.login(f"oci:{tmp_path}", "a", "b")


def test_a_target_needs_a_path_and_a_port_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="write a path"):
        regnb.connect("oci:")
    assert regnb.connect("oci:5000").name == "oci:5000"
    assert hand_made(tmp_path / "5000").exists()
