"""Which request meets which fault: rules count, and the same seed draws the same faults."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults import wire
from tests.faults.answers import Status
from tests.faults.conftest import BLOB
from tests.faults.endings import Break, CloseOnAccept, Drop
from tests.faults.fault import Fault
from tests.faults.menu import MENU
from tests.faults.proxy import Proxy
from tests.faults.scenario import (
    ALWAYS,
    CONNECT,
    ELSEWHERE,
    REGISTRY,
    RandomScenario,
    Rule,
    Scenario,
    in_order,
)
from tests.faults.uploads import BreakUpload
from tests.faults.upstream import Upstream

BUSY, BROKEN = Status(503), Status(500)
REQUESTS = [
    (CONNECT, ""),
    ("GET", BLOB),
    ("PATCH", "/v2/a/blobs/uploads/1"),
    ("PUT", "/v2/a/manifests/1"),
]


def _chosen(scenario: Scenario, *requests: str) -> list[Fault | None]:
    """What befalls requests written as ``METHOD /path``."""
    return [scenario.choose(REGISTRY, *request.split(" ", 1)) for request in requests]


def test_a_rule_befalls_the_nth_match_and_so_many_after() -> None:
    scenario = Scenario(Rule(BUSY, "GET", "/blobs/", nth=2, times=2))
    requests = ["GET /v2/a/blobs/1", "PUT /v2/a/blobs/1", "GET /v2/a/tags/list"]
    assert _chosen(scenario, *requests * 4) == [
        *(None, None, None),
        *(BUSY, None, None),
        *(BUSY, None, None),
        *(None, None, None),
    ]


def test_every_rule_counts_and_the_first_that_covers_wins() -> None:
    scenario = Scenario(Rule(BUSY, nth=2), Rule(BROKEN, times=3), Rule(None, "GET"))
    assert _chosen(scenario, *["GET /"] * 4) == [BROKEN, BUSY, BROKEN, None]


def test_a_rule_without_a_fault_lets_pass() -> None:
    scenario = Scenario(Rule(None, path="^/v2/$", times=ALWAYS), Rule(BUSY, times=ALWAYS))
    assert _chosen(scenario, "GET /v2/", "GET /v2/a/tags/list") == [None, BUSY]


def test_rules_stand_for_one_origin_and_never_for_connections_unasked() -> None:
    scenario = Scenario(Rule(BUSY, times=ALWAYS), Rule(BROKEN, times=ALWAYS, origin=""))
    assert scenario.choose(ELSEWHERE, "GET", "/") is BROKEN
    assert scenario.choose(REGISTRY, "GET", "/") is BUSY
    assert scenario.choose(REGISTRY, CONNECT, "") is None


def test_in_order_gives_each_request_its_own() -> None:
    scenario = in_order([BUSY, None, BROKEN], method="GET")
    assert _chosen(scenario, "GET /", "PUT /", "GET /", "GET /", "GET /") == [
        *(BUSY, None, None, BROKEN, None)
    ]


def _drawn(seed: int, *, rate: float = 0.5, count: int = 400) -> list[Fault | None]:
    scenario = RandomScenario(seed, MENU, rate=rate)
    return [scenario.choose(REGISTRY, *REQUESTS[n % len(REQUESTS)]) for n in range(count)]


def test_the_same_seed_and_order_draw_the_same_faults() -> None:
    assert _drawn(7) == _drawn(7)
    assert _drawn(7) != _drawn(8)


def test_the_rate_is_the_share_of_requests_in_trouble() -> None:
    assert _drawn(1, rate=0.0) == [None] * 400
    assert None not in _drawn(1, rate=1.0)
    assert 150 < sum(fault is not None for fault in _drawn(1)) < 250


def test_what_is_drawn_fits_the_request() -> None:
    drawn = _drawn(3, rate=1.0, count=4000)
    kinds = [Counter(type(fault) for fault in drawn[n::4]) for n in range(4)]
    assert set(kinds[0]) == {CloseOnAccept}
    assert Break in kinds[1]
    assert BreakUpload not in kinds[1]
    assert BreakUpload in kinds[2]
    assert Break not in kinds[2]
    assert Drop(forwarded=True) in drawn[3::4]
    assert Drop(forwarded=True) not in drawn[1::4]


def test_random_faults_through_the_proxy_are_the_same_every_time(upstream: Upstream) -> None:
    upstream.files["/v2/a/tags/list"] = b'{"tags": ["1", "2"]}'

    def run(seed: int) -> list[tuple[object, ...]]:
        with Proxy(upstream.url, RandomScenario(seed, MENU, rate=0.6)) as proxy:
            for target in ("/v2/a/tags/list", BLOB) * 20:
                wire.ask(proxy.url, "GET", target)
            return [(e.fault, e.target, e.status, e.sent) for e in proxy.seen()]

    first = run(5)
    assert run(5) == first
    assert run(6) != first


@pytest.mark.parametrize("fault", [rule.fault for rule in MENU], ids=repr)
def test_no_fault_of_the_menu_is_a_defect_of_the_proxy(upstream: Upstream, fault: Fault) -> None:
    methods = ("GET", "HEAD", "PATCH", "PUT")
    with Proxy(upstream.url, Scenario(Rule(fault, times=ALWAYS))) as proxy:
        for method in methods:
            body = b"" if method in ("GET", "HEAD") else bytes(20_000)
            wire.ask(proxy.url, method, BLOB, "Range: bytes=5-", body=body)
        assert [entry.method for entry in proxy.seen()] == list(methods)
