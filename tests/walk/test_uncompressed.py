"""Layers that are asked how large they are uncompressed, and which are not."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from regnb.errors import RateLimitedError, UnreachableError
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, parse_manifest
from regnb.store.cache import ContentCache
from regnb.walk import asking as asking_module
from regnb.walk.budget import Budget
from regnb.walk.columns import NONE
from regnb.walk.crawl import crawl
from regnb.walk.inventory import Inventory
from regnb.walk.journal import Journal
from regnb.walk.progress import Progress
from regnb.walk.uncompressed import HOMES, frame_content_size
from tests.walk.fakes import FakeRegistry, Request, config_of

ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
CONFIG = config_of("one")
TAR = bytes(10_000)
GZIPPED, TWICE = gzip.compress(TAR), gzip.compress(TAR) + gzip.compress(bytes(7))
FRAME = bytes(pa.compress(TAR, codec="zstd", asbytes=True))
# A magic number, a descriptor that promises no size, a window; then a block would follow.
STREAMED = bytes.fromhex("28b52ffd0058") + bytes(30)


def image(layers: Mapping[bytes, str], *, lie: int = 0, urls: bool = False) -> ImageManifest:
    """An image of layers, by their bytes the media type of each."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": {
            "mediaType": media_types.OCI_CONFIG,
            "digest": Digest.of(CONFIG),
            "size": len(CONFIG),
        },
        "layers": [
            {
                "mediaType": media_type,
                "digest": Digest.of(raw),
                "size": len(raw) + lie,
                "urls": ["https://x.example"] if urls else [],
            }
            for raw, media_type in layers.items()
        ],
    }
    manifest = parse_manifest(json.dumps(document).encode())
    assert isinstance(manifest, ImageManifest)
    return manifest


def holding(repository: str, tag: str, layers: Mapping[bytes, str]) -> FakeRegistry:
    """A registry with one image, all of whose layers are there."""
    registry = FakeRegistry()
    registry.configs[Digest.of(CONFIG)] = CONFIG
    push(registry, repository, tag, layers)
    return registry


def push(registry: FakeRegistry, repository: str, tag: str, layers: Mapping[bytes, str]) -> None:
    registry.push(repository, tag, image(layers))
    registry.layers |= {(repository, Digest.of(raw)): raw for raw in layers}


def told(inventory: Inventory) -> dict[str, tuple[int, int]]:
    rows = inventory.uncompressed
    digests = [inventory.digests.values[code] for code in rows.column("digest").tolist()]
    cells = zip(rows.column("size").tolist(), rows.column("source").tolist(), strict=True)
    return dict(zip(digests, cells, strict=True))


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ("28b52ffd 20 05", 5),  # single segment: one byte
        ("28b52ffd 20 00", 0),
        ("28b52ffd 60 0000", 256),  # two bytes leave 256 out
        ("28b52ffd 60 ffff", 65_791),
        ("28b52ffd 40 58 0100", 257),  # with a window
        ("28b52ffd a0 00000100", 65_536),
        ("28b52ffd e0 0000000001000000", 2**32),
        ("28b52ffd 21 aa 05", 5),  # after a dictionary of one byte, of two, of four
        ("28b52ffd 22 aabb 05", 5),
        ("28b52ffd 23 aabbccdd 05", 5),
        ("28b52ffd c3 58 aabbccdd 0900000000000000", 9),  # the longest header
        ("28b52ffd 00 58 0000", NONE),  # no size
        ("28b52ffd e0 000000000100", NONE),  # cut off
        ("28b52ffd e0 ffffffffffffffff", NONE),  # which cannot be true
        ("28b52ffd", NONE),
        ("502a4d18 04000000 00000000", NONE),  # a frame to be skipped
        ("1f8b0800 00000000", NONE),
        ("", NONE),
    ],
)
def test_the_header_of_a_frame_is_read_as_rfc_8878_says(head: str, size: int) -> None:
    assert frame_content_size(bytes.fromhex(head)) == size


def test_each_compressed_layer_is_asked_once_for_a_few_of_its_bytes() -> None:
    gzipped, zstd = media_types.OCI_LAYER_GZIP, ZSTD
    registry = holding("a", "1", {GZIPPED: gzipped, FRAME: zstd, STREAMED: zstd, TAR: "x/y.tar"})
    push(registry, "b", "1", {GZIPPED: gzipped, TWICE: gzipped, b"-" * 50: "application/x-own"})
    inventory = crawl(registry, uncompressed=True)
    assert inventory.complete
    assert told(inventory) == {
        Digest.of(GZIPPED): (10_000, 0),
        Digest.of(FRAME): (10_000, 1),
        Digest.of(TWICE): (7, 0),  # of several members, the last
    }
    assert registry.count("range") == 4
    assert registry.asked["range", "a", Digest.of(GZIPPED)] == 1


def test_nobody_is_asked_without_being_told_to() -> None:
    registry = holding("a", "1", {GZIPPED: media_types.OCI_LAYER_GZIP})
    assert told(crawl(registry)) == {}
    assert registry.count("range") == 0


def test_nothing_is_asked_of_what_lies_elsewhere_or_is_no_gzip_by_its_size() -> None:
    registry = holding("a", "1", {b"short": media_types.OCI_LAYER_GZIP})
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    registry.push("a", "2", image({GZIPPED: foreign}))
    registry.push("a", "3", image({TWICE: media_types.OCI_LAYER_GZIP}, urls=True))
    inventory = crawl(registry, uncompressed=True)
    assert (told(inventory), registry.count("range")) == ({}, 0)
    assert told(crawl(FakeRegistry(), uncompressed=True)) == {}


