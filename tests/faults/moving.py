"""Whole images that are pulled, pushed and copied while requests break in ways drawn by a seed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest import mock

from regnb.client.client import Client
from regnb.core.registry import Registry
from regnb.core.wire.limits import Limits
from regnb.errors import RegnbError
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, parse_manifest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from regnb.sample import Served, serve
from regnb.sample.storage import Manifest as Stored
from regnb.sample.storage import Storage
from regnb.store.names import REF_NAME
from regnb.transfer import into_registry
from tests.core.fakes import FakeTime
from tests.faults.menu import MENU
from tests.faults.proxy import Proxy
from tests.faults.scenario import RandomScenario, Scenario
from tests.store.building import described, entry, hand_made, index

MIB = 1 << 20
SMALL = (0, 1, 511, 512, 8191, 8192, 8193, 70_000)
LARGE = (MIB - 1, MIB, 3 * MIB + 7)
BATCH = 50  # images that share two registries
JOURNALED = 60_000  # so that the journal of uploads has its share of the trouble
TAG = "1.0"


@dataclass(frozen=True, slots=True)
class Load:
    """An image in memory.

    Attributes:
        blobs: by digest.
        manifests: what names another comes after it, so that the top is the last.
    """

    blobs: Mapping[Digest, bytes]
    manifests: tuple[Manifest, ...]

    @property
    def top(self) -> Manifest:
        return self.manifests[-1]

    @property
    def content(self) -> dict[Digest, bytes]:
        """All bytes, by digest."""
        return {**self.blobs, **{one.digest: one.raw for one in self.manifests}}

    def into(self, storage: Storage, name: str) -> None:
        """Put it into a sample registry."""
        for digest, raw in self.blobs.items():
            storage.put_blob(name, raw, digest=digest)
        for one in self.manifests:
            tags = [TAG] if one is self.top else []
            storage.put_manifest(name, Stored.read(one.raw, one.media_type), tags=tags)

    def laid(self, folder: Path) -> Path:
        """Put it into a new layout."""
        named = entry(self.top, **{REF_NAME: TAG})
        return hand_made(folder, named, blobs=self.content.values())


def load(*images: list[bytes]) -> Load:
    """An image of such layers; an index, where there are several."""
    blobs: dict[Digest, bytes] = {}
    manifests: list[Manifest] = []
    for number, layers in enumerate(images):
        config = json.dumps({"architecture": f"arch{number}", "os": "linux"}).encode()
        blobs |= {Digest.of(one): one for one in (config, *layers)}
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(config, OCI_CONFIG),
            "layers": [described(one, OCI_LAYER) for one in layers],
        }
        manifests.append(parse_manifest(json.dumps(document).encode()))
    if len(manifests) > 1:
        manifests.append(index(manifests))
    return Load(blobs, tuple(manifests))


def drawn(chance: Random) -> Load:
    """An image of a few layers, now and then a large one, for one platform or two."""
    images = []
    for _ in range(chance.choice([1, 1, 1, 2])):
        sizes = chance.sample(SMALL, chance.randint(1, 4))
        sizes += [chance.choice(LARGE)] if chance.random() < 0.25 else []
        images.append([chance.randbytes(size) for size in sizes])
    return load(*images)


@dataclass(frozen=True, slots=True)
class Trip:
    """A move: from a client and a name, to a client and a name, or to a folder."""

    go: Callable[[], object]
    arrived: Callable[[], bool]
    sound: Callable[[], bool]


@dataclass
class Moves:
    """What became of the moves of one kind.

    Attributes:
        tried: how many there were.
        whole: how many went through at once, with the right result.
        errors: those that ended in an error of `regnb.errors`, by its class.
        mended: those of them that a second call, without faults, completed.
        silent: seeds of those whose result was wrong, or after whose error something wrong stayed.
        untyped: seeds of those that ended in any other exception, and that.
    """

    tried: int = 0
    whole: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    mended: int = 0
    silent: list[int] = field(default_factory=list)
    untyped: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Side:
    """A registry, the proxy before it, and a client of that."""

    served: Served
    proxy: Proxy
    client: Client


@contextmanager
def side() -> Iterator[Side]:
    """An empty registry, and a client without patience for silence."""
    clock = FakeTime(seconds=1_700_000_000.0).clock()
    with (
        serve(fill=None, page_size=20) as served,
        Proxy(served.url) as proxy,
        Client(Registry(proxy.url, limits=Limits(read_timeout=1.0), clock=clock)) as client,
    ):
        yield Side(served, proxy, client)


def pull(moved: Load, name: str, here: Side, there: Side, folder: Path) -> Trip:
    moved.into(here.served.storage, name)
    return Trip(
        lambda: here.client[f"{name}:{TAG}"].pull(folder, progress=False),
        lambda: is_in_layout(moved, folder),
        lambda: is_sound(folder),
    )


def push(moved: Load, name: str, here: Side, there: Side, folder: Path) -> Trip:
    moved.laid(folder)
    return Trip(
        lambda: there.client.push(folder, f"{name}:{TAG}", progress=False),
        lambda: is_in_registry(moved, there.served.storage, name) and is_tidy(folder),
        lambda: names_only_what_is_there(there.served.storage, name),
    )


def copy(moved: Load, name: str, here: Side, there: Side, folder: Path) -> Trip:
    moved.into(here.served.storage, name)
    image, target = here.client[f"{name}:{TAG}"], there.client[f"{name}:{TAG}"]
    return Trip(
        lambda: image.copy_to(target, progress=False),
        lambda: is_in_registry(moved, there.served.storage, name),
        lambda: names_only_what_is_there(there.served.storage, name),
    )


KINDS: dict[str, Callable[[Load, str, Side, Side, Path], Trip]] = {
    "images pulled": pull,
    "images pushed": push,
    "images copied": copy,
}


def moves(count: int, seed: int, *, rate: float = 0.2) -> dict[str, Moves]:
    """Try `count` moves, each under faults of its own, drawn by its number and `seed`."""
    results = {kind: Moves() for kind in KINDS}
    for start in range(0, count, BATCH):
        with ExitStack() as held:
            held.enter_context(mock.patch.object(into_registry, "JOURNALED", JOURNALED))
            root = Path(held.enter_context(TemporaryDirectory()))
            here, there = held.enter_context(side()), held.enter_context(side())
            for number in range(seed + start, seed + min(start + BATCH, count)):
                chance = Random(number)
                kind = chance.choice(list(KINDS))
                moved = drawn(chance)
                trip = KINDS[kind](moved, f"team/app{number}", here, there, root / str(number))
                for one, own in ((here, number), (there, ~number)):
                    one.proxy.scenario = RandomScenario(own, MENU, rate=rate)

                def calm() -> None:
                    here.proxy.scenario = there.proxy.scenario = Scenario()  # noqa: B023 - called at once

                attempt(results[kind], number, trip, calm)
    return results


def attempt(result: Moves, number: int, trip: Trip, calm: Callable[[], None]) -> None:
    """Move one image, and judge how it ended; after an error, once more without faults."""
    result.tried += 1
    try:
        trip.go()
    except RegnbError as error:
        result.errors[type(error).__name__] += 1
    except Exception as error:
        result.untyped.append((number, repr(error)))
        return
    else:
        if trip.arrived():
            result.whole += 1
        else:
            result.silent.append(number)
        return
    right = trip.sound()
    calm()
    try:
        trip.go()
    except Exception as error:
        result.untyped.append((number, f"at the second call: {error!r}"))
        return
    if right and trip.arrived():
        result.mended += 1
    else:
        result.silent.append(number)


def is_in_layout(moved: Load, folder: Path) -> bool:
    """Whether a layout holds an image, byte for byte, and nothing else."""
    files = {file.name: file.read_bytes() for file in (folder / "blobs/sha256").iterdir()}
    (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    content = {digest.encoded: raw for digest, raw in moved.content.items()}
    return files == content and entry["digest"] == moved.top.digest and is_tidy(folder)


def is_tidy(folder: Path) -> bool:
    """Whether nothing is beside what belongs to a layout."""
    return {one.name for one in folder.iterdir()} == {"blobs", "index.json", "oci-layout"}


def is_sound(folder: Path) -> bool:
    """Whether each blob of a layout is what its name says, and each image of its index whole."""
    blobs = folder / "blobs/sha256"
    files = list(blobs.iterdir()) if blobs.exists() else []
    if any(Digest.of(file.read_bytes()).encoded != file.name for file in files):
        return False
    index = folder / "index.json"
    named = json.loads(index.read_bytes())["manifests"] if index.exists() else []
    names = {file.name for file in files}
    return all(is_whole(blobs, Digest(entry["digest"]), names) for entry in named)


def is_whole(blobs: Path, digest: Digest, names: set[str]) -> bool:
    """Whether a manifest of a layout is there, and all that it leads to."""
    if digest.encoded not in names:
        return False
    manifest = parse_manifest((blobs / digest.encoded).read_bytes())
    if isinstance(manifest, Index):
        return all(is_whole(blobs, one.digest, names) for one in manifest.manifests)
    return all(one.digest.encoded in names for one in manifest.references())


def is_in_registry(moved: Load, storage: Storage, name: str) -> bool:
    """Whether a sample registry holds an image, byte for byte, under its tag."""
    blobs = all(storage.blob(name, digest) == raw for digest, raw in moved.blobs.items())
    stored = {one.digest: storage.manifest(name, one.digest) for one in moved.manifests}
    raws = {digest: found.raw for digest, found in stored.items() if found is not None}
    tagged = storage.manifest(name, TAG)
    is_tagged = tagged is not None and tagged.raw == moved.top.raw
    return blobs and is_tagged and raws == {one.digest: one.raw for one in moved.manifests}


def names_only_what_is_there(storage: Storage, name: str) -> bool:
    """Whether what the tag of a sample registry leads to is there."""
    found = storage.manifest(name, TAG) if storage.knows(name) else None
    waiting = [] if found is None else [found.raw]
    while waiting:
        manifest = parse_manifest(waiting.pop())
        for one in manifest.references():
            if isinstance(manifest, ImageManifest):
                if storage.blob(name, one.digest) is None:
                    return False
            elif (below := storage.manifest(name, one.digest)) is None:
                return False
            else:
                waiting.append(below.raw)
    return True
