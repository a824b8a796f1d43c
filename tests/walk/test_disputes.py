"""Manifests that disagree on the size of a layer, and who is asked for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regnb.errors import DeniedError
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, parse_manifest
from regnb.store.cache import ContentCache
from regnb.walk import crawl as crawl_module
from regnb.walk.budget import Budget
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal
from tests.walk.fakes import FakeRegistry, Request, config_of

LAYER, OTHER = Digest.of(b"layer"), Digest.of(b"other")
CONFIG = config_of("one")


def claims(
    layer: Digest, size: int, *, urls: tuple[str, ...] = (), config: int = 0
) -> ImageManifest:
    """An image that says how large its only layer is, and how much larger its config."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": {
            "mediaType": media_types.OCI_CONFIG,
            "digest": Digest.of(CONFIG),
            "size": len(CONFIG) + config,
        },
        "layers": [
            {"mediaType": media_types.OCI_LAYER, "digest": layer, "size": size, "urls": list(urls)}
        ],
    }
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, ImageManifest)
    return manifest


def disagreeing() -> FakeRegistry:
    """Two repositories that disagree on one layer, and agree on another."""
    registry = FakeRegistry()
    registry.configs[Digest.of(CONFIG)] = CONFIG
    registry.push("a", "1", claims(LAYER, 1000))
    registry.push("b", "1", claims(LAYER, 5000, config=1))
    registry.push("b", "2", claims(OTHER, 7))
    registry.push("c", "1", claims(OTHER, 7))
    for name in ("a", "b"):
        registry.sizes[name, LAYER] = 1200
    return registry


def sizes(inventory: Inventory) -> dict[str, int]:
    digests = [inventory.digests.values[code] for code in inventory.sizes.column("digest").tolist()]
    return dict(zip(digests, inventory.sizes.column("size").tolist(), strict=True))


@pytest.mark.parametrize("batch", [1, 1000])
def test_one_question_settles_what_any_manifests_of_the_walk_disagree_on(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl_module, "BATCH", batch)
    registry = disagreeing()
    inventory = crawl(registry)
    assert inventory.complete
    assert sizes(inventory) == {LAYER: 1200}
    assert registry.count("stat") == registry.asked["stat", "a", LAYER] == 1


def test_a_config_that_is_not_read_is_asked_for_as_well() -> None:
    registry = disagreeing()
    registry.sizes["a", Digest.of(CONFIG)] = len(CONFIG)
    assert sizes(crawl(registry, configs=False)) == {LAYER: 1200, Digest.of(CONFIG): len(CONFIG)}


def test_where_one_repository_does_not_say_the_next_is_asked() -> None:
    registry = disagreeing()
    del registry.sizes["a", LAYER]
    inventory = crawl(registry)
    assert sizes(inventory) == {LAYER: 1200}
    assert [(one.stage, one.repository, one.reference) for one in inventory.failures] == [
        ("blob", "a", LAYER)
    ]


def test_what_nobody_says_or_what_cannot_be_true_is_an_error() -> None:
    registry = disagreeing()
    registry.sizes["a", LAYER] = 10**30

    def disturb(request: Request) -> None:
        if request == ("stat", "b", LAYER):
            raise DeniedError("no")

    registry.disturb = disturb
    inventory = crawl(registry)
    assert sizes(inventory) == {}
    assert not inventory.complete
    assert [one.repository for one in inventory.failures] == ["a", "b"]
    assert "1e+30 bytes, which cannot be true" in inventory.failures[0].message


def test_nobody_is_asked_for_what_lies_elsewhere() -> None:
    registry = disagreeing()
    for size in (1, 2):
        registry.push("d", str(size), claims(OTHER, size, urls=("https://x.example",)))
    registry.push("c", "1", claims(OTHER, 1, urls=("https://x.example",)))
    del registry.tags["b"]["2"]
    inventory = crawl(registry)
    assert inventory.complete
    assert sizes(inventory) == {LAYER: 1200}
    assert registry.asked["stat", "d", OTHER] == 1, "whether it lies here"


def test_a_walk_that_was_stopped_asks_when_it_goes_on(tmp_path: Path) -> None:
    registry = disagreeing()
    cache = ContentCache(tmp_path, limit=10**9)

    def go_on(most: int | None) -> Inventory:
        journal = Journal(tmp_path / "walk.sqlite3")
        return crawl(registry, cache=cache, journal=journal, budget=Budget(max_requests=most))

    calls = 0
    while not (inventory := go_on(1)).finished:
        assert sizes(inventory) == {}
        calls += 1
        assert calls < 30
    assert sizes(inventory) == {LAYER: 1200}
    assert registry.count("stat") == 1
    cache.close()
