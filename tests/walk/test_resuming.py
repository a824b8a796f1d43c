"""A walk that is stopped, and the next one, which goes on with it."""

from __future__ import annotations

import signal
from itertools import count
from pathlib import Path

import pytest

from regnb.errors import DeniedError, RegistryUnavailableError, UnreachableError
from regnb.model.digest import Digest
from regnb.store.cache import ContentCache
from regnb.walk import crawl as crawl_module
from regnb.walk.budget import LOSSES, UNREACHABLE, Budget, Purse
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal
from tests.walk.fakes import (
    LAYER_HERE,
    FakeRegistry,
    Request,
    config_of,
    elsewhere,
    image,
    index,
)
from tests.walk.seeing import A, B, C, company, contents, tags

HOUR = 3600 * 1_000_000


def holes() -> FakeRegistry:
    """A registry with all kinds of answers."""
    registry = company()
    registry.push("holes", "1", index(A, C, Digest.of(b"gone")), A)
    registry.push("holes", "2", index(C, index(C)), index(C))
    registry.push("layers", "1", elsewhere(LAYER_HERE, Digest.of(b"gone layer")))
    registry.tags["empty"] = {}
    registry.invalid["app"] = ("sha256:no",)
    del registry.configs[B.config.digest]
    registry.lost = {("app", A.config.digest)}
    registry.referrers = {("app", A.digest): (C.descriptor,), ("tool", A.digest): (B.descriptor,)}
    registry.hold("tool", B)
    return registry


def go_on(
    registry: FakeRegistry, folder: Path, *, most: int | None, inventory: Inventory | None = None
) -> Inventory:
    """One more call, as from another process."""
    cache = ContentCache(folder, limit=10**9)
    try:
        return crawl(
            registry,
            cache=cache,
            journal=Journal(folder / "walk.sqlite3"),
            budget=Budget(max_requests=most),
            inventory=inventory,
        )
    finally:
        cache.close()


