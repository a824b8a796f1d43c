"""Copies between two real docker-registries, and within one: what is sent, and how often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import regnb
from tests.integration.conftest import noise
from tests.integration.filling import layout, push
from tests.integration.moving import (
    WRITES,
    Server,
    chosen,
    server,
    skopeo_blobs,
    skopeo_inspect,
    watched,
)

pytestmark = pytest.mark.registry

BASE = {"base.bin": noise("base", 200_000)}
TAGS = 60


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A registry with an image of three layers in ``team/app``, and many in ``team/many``."""
    root = tmp_path_factory.mktemp("source")
    images = [BASE, {"a.bin": noise("a", 70_000)}, {"b.bin": noise("b", 9_000)}]
    made = layout(root / "made", {"1.0": images})
    with server(root / "registry") as registry:
        push(made, "1.0", registry.host, "team/app:1.0")
        push(made, "1.0", registry.host, "team/many:latest")
        _add_tags(registry)
        yield registry


def _add_tags(registry: Server) -> None:
    """Images of their own under many tags, which share all layers but have a config each."""
    repository = registry.client["team/many"].core
    raw = repository.manifests.get("latest").raw
    config = registry.client["team/many:latest"].manifest().config
    content = repository.blobs.get(config.digest)
    for number in range(TAGS):
        other = content + b"\n" * (number + 1)  # JSON may end in blanks
        put = repository.blobs.put(other)
        document = raw.replace(config.digest.encode(), put.digest.encode()).replace(
            f'"size":{config.size}'.encode(), f'"size":{put.size}'.encode()
        )
        repository.manifests.put(document, tags=[f"v{number}"])


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Server]:
    """An empty registry."""
    with server(tmp_path / "target") as registry:
        yield registry


def test_a_copy_to_another_registry_keeps_every_byte(
    source: Server, target: Server, tmp_path: Path
) -> None:
    table = source.client["team/app:1.0"].copy_to(target.client["new/app:2.0"])
    assert target.blobs() == chosen(source.blobs(), table["digest"])
    assert skopeo_blobs(target.name("new/app:2.0"), tmp_path / "dir") == target.blobs()
    assert len(target.blobs()) == 5  # three layers, a config and the manifest


def test_by_full_names_a_copy_needs_no_client(source: Server, target: Server) -> None:
    regnb.copy(f"{source.host}/team/app:1.0", f"{target.host}/new/app")
    assert target.client["new/app:1.0"].digest() == source.client["team/app:1.0"].digest()


def test_a_copy_costs_what_it_says_and_a_second_one_sends_nothing(
    source: Server, target: Server
) -> None:
    with watched(source.client.url) as there, watched(target.client.url) as here:
        there.client["team/app:1.0"].copy_to(here.client["new/app"])
        assert there.kinds() == {"GET manifests": 1, "GET blobs": 4}
        assert here.kinds() == {
            "HEAD manifests": 1,
            "HEAD blobs": 4,
            "POST uploads": 4,
            "PUT uploads": 4,
            "PUT manifests": 1,
        }
        assert here.sent() == there.read()
    with watched(source.client.url) as there, watched(target.client.url) as here:
        there.client["team/app:1.0"].copy_to(here.client["new/app"])
        assert there.kinds() == {"GET manifests": 1}
        assert here.kinds() == {"HEAD manifests": 2}


def test_within_a_registry_everything_is_mounted_and_stored_once(tmp_path: Path) -> None:
    made = layout(tmp_path / "made", {"1.0": [BASE, {"a.bin": noise("a", 70_000)}]})
    with server(tmp_path / "registry") as registry:
        push(made, "1.0", registry.host, "team/app:1.0")
        before = registry.blobs()
        with watched(registry.client.url) as seen:
            table = seen.client["team/app:1.0"].copy_to(seen.client["new/app:1.0"])
            assert seen.kinds() == {
                "GET manifests": 1,
                "HEAD manifests": 1,
                "HEAD blobs": 3,
                "POST uploads": 3,
                "PUT manifests": 1,
            }
            assert seen.sent() == seen.read() == 0
        assert set(table["mount_from"].dropna()) == {"team/app"}
        assert registry.blobs() == before
        assert registry.linked("new/app") == registry.linked("team/app")
        assert len(registry.linked("new/app")) == 3
        assert len(skopeo_blobs(registry.name("new/app:1.0"), tmp_path / "dir")) == 4


