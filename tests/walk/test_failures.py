from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regnb.errors import (
    AuthenticationRequiredError,
    BlobUnknownError,
    CatalogUnsupportedError,
    DeniedError,
    DigestMismatchError,
    RegistryError,
    RegistryUnavailableError,
    UnreachableError,
)
from regnb.interfaces import TagList
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest
from regnb.store.cache import ContentCache
from regnb.walk import crawl as crawl_module
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal
from tests.walk.fakes import LAYER_HERE, FakeRegistry, Request, config_of, image, index
from tests.walk.seeing import A, B, company, members, tags


def test_e7_a_missing_child_is_a_row_with_its_parent() -> None:
    registry = FakeRegistry()
    gone = Digest.of(b"gone")
    top = index(A, gone)
    registry.push("r", "1", top, A)
    inventory = crawl(registry, configs=False)
    [failure] = inventory.failures
    assert (failure.stage, failure.reference, failure.parent_digest) == (
        "manifest",
        gone,
        top.digest,
    )
    assert (failure.status, failure.code) == (404, "MANIFEST_UNKNOWN")
    assert members(inventory)["r", gone] is False
    assert not inventory.complete
    assert registry.asked["resolve", "r", "1"] == 1


@pytest.mark.parametrize("now", [index(A), None])
def test_a_missing_child_of_a_tag_that_moved_or_went_says_so(now: Index | None) -> None:
    registry = FakeRegistry()
    gone = [Digest.of(b"gone"), Digest.of(b"gone too")]
    registry.push("r", "1", index(*gone), A)

    def move(request: Request) -> None:
        if request[0] == "get" and ":" in request[2]:
            if now is None:
                registry.tags["r"].pop("1", None)
            else:
                registry.tags["r"]["1"] = now

    registry.disturb = move
    inventory = crawl(registry, configs=False)
    assert [failure.code for failure in inventory.failures] == ["TAG_MOVED", "TAG_MOVED"]
    assert all("moved" in failure.message for failure in inventory.failures)
    assert registry.asked["resolve", "r", "1"] == 1, "one look for all children of the tag"


def test_f11_a_tag_that_fails_keeps_its_row_and_the_walk_goes_on() -> None:
    registry = company()

    def fail(request: Request) -> None:
        if request == ("get", "app", "1"):
            raise RegistryUnavailableError("502 from a proxy", status=502)

    registry.disturb = fail
    inventory = crawl(registry)
    assert ("app", "1", "") in tags(inventory)
    assert len(tags(inventory)) == 4
    [failure] = inventory.failures
    assert (failure.status, failure.retriable, failure.reference) == (502, True, "1")
    assert not inventory.complete


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DeniedError("not yours", status=403), "denied"),
        (AuthenticationRequiredError("who are you", status=401), "denied"),
        (RegistryUnavailableError("down", status=503), "error"),
        (None, "404"),
    ],
)
def test_w_c5_a_repository_that_cannot_be_listed_has_a_status_and_a_row(
    error: Exception | None, status: str
) -> None:
    registry = company()

    def fail(request: Request) -> None:
        if error is not None and request[:2] == ("list", "tool"):
            raise error

    registry.disturb = fail
    if error is None:
        del registry.tags["tool"]
    inventory = crawl(registry, repositories=["app", "tool"], configs=False)
    names = inventory.repositories.values
    found = {
        names[repository]: (inventory.texts.values[text], count)
        for repository, text, count in zip(
            *(inventory.listings.column(n).tolist() for n in ("repository", "status", "tag_count")),
            strict=True,
        )
    }
    assert found == {"app": ("ok", 2), "tool": (status, -1)}
    assert [(f.stage, f.repository) for f in inventory.failures] == [("tags", "tool")]


def test_what_was_read_of_a_listing_that_broke_off_is_walked() -> None:
    registry = company()

    def fail(request: Request) -> None:
        if request[:2] == ("list", "app"):
            error = RegistryUnavailableError("page 2 is gone", status=502)
            error.partial = TagList(("latest",))
            raise error

    registry.disturb = fail
    inventory = crawl(registry, configs=False)
    assert [tag for repository, tag, _ in tags(inventory) if repository == "app"] == ["latest"]
    assert [(f.stage, f.repository) for f in inventory.failures] == [("tags", "app")]
    row = [inventory.repositories.values[c] for c in inventory.listings.column("repository")].index(
        "app"
    )
    assert inventory.listings.column("tag_count")[row] == -1, "nobody knows how many there are"


def test_an_empty_repository_is_no_error() -> None:
    registry = FakeRegistry()
    registry.tags["r"] = {}
    inventory = crawl(registry)
    assert inventory.complete
    assert inventory.texts.values[inventory.listings.column("status")[0]] == "empty"