def test_where_one_repository_lacks_a_layer_the_next_is_asked_but_not_all_of_them() -> None:
    layer = {GZIPPED: media_types.OCI_LAYER_GZIP}
    registry = holding("b", "1", layer)
    registry.push("a", "1", image(layer))
    inventory = crawl(registry, uncompressed=True)
    assert told(inventory) == {Digest.of(GZIPPED): (10_000, 0)}
    (failure,) = inventory.failures
    assert (failure.stage, failure.repository, failure.reference, failure.status) == (
        "blob", "a", Digest.of(GZIPPED), 404,
    )  # fmt: skip
    assert failure.parent_digest == image(layer).digest
    registry.layers.clear()
    for name in "cdefg":
        registry.push(name, "1", image(layer))
    inventory = crawl(registry, uncompressed=True)
    assert [one.repository for one in inventory.failures] == ["a", "b", "c"]
    assert len(inventory.failures) == HOMES


def test_a_manifest_that_lies_about_a_size_is_an_error_told_once() -> None:
    layer = {GZIPPED: media_types.OCI_LAYER_GZIP}
    registry = holding("a", "1", layer)
    for name in "ab":
        registry.push(name, "1", image(layer, lie=1))
        registry.layers[name, Digest.of(GZIPPED)] = GZIPPED
    inventory = crawl(registry, uncompressed=True)
    assert told(inventory) == {}
    assert [(one.repository, one.code) for one in inventory.failures] == [
        ("a", "SizeMismatchError")
    ]


def test_a_registry_that_sends_only_whole_layers_is_soon_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking_module, "MOST_WHOLES", 3)
    many = {gzip.compress(bytes([n])): media_types.OCI_LAYER_GZIP for n in range(40)}
    registry = holding("a", "1", many)
    registry.layers = dict.fromkeys(registry.layers)
    inventory = crawl(registry, uncompressed=True, workers=1)
    assert inventory.complete, "nothing is wrong with it"
    assert (told(inventory), registry.count("range")) == ({}, 3)
    first = min(registry.layers)
    registry.layers[first] = next(raw for raw in many if Digest.of(raw) == first[1])
    registry.asked.clear()
    some = crawl(registry, uncompressed=True, workers=1)
    assert len(told(some)) in {0, 1}
    assert registry.count("range") in {3, 40}, "all, once it has sent a part"


def test_what_layers_told_is_not_asked_again(tmp_path: Path) -> None:
    zstd, gzipped = ZSTD, media_types.OCI_LAYER_GZIP
    registry = holding("a", "1", {GZIPPED: gzipped, STREAMED: zstd})
    with_parts = crawl(registry, uncompressed=True, cache=ContentCache(tmp_path, limit=10**9))
    assert registry.count("range") == 2
    push(registry, "b", "1", {FRAME: zstd})
    again = crawl(registry, uncompressed=True, cache=ContentCache(tmp_path, limit=10**9))
    assert registry.count("range") == 3
    assert told(again) == told(with_parts) | {Digest.of(FRAME): (10_000, 1)}
    registry.url = "https://other.example"
    crawl(registry, uncompressed=True, cache=ContentCache(tmp_path, limit=10**9))
    assert registry.count("range") == 6, "no registry's word is taken for another's"


def test_a_walk_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    many = {gzip.compress(bytes([n])): media_types.OCI_LAYER_GZIP for n in range(20)}
    registry = holding("a", "1", many)

    def go_on(most: int | None) -> Inventory:
        journal = Journal(tmp_path / "walk.sqlite3")
        budget = Budget(max_requests=most)
        return crawl(registry, uncompressed=True, journal=journal, budget=budget, workers=1)

    calls = 0
    while not (inventory := go_on(7)).finished:
        calls += 1
        assert calls < 10
    assert calls >= 2
    assert len(told(inventory)) == len(many) == registry.count("range")


def test_what_fails_is_a_row_and_an_outage_ends_the_walk() -> None:
    registry = holding("a", "1", {GZIPPED: media_types.OCI_LAYER_GZIP})

    def disturb(request: Request) -> None:
        if request[0] == "range":
            raise RateLimitedError("too many", status=429)

    registry.disturb = disturb
    inventory = crawl(registry, uncompressed=True)
    assert [(one.stage, one.status, one.retriable) for one in inventory.failures] == [
        ("blob", 429, True)
    ]
    many = {gzip.compress(bytes([n])): media_types.OCI_LAYER_GZIP for n in range(20)}
    registry = holding("a", "1", many)
    registry.is_up = False

    def gone(request: Request) -> None:
        if request[0] == "range":
            raise UnreachableError("no answer")

    registry.disturb = gone
    inventory = crawl(registry, uncompressed=True, workers=1)
    assert not inventory.finished
    assert inventory.stopped


def test_an_interrupt_keeps_what_was_told() -> None:
    many = {gzip.compress(bytes([n])): media_types.OCI_LAYER_GZIP for n in range(20)}
    registry, inventory = holding("a", "1", many), Inventory("registry.example")
    let_go = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.layers >= 5:
            raise KeyboardInterrupt

    def hold(request: Request) -> None:
        if registry.count("range") > 6:
            let_go.wait(10)

    registry.disturb = hold
    with pytest.raises(KeyboardInterrupt):
        crawl(registry, uncompressed=True, workers=1, on_progress=stop, inventory=inventory)
    let_go.set()
    assert inventory.stopped == "interrupted"
    assert 5 <= len(told(inventory)) < 20


def test_progress_tells_how_many_layers_there_are() -> None:
    registry = holding("a", "1", {GZIPPED: media_types.OCI_LAYER_GZIP, FRAME: ZSTD})
    states: list[Progress] = []
    crawl(registry, uncompressed=True, on_progress=states.append)
    assert (states[-1].layers_known, states[-1].layers) == (2, 2)
