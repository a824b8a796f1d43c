"""The long run behind ``make faults``: many transfers, each broken in ways drawn by a seed."""

from __future__ import annotations

import hashlib
import io
import resource
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from regnb.client.client import Client
from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.core.wire.limits import Limits
from regnb.errors import RegnbError
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_MANIFEST
from regnb.sample import Served, serve
from regnb.sample.storage import Manifest
from tests.core.fakes import FakeTime
from tests.core.samples import CONFIG, LAYER, MANIFEST, MANIFEST_DIGEST
from tests.faults.answers import Status
from tests.faults.endings import Break
from tests.faults.gates import BearerGate
from tests.faults.menu import MENU
from tests.faults.proxy import Proxy
from tests.faults.scenario import ALWAYS, RandomScenario, Rule, Scenario, in_order
from tests.faults.tokens import TokenExpires
from tests.servers import docker_registry

MIB = 1 << 20
SIZES = (0, 1, 512, 8191, 8192, 8193, 100_000, MIB - 1, MIB, 3 * MIB + 7)
BATCH = 100  # transfers that share a proxy and a client
NAME = "team/app"
TAGS = tuple(f"v{number}" for number in range(45))
THREADS = 8
TOKEN_USES = 25


@dataclass
class Transfers:
    """What became of the transfers of one kind.

    Attributes:
        tried: how many there were.
        whole: how many had the right result.
        errors: those that ended in an error of `regnb.errors`, by its class.
        silent: seeds of those whose result was wrong.
        untyped: seeds of those that ended in any other exception, and that.
        size: bytes of the blobs that were read whole.
        extra: bytes that came beyond those.
    """

    tried: int = 0
    whole: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    silent: list[int] = field(default_factory=list)
    untyped: list[tuple[int, str]] = field(default_factory=list)
    size: int = 0
    extra: int = 0


def noise(number: int, size: int) -> bytes:
    return Random(number).randbytes(size)