def test_w_t8_names_that_are_no_tags_are_a_row_and_the_others_are_read() -> None:
    registry = company()
    registry.invalid["tool"] = ("-beta", "sha256:x\x1b[2J")
    inventory = crawl(registry, configs=False)
    [failure] = inventory.failures
    assert (failure.stage, failure.repository) == ("tags", "tool")
    assert "-beta" in failure.message
    assert "\x1b" not in failure.message
    assert ("tool", "a", A.digest) in tags(inventory)


def test_a_catalog_that_breaks_off_is_a_row_and_what_was_listed_is_walked() -> None:
    registry = company()

    def fail(request: Request) -> None:
        if request[0] == "catalog" and request[2] == "tool":
            raise RegistryUnavailableError("down", status=503)

    registry.disturb = fail
    inventory = crawl(registry, configs=False)
    assert [failure.stage for failure in inventory.failures] == ["catalog"]
    assert {repository for repository, _, _ in tags(inventory)} == {"app", "mirror/app"}


@pytest.mark.parametrize(
    "error",
    [
        CatalogUnsupportedError("no catalog here", status=404),
        UnreachableError("nobody there"),
        AuthenticationRequiredError("who are you", status=401),
    ],
)
def test_a_catalog_that_brings_nothing_raises(error: Exception) -> None:
    registry = company()

    def fail(request: Request) -> None:
        raise error

    registry.disturb = fail
    with pytest.raises(type(error)):
        crawl(registry)


def test_a_registry_that_was_never_reached_raises_although_names_are_given() -> None:
    registry = company()

    def fail(request: Request) -> None:
        raise UnreachableError("nobody there")

    registry.disturb = fail
    with pytest.raises(UnreachableError):
        crawl(registry, repositories=["app", "tool"])


def test_a_config_that_fails_is_a_row_of_its_manifest() -> None:
    registry = company()
    del registry.configs[B.config.digest]
    inventory = crawl(registry)
    assert [failure.repository for failure in inventory.failures] == ["app", "mirror/app"]
    for failure in inventory.failures:
        assert (failure.stage, failure.reference) == ("config", B.config.digest)
        assert failure.parent_digest == B.digest


@pytest.mark.parametrize("batch", [1, 1000])
@pytest.mark.parametrize(
    "error", [BlobUnknownError("gone", status=404), DeniedError("no", status=403)]
)
def test_a_config_is_read_from_whoever_has_it(
    batch: int, error: RegistryError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl_module, "BATCH", batch)
    registry = FakeRegistry()
    for name in ("aaa/first", "bbb/second", "team/reports", "zzz/last"):
        registry.push(name, "1", A)
        registry.push(name, "2", index(A), A)
    registry.configs[A.config.digest] = config_of("a")

    def fail(request: Request) -> None:
        if request[:2] in {("config", "aaa/first"), ("config", "bbb/second")}:
            raise error

    registry.disturb = fail
    inventory = crawl(registry)
    assert len(inventory.configs) == 1
    assert [(f.stage, f.repository) for f in inventory.failures] == [
        ("config", "aaa/first"),
        ("config", "bbb/second"),
    ]
    assert {f.parent_digest for f in inventory.failures} == {A.digest}
    assert not inventory.complete
    assert registry.count("config") == 3, "who comes after the one that has it is not asked"


def test_a_config_that_is_none_is_a_row() -> None:
    registry = FakeRegistry()
    broken = image("a", config=b"[]")
    registry.push("r", "1", broken)
    registry.push("s", "1", broken)
    registry.configs[broken.config.digest] = b"[]"
    inventory = crawl(registry)
    [failure] = inventory.failures
    assert (failure.stage, failure.code) == ("config", "InvalidDocumentError")
    assert registry.count("config") == 1, "it is the same wherever it lies"


def test_a_manifest_that_is_not_what_it_should_be_is_a_row_and_has_no_presence() -> None:
    registry = FakeRegistry()
    registry.push("r", "1", index(A, B), A, B)

    def fail(request: Request) -> None:
        if request[2] == A.digest:
            raise DigestMismatchError("other bytes")

    registry.disturb = fail
    inventory = crawl(registry, configs=False)
    [failure] = inventory.failures
    assert (failure.code, failure.retriable) == ("DigestMismatchError", False)
    assert ("r", A.digest) not in members(inventory)
    assert members(inventory)["r", B.digest] is True


def test_s10_indexes_that_lie_too_deep_are_a_row() -> None:
    registry = FakeRegistry()
    chain: list[Manifest] = [A]
    for _ in range(crawl_module.DEPTH + 2):
        chain.append(index(chain[-1]))
    registry.push("r", "1", *reversed(chain))
    inventory = crawl(registry, configs=False)
    assert [failure.code for failure in inventory.failures] == ["InvalidDocumentError"]
    assert len(inventory.documents) == crawl_module.DEPTH + 1


