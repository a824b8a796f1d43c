from __future__ import annotations

import random
import threading
import time

import pytest

from regnb.model.descriptor import ATTESTATION, REFERENCE_TYPE
from regnb.model.digest import Digest
from regnb.model.manifest import Index
from regnb.walk import crawl as crawl_module
from regnb.walk.crawl import crawl
from regnb.walk.progress import Progress
from tests.walk.fakes import FakeRegistry, Request, config_of, index
from tests.walk.seeing import A, B, C, company, contents, members, tags


def test_a_tag_costs_one_get_and_nothing_is_asked_for_twice() -> None:
    registry = company()
    inventory = crawl(registry)
    assert inventory.complete
    assert max(registry.asked.values()) == 1
    assert registry.count("list") == 3
    by_tag = [r for r in registry.asked if r[0] == "get" and ":" not in r[2]]
    by_digest = [r for r in registry.asked if r[0] == "get" and ":" in r[2]]
    assert len(by_tag) == 4
    # A came by the tag of tool, so that only B was left to be read.
    assert [r[2] for r in by_digest] == [B.digest]
    assert registry.count("config") == 2
    assert registry.count("resolve") == 0


def test_presence_comes_only_from_the_repository_itself() -> None:
    registry = company()
    inventory = crawl(registry)
    # A in app and in mirror/app, and B in the one of them that was not asked for its bytes.
    assert {r[1:] for r in registry.asked if r[0] == "head"} == {
        ("app", str(A.digest)),
        ("mirror/app", str(A.digest)),
        ("mirror/app", str(B.digest)),
    }
    assert members(inventory) == {
        (repository, str(manifest.digest)): True
        for repository, held in registry.manifests.items()
        for manifest in held.values()
    }


def test_a_child_that_a_tag_of_the_repository_answered_with_is_not_asked_for_again() -> None:
    registry = FakeRegistry()
    registry.push("r", "1", index(A), A)
    registry.push("r", "amd", A)
    crawl(registry, configs=False)
    assert registry.count("head") == 0
    assert registry.count("get") == 2


def test_what_one_repository_lacks_is_read_from_another() -> None:
    registry = FakeRegistry()
    top = index(A)
    registry.push("empty", "1", top)
    registry.push("full", "1", top, A)
    inventory = crawl(registry, configs=False)
    assert members(inventory)["empty", A.digest] is False
    assert members(inventory)["full", A.digest] is True
    assert [f.repository for f in inventory.failures] == ["empty"]
    assert max(registry.asked.values()) == 1


def test_configs_are_left_alone_unless_wanted_and_those_of_attestations_always() -> None:
    registry = FakeRegistry()
    registry.push("r", "1", index(A, annotations={REFERENCE_TYPE: ATTESTATION}), A)
    registry.push("r", "2", B)
    registry.configs[B.config.digest] = config_of("b")
    assert len(crawl(registry, configs=False).configs) == 0
    assert registry.count("config") == 0
    inventory = crawl(registry)
    assert inventory.complete
    assert len(inventory.configs) == 1


def test_a_cycle_of_indexes_ends() -> None:
    registry = FakeRegistry()
    one, other = Digest.of(b"one"), Digest.of(b"other")
    # No real digests can do this; a walk must not rely on that.
    registry.push("r", "1", Index("application/x", one, b"", index(other).manifests))
    registry.hold("r", Index("application/x", other, b"", index(one).manifests))
    inventory = crawl(registry)
    assert inventory.complete
    assert registry.count("get") == 2


def test_references_are_walked_without_a_listing() -> None:
    registry = company()
    top = registry.tags["app"]["1"]
    inventory = crawl(registry, references=[("app", "1"), ("tool", A.digest)])
    assert registry.count("list") == 0
    assert registry.count("catalog") == 0
    assert tags(inventory) == [("app", "1", top.digest)]
    assert members(inventory)["tool", A.digest] is True
    assert members(inventory)["app", B.digest] is True
    assert len(inventory.configs) == 2


def test_repositories_and_references_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        crawl(company(), repositories=["app"], references=[("app", "1")])


def test_repositories_are_walked_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = contents(crawl(company()))
    monkeypatch.setattr(crawl_module, "BATCH", 1)
    registry = company()
    assert contents(crawl(registry)) == whole
    assert max(registry.asked.values()) == 1


def test_f13_the_timing_of_threads_changes_nothing() -> None:
    def shaken(seed: int) -> tuple[object, ...]:
        registry, chance = company(), random.Random(seed)
        registry.push("holes", "1", index(A, C, Digest.of(b"gone")), A)
        registry.push("holes", "2", index(C, index(C)), index(C))
        del registry.configs[B.config.digest]
        registry.disturb = lambda request: time.sleep(chance.random() / 1000)
        return contents(crawl(registry))

    assert len({repr(shaken(seed)) for seed in range(8)}) == 1


def test_progress_is_told_from_the_calling_thread_and_ends_with_the_totals() -> None:
    registry, told, names = company(), list[Progress](), set[str]()

    def note(progress: Progress) -> None:
        told.append(progress)
        names.add(threading.current_thread().name)

    crawl(registry, on_progress=note)
    assert names == {threading.current_thread().name}
    assert told[-1] == Progress(
        repositories_known=3,
        repositories=3,
        tags_known=4,
        tags_done=4,
        manifests=3,
        configs=2,
        layers_known=0,
        layers=0,
        requests=15,
        errors=0,
    )
    assert [p.tags_done for p in told] == sorted(p.tags_done for p in told)


def test_no_more_requests_are_under_way_than_workers() -> None:
    registry, busy, most = company(), [0], [0]
    lock = threading.Lock()

    def watch(request: Request) -> None:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.001)
        with lock:
            busy[0] -= 1

    registry.disturb = watch
    crawl(registry, workers=2)
    assert most[0] <= 2