def test_what_is_there_but_for_a_layer_costs_only_that_layer(
    source: Server, target: Server
) -> None:
    image = source.client["team/app:1.0"]
    image.copy_to(target.client["new/app"])
    missing = image.layers()["digest"].iloc[1]
    target.client["new/app"].core.manifests.delete(image.digest())
    target.client["new/app"].core.blobs.delete(missing)
    with watched(target.client.url) as here:
        table = image.copy_to(here.client["new/app"]).set_index("digest")
        assert here.sent() == table["size"][missing]
    assert set(table.index[table["action"] == "transfer"]) == {missing, image.digest()}
    assert set(table["action"]) == {"transfer", "skip"}


def test_a_whole_repository_costs_what_its_distinct_contents_cost(
    source: Server, target: Server
) -> None:
    with watched(source.client.url) as there, watched(target.client.url) as here:
        table = there.client["team/many"].copy_to(here.client["new/many"], tags=r"v\d+")
        blobs = int(table["kind"].isin(["config", "layer"]).sum())
        assert blobs == TAGS + 3
        assert there.kinds() == {"GET tags": 1, "GET manifests": TAGS, "GET blobs": blobs}
        assert here.kinds() == {
            "HEAD manifests": TAGS,
            "HEAD blobs": blobs,
            "POST uploads": blobs,
            "PUT uploads": blobs,
            "PUT manifests": TAGS,
        }
    assert len(target.client["new/many"].tags()) == TAGS
    assert "latest" not in set(target.client["new/many"].tags()["tag"])
    assert target.blobs() == chosen(source.blobs(), table["digest"])


def test_a_whole_repository_is_pulled_with_each_shared_layer_once(
    source: Server, tmp_path: Path
) -> None:
    with watched(source.client.url) as there:
        there.client["team/many"].pull(tmp_path, tags=r"v\d+")
        assert there.kinds() == {"GET tags": 1, "GET manifests": TAGS, "GET blobs": TAGS + 3}
    with watched(source.client.url) as again:
        again.client["team/many"].pull(tmp_path)
        assert again.kinds() == {"GET tags": 1, "GET manifests": TAGS + 1, "GET blobs": 1}


def test_a_dry_run_writes_nothing_and_foretells_the_run(source: Server, target: Server) -> None:
    with watched(source.client.url) as there, watched(target.client.url) as here:
        planned = there.client["team/many"].copy_to(here.client["new/many"], dry_run=True)
        assert not set(WRITES) & (there.counts() | here.counts()).keys()
        assert here.counts() == {"HEAD": TAGS + 1 + TAGS + 4}
        assert there.read() == 0
        assert target.blobs() == {}
        done = there.client["team/many"].copy_to(here.client["new/many"])
    assert done["action"].tolist() == planned["action"].tolist()
    assert done["digest"].tolist() == planned["digest"].tolist()


def test_several_tags_of_one_image_cost_no_blob_twice(source: Server, target: Server) -> None:
    core = source.client["team/app"].core
    core.manifests.put(core.manifests.get("1.0"), tags=["1", "latest"])
    with watched(source.client.url) as there, watched(target.client.url) as here:
        there.client["team/app"].copy_to(here.client["new/app"])
        assert there.kinds() == {"GET tags": 1, "GET manifests": 3, "GET blobs": 4}
        assert here.kinds() == {
            "HEAD manifests": 1,
            "HEAD blobs": 4,
            "POST uploads": 4,
            "PUT uploads": 4,
            "PUT manifests": 4,  # by digest, and for each tag
        }
    with watched(target.client.url) as here:
        source.client["team/app"].copy_to(here.client["new/app"])
        assert here.kinds() == {"HEAD manifests": 4}
    with watched(target.client.url) as here:
        source.client["team/app:1.0"].copy_to(here.client["new/app:other"])
        assert here.kinds() == {"HEAD manifests": 2, "PUT manifests": 1}
    assert sorted(target.client["new/app"].tags()["tag"]) == ["1", "1.0", "latest", "other"]


def test_layers_that_lie_elsewhere_are_named_there_too(source: Server, target: Server) -> None:
    core = source.client["team/app"].core
    document = json.loads(core.manifests.get("1.0").raw)
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": "sha256:" + "ab" * 32,
        "size": 1234,
        "urls": ["https://layers.example.com/base"],
    }
    document["layers"].append(foreign)
    core.manifests.put(json.dumps(document).encode(), tags=["foreign"])
    table = source.client["team/app:foreign"].copy_to(target.client["new/app"])
    assert table.set_index("digest")["action"][foreign["digest"]] == "foreign"
    raw = skopeo_inspect(target.name("new/app:foreign"), "--raw")
    assert raw["layers"][-1] == foreign
    assert len(target.blobs()) == 5