def peak_memory() -> int:
    """Bytes, of this process, at most so far: client, proxy and sample registry together."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def batch(seed: int) -> Iterator[tuple[Served, Proxy, Repository]]:
    """An empty registry, the proxy in front of it, and a client without patience for silence."""
    time = FakeTime(seconds=1_700_000_000.0)
    limits = Limits(read_timeout=2.0)
    with (
        serve(fill=None, page_size=20) as served,
        Proxy(served.url) as proxy,
        Registry(proxy.url, limits=limits, clock=time.clock()) as registry,
    ):
        for blob in (CONFIG, LAYER):
            served.storage.put_blob(NAME, blob, digest=Digest.of(blob))
        manifest = Manifest.read(MANIFEST, OCI_MANIFEST)
        served.storage.put_manifest(NAME, manifest, tags=list(TAGS))
        yield served, proxy, registry.repository(NAME)


def read(served: Served, repository: Repository, content: bytes) -> bool:
    digest = Digest.of(content)
    served.storage.put_blob(NAME, content, digest=digest)
    sha = hashlib.sha256()
    with repository.blobs.open(digest) as stream:
        while piece := stream.read(100_000):
            sha.update(piece)
        return stream.verified and sha.hexdigest() == digest.encoded


def put(served: Served, repository: Repository, content: bytes) -> bool:
    digest = repository.blobs.put(io.BytesIO(content)).digest
    return digest == Digest.of(content) and served.storage.blob(NAME, digest) == content


def write(served: Served, repository: Repository, content: bytes) -> bool:
    with repository.blobs.create(chunk_size=300_000) as writer:
        for start in range(0, len(content), 70_000):
            writer.write(content[start : start + 70_000])
        digest = writer.commit().digest
    return digest == Digest.of(content) and served.storage.blob(NAME, digest) == content


def list_tags(served: Served, repository: Repository, content: bytes) -> bool:
    return sorted(repository.tags.all()) == sorted(TAGS)


def get_manifest(served: Served, repository: Repository, content: bytes) -> bool:
    found = repository.manifests.get(TAGS[len(content) % len(TAGS)])
    return found.digest == MANIFEST_DIGEST and found.raw == MANIFEST


Work = Callable[[Served, Repository, bytes], bool]
KINDS: dict[str, Work] = {
    "blobs read": read,
    "blobs put": put,
    "blobs written in chunks": write,
    "listings of tags": list_tags,
    "manifests": get_manifest,
}


def transfers(count: int, seed: int, *, rate: float = 0.3) -> dict[str, Transfers]:
    """Try `count` transfers, each under faults of its own, drawn by its number and `seed`."""
    results = {kind: Transfers() for kind in KINDS}
    for start in range(0, count, BATCH):
        with batch(seed) as (served, proxy, repository):
            for number in range(seed + start, seed + min(start + BATCH, count)):
                chance = Random(number)
                kind = chance.choice(list(KINDS))
                content = noise(number, chance.choice(SIZES))
                proxy.scenario = RandomScenario(number, MENU, rate=rate)
                before = len(proxy.seen())
                attempt(results[kind], number, lambda: KINDS[kind](served, repository, content))  # noqa: B023 - called at once
                if kind == "blobs read":
                    sent = sum(entry.sent for entry in proxy.seen()[before:])
                    results[kind].size += len(content)
                    results[kind].extra += max(0, sent - len(content))
    return results


def attempt(result: Transfers, number: int, work: Callable[[], bool]) -> None:
    """Do one transfer, and judge how it ended: whole, in a typed error, or as it must not."""
    result.tried += 1
    try:
        right = work()
    except RegnbError as error:
        result.errors[type(error).__name__] += 1
    except Exception as error:
        result.untyped.append((number, repr(error)))
    else:
        if right:
            result.whole += 1
        else:
            result.silent.append(number)


@dataclass(frozen=True)
class Resets:
    """A large blob through many resets: bytes of the blob, bytes that were sent, memory grown."""

    size: int
    cuts: int
    sent: int
    verified: bool
    grown: int


def resets(folder: Path, *, size: int, cuts: int) -> Resets:
    """Read one blob from docker-registry through `cuts` connections that are reset (F14)."""
    piece = noise(1, MIB)
    path = folder / "large"
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(piece)
    with docker_registry(folder / "registry") as url, Registry(url) as direct:
        digest = direct.repository(NAME).blobs.put(path).digest
        scenario = in_order([Break(size // (cuts + 1))] * cuts, method="GET", path="/blobs/")
        clock = FakeTime().clock()
        with Proxy(url, scenario) as proxy, Registry(proxy.url, clock=clock) as registry:
            before = peak_memory()
            buffer = bytearray(256 * 1024)
            with registry.repository(NAME).blobs.open(digest) as blob:
                while blob.readinto(buffer):
                    pass
                verified = blob.verified
            sent = sum(entry.sent for entry in proxy.seen("GET", "/blobs/"))
            return Resets(size, cuts, sent, verified, peak_memory() - before)


def walk(tags: int, seed: int) -> tuple[int, int]:
    """Read `tags` tags while one request in a hundred is answered 503: read, and missing."""
    names = [f"t{number:05d}" for number in range(tags)]
    with serve(fill=None) as served:
        for blob in (CONFIG, LAYER):
            served.storage.put_blob(NAME, blob, digest=Digest.of(blob))
        served.storage.put_manifest(NAME, Manifest.read(MANIFEST, OCI_MANIFEST), tags=names)
        scenario = RandomScenario(seed, [Rule(Status(503), path="^/v2/")], rate=0.01)
        with Proxy(served.url, scenario) as proxy:
            core = Registry(proxy.url, clock=FakeTime().clock())
            with Client(core) as client:
                found = client[NAME].tags(details=True, progress=False)
    read_well = int(found["error"].isna().sum())
    return read_well, tags - read_well


def expiries(requests: int) -> tuple[int, int]:
    """Read in threads while tokens end after `TOKEN_USES` uses: token requests, and refusals."""
    with batch(0) as (served, _, _):
        gate = BearerGate("ada", "hunter2")
        rule = Rule(TokenExpires(TOKEN_USES), path="^/v2/", times=ALWAYS)
        with (
            Proxy(served.url, Scenario(rule), gate=gate) as proxy,
            Registry(
                proxy.url, username="ada", password="hunter2", clock=FakeTime().clock()
            ) as registry,
        ):
            repository = registry.repository(NAME)
            lock, seen = threading.Lock(), Counter[str]()

            def ask(number: int) -> None:
                digest = repository.manifests.get(TAGS[number % len(TAGS)]).digest
                with lock:
                    seen[digest] += 1

            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(ask, range(requests)))
            assert seen == {MANIFEST_DIGEST: requests}
            asked = len(proxy.seen(path="/token"))
            ended = sum(1 for entry in proxy.seen(path="/v2/") if entry.status == 401)
    return asked, ended
