"""What has come is read together, and none of it is lost, however a walk ends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from regnb.core.rate_limit import RateLimit
from regnb.store.cache import ContentCache
from regnb.walk import arrivals
from regnb.walk.budget import Budget
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal
from regnb.walk.progress import Progress
from tests.walk.fakes import FakeRegistry, Request, config_of, image
from tests.walk.seeing import contents

TAGS = 100
NEVER = 10**6


@pytest.fixture
def registry() -> FakeRegistry:
    found = FakeRegistry()
    for number in range(TAGS):
        name = f"{number:03}"
        found.push("app", name, image(name))
        found.configs[image(name).config.digest] = config_of(name)
    return found


@pytest.mark.parametrize("together", [1, 7, NEVER])
def test_however_many_are_read_together_the_walk_sees_the_same(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    usual = crawl(registry)
    monkeypatch.setattr(arrivals, "TOGETHER", together)
    other = crawl(registry)
    assert other.complete
    assert len(other.tags) == len(other.configs) == TAGS
    assert contents(other) == contents(usual)


def test_where_gets_are_counted_each_call_with_a_budget_gets_further(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.rate_limit = RateLimit(remaining=1000)
    cache = ContentCache(tmp_path, limit=10**9)
    noted = []
    for _ in range(8):
        journal = Journal(tmp_path / "walk.sqlite3")
        inventory = crawl(
            registry, configs=False, cache=cache, journal=journal, budget=Budget(max_requests=40)
        )
        noted.append(len(inventory.tags))
        if inventory.finished:
            break
    cache.close()
    assert inventory.complete
    assert noted[0] > 10
    assert noted == sorted(set(noted))
    assert registry.count("resolve") == registry.count("get") == TAGS, "nothing is asked twice"


def test_what_came_before_a_budget_was_spent_is_noted(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "TOGETHER", NEVER)
    inventory = crawl(registry, budget=Budget(max_requests=50))
    assert inventory.stopped == "budget: 50 requests"
    assert registry.count("get") > 40
    assert len(inventory.tags) == len(inventory.documents) == registry.count("get")


def test_what_still_comes_while_an_interrupted_walk_ends_is_noted(registry: FakeRegistry) -> None:
    interrupted = threading.Event()

    def hold(request: Request) -> None:
        if request[0] == "get":
            assert interrupted.wait(10)

    def interrupt(progress: Progress) -> None:
        if registry.count("get"):
            raise KeyboardInterrupt

    registry.disturb = hold
    registry.cancel = interrupted.set  # type: ignore[method-assign]
    partial = Inventory("registry.example")
    with pytest.raises(KeyboardInterrupt):
        crawl(registry, on_progress=interrupt, inventory=partial)
    assert partial.stopped == "interrupted"
    assert len(partial.tags) == registry.count("get") > 0