@pytest.mark.parametrize("part", [0.01, 0.5])
def test_tags_that_fail_leave_every_other_tag_read(part: float) -> None:
    registry, chance = FakeRegistry(), random.Random(1)
    for number in range(2000):
        registry.push(f"r{number % 20}", str(number), A)
    registry.configs[A.config.digest] = config_of("a")
    lost = {(f"r{number % 20}", str(number)) for number in range(2000) if chance.random() < part}

    def fail(request: Request) -> None:
        if request[1:] in lost:
            raise RegistryUnavailableError("503", status=503)

    registry.disturb = fail
    inventory = crawl(registry)
    found = tags(inventory)
    assert len(found) == 2000
    assert {(repository, tag) for repository, tag, digest in found if not digest} == lost
    assert len(inventory.failures) == len(lost) > 0


def test_a_mistake_in_the_program_is_raised() -> None:
    registry = company()

    def fail(request: Request) -> None:
        if request[0] == "get":
            raise ZeroDivisionError

    registry.disturb = fail
    inventory = Inventory("registry.example")
    with pytest.raises(ZeroDivisionError):
        crawl(registry, inventory=inventory)
    assert not inventory.complete


@pytest.fixture
def interrupted() -> Iterator[tuple[FakeRegistry, threading.Event]]:
    """A registry that interrupts the program at the tenth tag and hangs until it is let go."""
    registry, release = FakeRegistry(), threading.Event()
    for number in range(200):
        registry.push("r", f"{number:03}", A)
    answered = threading.Semaphore(9)

    def interrupt(request: Request) -> None:
        if request[0] == "get" and not answered.acquire(blocking=False):
            signal.raise_signal(signal.SIGINT) if request[2] == "009" else None
            release.wait(10)

    registry.disturb = interrupt
    yield registry, release
    release.set()


def test_ctrl_c_stops_the_threads_and_leaves_what_was_read(
    interrupted: tuple[FakeRegistry, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, release = interrupted
    monkeypatch.setattr("regnb.workers.GRACE", 0.0)
    inventory = Inventory("registry.example")
    others = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        crawl(registry, workers=4, inventory=inventory)
    assert not inventory.complete
    assert len(inventory.tags) == 9
    late = set(threading.enumerate()) - others
    release.set()
    for thread in late:
        thread.join(5)
    assert len(inventory.tags) == 9, "an answer that comes late is not noted"
    assert registry.count("get") < 20


def test_a_second_ctrl_c_still_ends_the_walk_and_keeps_its_journal(
    interrupted: tuple[FakeRegistry, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    registry, _ = interrupted
    monkeypatch.setattr("regnb.workers.GRACE", 0.0)
    inventory, cache = Inventory("registry.example"), ContentCache(None, limit=0)
    journal = Journal(tmp_path / "walk.sqlite3")

    def flush() -> None:
        if inventory.started_at < inventory.finished_at:
            raise KeyboardInterrupt

    monkeypatch.setattr(cache, "flush", flush)
    with pytest.raises(KeyboardInterrupt):
        crawl(registry, workers=4, inventory=inventory, cache=cache, journal=journal)
    assert not inventory.finished
    assert inventory.stopped == "interrupted"
    journal = Journal(tmp_path / "walk.sqlite3")
    assert journal.resumed
    journal.close(finished=True)


def test_a_layer_that_names_other_places_is_looked_for_once_and_trouble_is_a_row() -> None:
    registry = FakeRegistry()
    gone, broken = Digest.of(b"gone layer"), Digest.of(b"broken layer")
    here, elsewhere, unknown = (
        Descriptor(media_types.OCI_LAYER, digest, 10, urls=("https://elsewhere.example/x",))
        for digest in (LAYER_HERE, gone, broken)
    )
    for tag in ("1", "2"):
        registry.push("r", tag, replace(A, layers=(here, elsewhere, unknown)))

    def break_one(request: Request) -> None:
        if request[0] == "stat" and request[2] == broken:
            raise RegistryUnavailableError("busy", status=503)

    registry.disturb = break_one
    inventory = crawl(registry, configs=False)
    assert registry.count("stat") == 3
    [failure] = inventory.failures
    assert (failure.stage, failure.reference, failure.status) == ("blob", broken, 503)
    foreign = {
        inventory.digests.values[child]
        for child, flag in zip(
            inventory.edges.column("child"), inventory.edges.column("foreign"), strict=True
        )
        if flag
    }
    assert foreign == {gone}


def test_a_layer_that_one_of_two_repositories_holds_is_stored() -> None:
    inventory = Inventory("registry.example")
    layer = Descriptor(media_types.OCI_LAYER, LAYER_HERE, 10, urls=("https://x.example/y",))
    inventory.record(replace(A, layers=(layer,)))
    [code] = inventory.doubtful(inventory.digests.code(A.digest))
    inventory.mark_foreign(code)
    inventory.mark_here(code)
    inventory.finish()
    assert not inventory.edges.column("foreign").any()
