"""A walk of what was walked before: manifests and configs come out of the cache."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regnb.errors import RegistryUnavailableError
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.model.manifest import parse_manifest
from regnb.store.cache import ContentCache
from regnb.walk.crawl import crawl
from tests.walk.fakes import FakeRegistry, Request, config_of, image, index
from tests.walk.seeing import A, B, C, company, contents, members, tags


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ContentCache]:
    opened = ContentCache(tmp_path, limit=10**9)
    yield opened
    opened.close()


def test_a_second_walk_reads_no_manifest_and_no_config(cache: ContentCache) -> None:
    registry = company()
    first = contents(crawl(registry, cache=cache))
    registry.asked.clear()
    assert contents(crawl(registry, cache=cache)) == first
    assert registry.count("get") == registry.count("config") == registry.count("resolve") == 0
    assert registry.count("unchanged") == 4, "one conditional request a tag"
    assert registry.count("head") == 4, "each repository says itself what it holds"
    assert max(registry.asked.values()) == 1


def test_what_was_seen_is_looked_for_only_where_a_registry_was_walked_before(
    cache: ContentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    really = cache.sightings

    def counted(registry: str, repository: str) -> dict[str, Digest]:
        looked.append(repository)
        return really(registry, repository)

    monkeypatch.setattr(cache, "sightings", counted)
    crawl(company(), cache=cache)
    assert looked == []
    crawl(company(), cache=cache)
    assert set(looked) == {"app", "mirror/app", "tool"}


def test_the_next_session_knows_as_much(cache: ContentCache) -> None:
    registry = company()
    crawl(registry, cache=cache)
    cache.close()
    assert cache.path is not None
    registry.asked.clear()
    again = ContentCache(cache.path.parent, limit=10**9)
    crawl(registry, cache=again)
    again.close()
    assert registry.count("get") == registry.count("config") == 0


def test_only_a_tag_that_moved_is_read(cache: ContentCache) -> None:
    registry = company()
    crawl(registry, cache=cache)
    registry.push("tool", "a", C)
    registry.asked.clear()
    inventory = crawl(registry, cache=cache)
    assert ("tool", "a", str(C.digest)) in tags(inventory)
    assert [r for r in registry.asked if r[0] == "get"] == [("get", "tool", "a")]
    assert [r[2] for r in registry.asked if r[0] == "config"] == [C.config.digest]


def test_content_of_another_registry_spares_reading_but_not_asking(cache: ContentCache) -> None:
    crawl(company(), cache=cache)
    other = FakeRegistry()
    other.url = "https://other.example"
    other.push("r", "1", index(A, B), A)
    inventory = crawl(other, cache=cache)
    assert [r[2] for r in other.asked if r[0] == "get"] == ["1"], "it was never seen to be there"
    assert {r[2] for r in other.asked if r[0] == "head"} == {A.digest, B.digest}
    assert members(inventory)["r", B.digest] is False
    documents = inventory.documents.column("digest").tolist()
    assert B.digest not in [inventory.digests.values[code] for code in documents]
    assert [failure.reference for failure in inventory.failures] == [B.digest]
    assert other.count("config") == 0


def test_a_type_that_stands_in_no_manifest_is_that_of_the_registry(cache: ContentCache) -> None:
    raw = b'{"schemaVersion": 1, "fsLayers": []}'
    for media_type in (media_types.SCHEMA1, media_types.SCHEMA1_SIGNED):
        registry = FakeRegistry()
        registry.push("r", "1", parse_manifest(raw, media_type=media_type))
        inventory = crawl(registry, cache=cache, configs=False)
        [code] = inventory.documents.column("media_type").tolist()
        assert inventory.texts.values[code] == media_type


def test_what_was_seen_in_a_repository_is_not_shown_where_it_does_not_answer(
    cache: ContentCache,
) -> None:
    registry = company()
    crawl(registry, cache=cache)

    def fail(request: Request) -> None:
        if request[1] == "app" and request[0] != "list":
            raise RegistryUnavailableError("down", status=503)

    registry.disturb = fail
    inventory = crawl(registry, cache=cache)
    assert {(r, t): d for r, t, d in tags(inventory) if r == "app"} == {
        ("app", "1"): "",
        ("app", "latest"): "",
    }
    assert not any(repository == "app" for repository, _ in members(inventory))


@pytest.mark.parametrize("damage", ["DELETE FROM bodies", "UPDATE bodies SET body = x'00'"])
def test_content_that_is_gone_or_damaged_is_read_again(cache: ContentCache, damage: str) -> None:
    registry = company()
    first = contents(crawl(registry, cache=cache))
    assert cache.path is not None
    with sqlite3.connect(cache.path) as other:
        other.execute(damage)
    other.close()
    registry.asked.clear()
    assert contents(crawl(registry, cache=cache)) == first
    assert registry.count("get") >= len({A, B, index(A, B)})
    assert registry.count("config") == 2
    assert max(registry.asked.values()) == 1
    crawl(registry, cache=cache)  # what was dropped has taken its sightings along
    registry.asked.clear()
    assert contents(crawl(registry, cache=cache)) == first
    assert registry.count("get") == registry.count("config") == 0


def test_what_was_let_go_for_want_of_room_is_read_anew(tmp_path: Path) -> None:
    registry, cache = company(), ContentCache(tmp_path, limit=0)
    first = contents(crawl(registry, cache=cache))
    registry.asked.clear()
    assert contents(crawl(registry, cache=cache)) == first
    assert registry.count("unchanged") == 0, "nothing could be done with such an answer"
    assert max(registry.asked.values()) == 1
    cache.close()


@dataclass
class Limit:
    remaining: int | None = 100


@pytest.mark.parametrize("known", [False, True])
def test_where_gets_are_counted_tags_cost_none(cache: ContentCache, known: bool) -> None:
    registry = company()
    if known:
        crawl(registry, cache=cache)
    registry.rate_limit = Limit()
    registry.asked.clear()
    inventory = crawl(registry, cache=cache if known else None)
    assert inventory.complete
    assert registry.count("resolve") == 4
    assert registry.count("unchanged") == 0
    got = [r[2] for r in registry.asked if r[0] == "get"]
    # Tags that name the same manifest read it once.
    expected = [] if known else [A.digest, B.digest, index(A, B).digest]
    assert sorted(got) == sorted(expected)


def test_configs_of_one_registry_are_those_of_the_other(cache: ContentCache) -> None:
    for url in ("https://a.example", "https://b.example"):
        registry = FakeRegistry()
        registry.url = url
        registry.push("r", "1", image("a"))
        registry.configs[A.config.digest] = config_of("a")
        assert len(crawl(registry, cache=cache).configs) == 1
        assert registry.count("config") == (url == "https://a.example")


def test_a_config_that_cannot_be_read_stays_so(cache: ContentCache) -> None:
    broken = image("broken", config=b"[]")
    registry = FakeRegistry()
    registry.push("r", "1", broken)
    registry.configs[Digest.of(b"[]")] = b"[]"
    first = contents(crawl(registry, cache=cache))
    assert contents(crawl(registry, cache=cache)) == first
    assert registry.count("config") == 1