@pytest.mark.parametrize("most", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("batch", [1, 1000])
def test_however_often_a_walk_is_stopped_nothing_is_asked_twice(
    tmp_path: Path, most: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl_module, "BATCH", batch)
    whole, registry = crawl(holes()), holes()
    for calls in count(1):
        inventory = go_on(registry, tmp_path, most=most)
        if inventory.finished:
            break
        assert inventory.stopped == f"budget: {most} request" + "s" * (most > 1)
        assert not inventory.complete
        assert calls < 100
    assert contents(inventory) == contents(whole)
    assert inventory.stopped == ""
    assert max(registry.asked.values()) == 1
    assert registry.catalogs == 1
    assert registry.requests <= calls * most
    assert not (tmp_path / "walk.sqlite3").exists(), "a finished walk leaves nothing"


def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    registry, numbers = holes(), count()

    def interrupt(request: Request) -> None:
        if next(numbers) == 15:
            signal.raise_signal(signal.SIGINT)

    registry.disturb = interrupt
    partial = Inventory("registry.example")
    with pytest.raises(KeyboardInterrupt):
        go_on(registry, tmp_path, most=None, inventory=partial)
    assert partial.stopped == "interrupted"
    asked = dict(registry.asked)
    inventory = go_on(registry, tmp_path, most=None)
    assert contents(inventory) == contents(crawl(holes()))
    twice = {request for request, times in registry.asked.items() if times > 1}
    # What was under way in the threads when the key was pressed may have been noted nowhere.
    assert len(twice) <= 8
    assert twice <= set(asked)


def test_what_may_be_better_next_time_is_asked_for_again(tmp_path: Path) -> None:
    registry = company()

    def fail(request: Request) -> None:
        if request[:2] == ("get", "tool"):
            raise RegistryUnavailableError("down", status=503)
        if request[:2] == ("list", "mirror/app"):
            raise DeniedError("not yours", status=403)

    registry.disturb = fail
    inventory = go_on(registry, tmp_path, most=8)
    assert {failure.status for failure in inventory.failures} == {403, 503}
    registry.disturb = lambda request: None
    inventory = go_on(registry, tmp_path, most=None)
    assert inventory.complete
    assert contents(inventory) == contents(crawl(company()))


def test_an_outage_stops_a_walk_and_the_next_goes_on(tmp_path: Path) -> None:
    registry = FakeRegistry()
    for number in range(200):
        registry.push("r", f"{number:03}", image(str(number)))
        registry.configs[image(str(number)).config.digest] = config_of(str(number))

    def lose(request: Request) -> None:
        if request[0] == "get" and request[2] >= "020":
            registry.is_up = False
            raise UnreachableError("gone")

    registry.disturb = lose
    inventory = go_on(registry, tmp_path, most=None)
    assert inventory.stopped == UNREACHABLE
    assert not inventory.complete
    assert len(inventory.failures) < LOSSES + 40
    assert all(failure.retriable for failure in inventory.failures)
    registry.disturb, registry.is_up = (lambda request: None), True
    asked = registry.count("get")
    inventory = go_on(registry, tmp_path, most=None)
    assert inventory.complete
    assert len(inventory.tags) == 200
    assert registry.count("get") - asked == 200 - 20, "what was answered is not asked again"


def test_an_outage_at_the_very_end_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = FakeRegistry()
    for number in range(10):
        registry.push("r", str(number), image(str(number)))

    def lose(request: Request) -> None:
        if request[0] == "config":
            registry.is_up = registry.count("config") <= 10 - LOSSES
            if not registry.is_up:
                raise UnreachableError("gone")

    monkeypatch.setattr(Purse, "check", lambda self: None)  # it may have looked a moment before
    registry.disturb = lose
    assert crawl(registry, workers=1).stopped == UNREACHABLE


def test_in_a_walk_what_fails_is_asked_for_less_often() -> None:
    registry, frugal = company(), set[bool]()
    registry.disturb = lambda request: frugal.add(registry.is_frugal)
    crawl(registry)
    assert frugal == {True}
    assert not registry.is_frugal


def test_the_window_is_that_of_both_walks_and_tags_keep_the_time_of_their_answer(
    tmp_path: Path,
) -> None:
    registry, clock = company(), [1_000 * HOUR]
    inventories = []
    for most in (6, None):
        clock[0] += HOUR
        cache = ContentCache(tmp_path, limit=10**9)
        journal = Journal(tmp_path / "walk.sqlite3", now=lambda: clock[0])
        inventory = Inventory("registry.example", now=lambda: clock[0])
        inventories.append(
            crawl(
                registry,
                cache=cache,
                journal=journal,
                budget=Budget(max_requests=most),
                inventory=inventory,
            )
        )
        cache.close()
    first, second = inventories
    assert second.complete
    assert second.started_at == first.started_at
    assert second.finished_at > first.finished_at
    times = second.tags.column("observed_at").tolist()
    assert sorted(set(times)) == [1_001 * HOUR, 1_002 * HOUR]
    assert times.count(1_001 * HOUR) == len(tags(first))


def test_a_clock_that_runs_back_breaks_nothing(tmp_path: Path) -> None:
    registry, clock = company(), count(1_000 * HOUR, -60_000_000)
    inventories = []
    for most in (6, None):
        cache = ContentCache(tmp_path, limit=10**9)
        journal = Journal(tmp_path / "walk.sqlite3", now=lambda: next(clock))
        inventory = Inventory("registry.example", now=lambda: next(clock))
        inventories.append(
            crawl(
                registry,
                cache=cache,
                journal=journal,
                budget=Budget(max_requests=most),
                inventory=inventory,
            )
        )
        cache.close()
    for inventory in inventories:
        assert inventory.started_at <= inventory.finished_at
    assert inventories[-1].complete
    assert max(registry.asked.values()) == 1, "a journal from the near future is a journal"
