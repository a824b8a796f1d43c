"""What skopeo and umoci wrote, pushed by regnb into a real docker-registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import regnb
from regnb import errors
from tests.integration.conftest import noise
from tests.integration.filling import layout, push
from tests.integration.moving import (
    Server,
    chosen,
    layout_blobs,
    server,
    skopeo_copy,
    skopeo_inspect,
    watched,
)
from tests.servers import TokenServer, docker_registry

pytestmark = pytest.mark.registry

LAYERS = [{"base.bin": noise("base", 300_000)}, {"app.bin": noise("app", 50_000)}]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A registry that holds one image of two layers, ``team/app:1.0``."""
    root = tmp_path_factory.mktemp("source")
    made = layout(root / "made", {"1.0": LAYERS})
    with server(root / "registry") as registry:
        push(made, "1.0", registry.host, "team/app:1.0")
        yield registry


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout of umoci's with that image."""
    return layout(tmp_path_factory.mktemp("made") / "made", {"1.0": LAYERS})


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Server]:
    """An empty registry."""
    with server(tmp_path / "target") as registry:
        yield registry


def test_a_layout_of_umoci_is_pushed_byte_for_byte(target: Server, tmp_path: Path) -> None:
    made = layout(tmp_path / "made", {"1.0": LAYERS})
    table = target.client.push(made, "new/app:1.0")
    assert target.blobs() == chosen(layout_blobs(made), table["digest"])
    assert len(skopeo_inspect(target.name("new/app:1.0"))["Layers"]) == 2


def test_a_layout_of_skopeo_is_pushed_byte_for_byte_and_goes_on_from_there(
    source: Server, target: Server, tmp_path: Path
) -> None:
    skopeo_copy(source.name("team/app:1.0"), f"oci:{tmp_path}/there:1.0")
    target.client.push(tmp_path / "there", "new/app:1.0")
    assert target.blobs() == layout_blobs(tmp_path / "there") == source.blobs()
    skopeo_copy(target.name("new/app:1.0"), f"oci:{tmp_path}/back:1.0")
    assert layout_blobs(tmp_path / "back") == source.blobs()
    skopeo_copy(target.name("new/app:1.0"), target.name("elsewhere/app:2"))
    assert target.client["elsewhere/app:2"].digest() == source.client["team/app:1.0"].digest()


def test_of_several_images_of_skopeo_the_one_meant_is_pushed_by_its_name(
    target: Server, tmp_path: Path
) -> None:
    made = layout(tmp_path / "made", {"1.0": LAYERS, "1.1": LAYERS[:1]})
    image = target.client.push(made, "made:1.1")
    assert set(target.blobs()) == set(image["digest"])
    assert len(image) == 3  # the layer, the config and the manifest


def test_a_push_costs_what_it_says_and_a_second_one_two_heads(
    source: Server, target: Server, tmp_path: Path
) -> None:
    skopeo_copy(source.name("team/app:1.0"), f"oci:{tmp_path}/there:1.0")
    with watched(target.client.url) as first:
        first.client.push(tmp_path / "there", "new/app:1.0")
        assert first.kinds() == {
            "HEAD manifests": 1,
            "HEAD blobs": 3,
            "POST uploads": 3,
            "PUT uploads": 3,
            "PUT manifests": 1,
        }
        blobs = source.blobs()
        manifest = source.client["team/app:1.0"].manifest()
        assert first.sent() == sum(len(raw) for raw in blobs.values()) - manifest.size
    with watched(target.client.url) as second:
        again = second.client.push(tmp_path / "there", "new/app:1.0")
        assert second.kinds() == {"HEAD manifests": 2}
        assert set(again["action"]) == {"skip"}


def test_a_push_without_credentials_stores_nothing_and_says_what_to_do(
    made: Path, tmp_path: Path
) -> None:
    root = tmp_path / "registry"
    with (
        docker_registry(root, htpasswd={"alice": "secret"}) as url,
        regnb.connect(url) as client,
        pytest.raises(errors.AuthenticationRequiredError, match=r"regnb\.login") as caught,
    ):
        client.push(made, "team/app:1.0")
    assert "/team/app/" in str(caught.value)
    assert not list(root.rglob("data"))


def test_a_push_by_an_account_that_may_only_pull_is_denied(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "registry"
    with TokenServer(tmp_path / "tokens", users={"bob": "secret"}) as tokens:
        tokens.grants = lambda user, access: {"pull"}
        realm = tokens.realm.split("/")[2]
        with (
            docker_registry(root, token=tokens) as url,
            regnb.connect(url, username="bob", password="secret", trust_realm=[realm]) as client,
            pytest.raises(errors.DeniedError, match="/team/app/") as caught,
        ):
            client.push(made, "team/app:1.0")
    (note,) = caught.value.__notes__
    assert any(digest in note for digest in layout_blobs(made))
    assert not list(root.rglob("data"))
