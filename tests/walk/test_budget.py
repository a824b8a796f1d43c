from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from regnb.errors import (
    RateLimitedError,
    RegistryTimeoutError,
    RegistryUnavailableError,
    UnreachableError,
)
from regnb.walk import budget as budget_module
from regnb.walk.budget import GRACE, Budget, Purse, Stopped
from regnb.walk.crawl import crawl
from tests.walk.fakes import FakeRegistry, Request
from tests.walk.seeing import A, company


@dataclass
class Limit:
    remaining: int | None


def purse(
    registry: FakeRegistry | None = None, clock: list[float] | None = None, **budget: Any
) -> Purse:
    now = clock or [0.0]
    return Purse(Budget(**budget), registry or FakeRegistry(), monotonic=lambda: now[0])


def test_requests_are_counted_as_they_are_begun_and_as_they_are_sent() -> None:
    registry = FakeRegistry()
    registry.requests = 50
    money = purse(registry, max_requests=5)
    for _ in range(2):
        money.take()
    registry.requests = 50 + 4  # the pages of one listing
    money.take()
    registry.requests += 1
    with pytest.raises(Stopped, match=r"^budget: 5 requests$"):
        money.take()
    assert money.asked == 3


def test_no_more_than_the_budget_is_begun() -> None:
    money = purse(max_requests=1)
    money.take()
    with pytest.raises(Stopped, match=r"^budget: 1 request$"):
        money.take()


def test_when_the_time_is_up_nothing_is_begun_and_then_what_hangs_is_cancelled() -> None:
    clock = [100.0]
    money = purse(clock=clock, max_seconds=60)
    clock[0] = 159.9
    money.take()
    clock[0] = 160.0
    money.check()
    with pytest.raises(Stopped, match="budget: 1 min 00 s"):
        money.take()
    clock[0] = 160.1 + GRACE
    with pytest.raises(Stopped, match="budget: 1 min 00 s"):
        money.check()


@pytest.mark.parametrize(
    ("remaining", "stops"), [(101, False), (100, True), (0, True), (None, False)]
)
def test_some_of_the_rate_limit_is_kept(remaining: int | None, stops: bool) -> None:
    registry = FakeRegistry()
    registry.rate_limit = Limit(remaining)
    money = purse(registry, keep_rate_limit=100)
    if not stops:
        money.take()
        return
    with pytest.raises(Stopped, match=f"rate limit: {remaining} requests left, and 100 are to be"):
        money.take()


def test_what_is_under_way_will_be_taken_from_the_rate_limit() -> None:
    registry = FakeRegistry()
    registry.rate_limit = Limit(103)
    money = purse(registry, keep_rate_limit=100)
    for _ in range(3):
        money.take()
    with pytest.raises(Stopped, match="rate limit: 100 requests left, and 100 are to be"):
        money.take()
    money.note()  # it was no request that counts
    money.take()


def test_nothing_of_it_is_kept_unless_that_is_wanted() -> None:
    registry = FakeRegistry()
    registry.rate_limit = Limit(0)
    purse(registry).take()


def test_refusals_in_a_row_end_a_walk_and_single_ones_do_not() -> None:
    money = purse()
    for _ in range(5):
        money.note(RateLimitedError("later", status=429))
        money.note(RateLimitedError("later", status=429))
        money.take()
        money.note(RegistryUnavailableError("down", status=503))
    for _ in range(budget_module.REFUSALS):
        money.note(RateLimitedError("later", status=429))
    with pytest.raises(Stopped, match="429"):
        money.take()


def test_who_is_not_reached_has_not_answered() -> None:
    money = purse()
    money.note(UnreachableError("nobody"))
    assert money.answered == 0
    money.note(RegistryUnavailableError("down", status=503))
    assert money.answered == 1


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"max_requests": -1}, ValueError),
        ({"max_seconds": float("nan")}, ValueError),
        ({"max_seconds": "60"}, TypeError),
        ({"keep_rate_limit": True}, TypeError),
    ],
)
def test_what_is_no_amount_is_refused(wrong: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"{next(iter(wrong))}= is a number"):
        Budget(**wrong)


def test_a_walk_that_meets_429_everywhere_stops_and_says_why(tmp_path: Path) -> None:
    registry = FakeRegistry()
    for number in range(200):
        registry.push("r", str(number), A)

    def refuse(request: Request) -> None:
        if request[0] == "get":
            raise RateLimitedError("later", status=429)

    registry.disturb = refuse
    inventory = crawl(registry, workers=4)
    assert inventory.stopped == "rate limit: the registry takes no more requests for now (429)"
    assert not inventory.complete
    assert registry.count("get") < budget_module.REFUSALS + 4
    assert {failure.code for failure in inventory.failures} == {"RateLimitedError"}


def test_one_tag_that_is_always_refused_is_a_row() -> None:
    registry = company()

    def refuse(request: Request) -> None:
        if request == ("get", "tool", "a"):
            raise RateLimitedError("later", status=429)

    registry.disturb = refuse
    inventory = crawl(registry)
    assert inventory.finished
    assert [failure.repository for failure in inventory.failures] == ["tool"]


def test_a_registry_that_went_away_is_looked_for_once_and_ends_a_walk() -> None:
    registry = FakeRegistry()
    money, registry.is_up = purse(registry), False
    for _ in range(budget_module.LOSSES - 1):
        money.note(UnreachableError("gone"))
    money.note(RateLimitedError("alive", status=429))  # begins the count anew
    for _ in range(budget_module.LOSSES - 1):
        money.note(UnreachableError("gone"))
    money.take()
    assert registry.knocks == 0
    money.note(RegistryTimeoutError("gone"))
    for ask in (money.take, money.check, money.check_outage):
        with pytest.raises(Stopped, match=budget_module.UNREACHABLE):
            ask()
    assert registry.knocks == 1


def test_what_is_broken_for_good_in_a_registry_that_answers_ends_no_walk() -> None:
    registry = FakeRegistry()
    money = purse(registry)
    for _ in range(1000):
        money.note(RegistryUnavailableError("broken", status=500))
        money.take()
    assert 0 < registry.knocks < 10, "the longer it is so, the less often it is looked for"
