"""Processes that are killed while they move images, and what the next ones make of what is left."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from urllib.parse import unquote, urlsplit

from regnb.client.connecting import connect
from regnb.core.registry import Registry
from regnb.core.repository import Repository
from regnb.errors import NotFoundError
from regnb.model.digest import Digest
from regnb.sample import serve
from regnb.sample.storage import Storage
from tests.faults.fault import Entry, Exchange, Fault
from tests.faults.messages import Pieces, Response
from tests.faults.moving import (
    MIB,
    TAG,
    Load,
    is_in_layout,
    is_in_registry,
    is_sound,
    is_tidy,
    load,
)
from tests.faults.proxy import Proxy
from tests.servers import docker_registry

NAME = "team/app"
LAYERS = 3
LAYER = 24 * MIB
MOST_LIVES = 40  # of one move: one that gets nowhere fails the test
PATIENCE = 120.0
_UPLOADS = "/blobs/uploads/"
LATE = 0.03  # seconds after the last byte within which a process ends what it does

# One process that has imported everything: what it forks can begin at once.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def pull(url: str, folder: Path) -> None:
    with connect(url) as client:
        client[f"{NAME}:{TAG}"].pull(folder, progress=False)


def push(url: str, folder: Path) -> None:
    with connect(url) as client:
        client.push(folder, f"{NAME}:{TAG}", progress=False)


Work = Callable[[str, Path], None]


def large(seed: int, *, size: int = LAYER) -> Load:
    """An image of some large layers of noise."""
    chance = Random(seed)
    return load([chance.randbytes(size) for _ in range(LAYERS)])


class Fuse:
    """Burns down with every byte on the wire, and then kills a process."""

    def __init__(self, process: ForkServerProcess, *, length: int, delay: float) -> None:
        """Kill the process so many bytes, and then seconds, from now."""
        self._process = process
        self._left = length
        self._delay = delay
        self._timer: threading.Timer | None = None

    def burn(self, count: int) -> None:
        """So many bytes have passed."""
        self._left -= count
        if self._left <= 0 and self._timer is None:
            self._timer = threading.Timer(self._delay, self._process.kill)
            self._timer.start()

    def put_out(self) -> None:
        """End before the process is collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


@dataclass(frozen=True, slots=True)
class Burning(Fault):
    """Nothing happens to a request; its bytes, and those of its answer, burn a fuse."""

    fuse: Fuse

    def on_request_body(self, exchange: Exchange, body: Pieces) -> Pieces:
        return self._burnt(body)

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        self.fuse.burn(1)
        response.body = self._burnt(response.body)
        return response

    async def _burnt(self, body: Pieces) -> Pieces:
        async for piece in body:
            yield piece
            self.fuse.burn(len(piece))


@dataclass(frozen=True, slots=True)
class Always:
    """A scenario of one fault."""

    fault: Fault

    def choose(self, origin: str, method: str, path: str) -> Fault | None:
        return self.fault


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one process.

    Attributes:
        killed: or else it went to its end.
        seen: the requests that it made.
    """

    killed: bool
    seen: list[Entry]

    @property
    def uploaded(self) -> int:
        """Bytes of blobs that it sent."""
        return sum(entry.received for entry in self.seen if _UPLOADS in entry.path)

    def of(self, method: str, path: str = "") -> list[Entry]:
        return [one for one in self.seen if one.method == method and path in one.path]


def live(work: Work, proxy: Proxy, folder: Path, fuse: tuple[int, float]) -> Life:
    """Let a process move an image, and kill it on the way, unless it is faster than its fuse."""
    before = len(proxy.seen())
    process = _context.Process(target=work, args=(proxy.url, folder))
    burning = Fuse(process, length=fuse[0], delay=fuse[1])
    proxy.scenario = Always(Burning(burning))
    process.start()
    process.join(PATIENCE)
    burning.put_out()
    code = process.exitcode
    process.close()
    assert code in (0, -signal.SIGKILL), f"it ended with {code}"
    return Life(code != 0, proxy.seen()[before:])


def together(work: Work, url: str, folder: Path, *, processes: int) -> None:
    """Let several processes do the same at once; all of them end well."""
    started = [_context.Process(target=work, args=(url, folder)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join(PATIENCE)
        assert process.exitcode == 0
        process.close()


@dataclass
class Kills:
    """What many kills came to.

    Attributes:
        kills: processes that were killed.
        moves: images that arrived.
        size: bytes of the blobs of those.
        moved: bytes of blobs that went over the wire for them.
        counts: what else was counted.
    """

    kills: int = 0
    moves: int = 0
    size: int = 0
    moved: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def extra(self) -> float:
        """Bytes that went over the wire once more, for each kill."""
        return (self.moved - self.size) / max(self.kills, 1)

    def arrived(self, moved: Load) -> None:
        """An image is where it should be."""
        self.moves += 1
        self.size += sum(map(len, moved.blobs.values()))

    def __str__(self) -> str:
        counted = "".join(f", {number:,} {what}" for what, number in self.counts.items())
        return (
            f"{self.kills} kills, {self.moves} images of {self.size:,} bytes arrived, "
            f"{self.extra / 1e6:.1f} MB moved again for each kill{counted}"
        )


def pulls(kills: int, seed: int, root: Path) -> Kills:
    """Kill pulls so often, each at another byte, and let others go on with them (F7)."""
    chance, result, moved = Random(seed), Kills(), large(seed)
    with serve(fill=None) as served, Proxy(served.url) as proxy:
        moved.into(served.storage, NAME)
        while result.kills < kills:
            folder = root / f"pulled-{result.moves}"
            for _ in range(MOST_LIVES):
                before = parts(folder)
                life = live(pull, proxy, folder, drawn(chance))
                result.kills += life.killed
                asked = life.of("GET", "/blobs/sha")
                result.moved += sum(entry.sent for entry in asked)
                result.counts["blobs gone on with"] += check_asked(asked, before)
                assert is_sound(folder)
                if not life.killed:
                    break
            assert is_in_layout(moved, folder)
            result.arrived(moved)
            shutil.rmtree(folder)
    return result


def drawn(chance: Random, most: int = LAYERS * LAYER // 2) -> tuple[int, float]:
    """A fuse: how many bytes it takes, and how long after that."""
    return chance.randrange(most), chance.uniform(0, LATE)


def parts(folder: Path) -> dict[str, int]:
    """What a layout has of blobs, by the hexadecimal digits of their digest: all, or some bytes."""
    whole = {file.name: file.stat().st_size for file in folder.glob("blobs/sha256/*")}
    begun = {f.name[7:-5]: f.stat().st_size for f in folder.glob(".regnb/sha256-*.part")}
    return begun | whole


def check_asked(asked: list[Entry], before: Mapping[str, int]) -> int:
    """See that no byte was asked for that was there; gives how many blobs were gone on with."""
    for entry in asked:
        start = before.get(entry.path.rpartition(":")[2], 0)
        assert entry.headers.get("Range") == (f"bytes={start}-" if start else None)
    return sum(1 for entry in asked if entry.headers.get("Range"))


def pushes(kills: int, seed: int, root: Path) -> Kills:
    """Kill pushes to a registry that keeps what arrives, and let others go on with them (F8)."""
    chance, result, moved = Random(seed), Kills(), large(seed)
    folder = moved.laid(root / "pushed")
    while result.kills < kills:
        with serve(fill=None) as served, Proxy(served.url) as proxy:
            for _ in range(MOST_LIVES):
                stored, sessions = held(moved, served.storage), kept(folder, served.storage)
                life = live(push, proxy, folder, drawn(chance))
                result.kills += life.killed
                result.moved += life.uploaded
                check_not_sent(life, stored)
                result.counts["uploads gone on with"] += check_gone_on(life, sessions)
                if not life.killed:
                    break
            assert is_in_registry(moved, served.storage, NAME)
            assert is_tidy(folder)
            result.arrived(moved)
    return result


def held(moved: Load, storage: Storage) -> set[Digest]:
    """The blobs of an image that a sample registry has."""
    return {one for one in moved.blobs if storage.blob(NAME, one) is not None}


def kept(folder: Path, storage: Storage) -> dict[str, int]:
    """How far the uploads are that a sample registry and a journal both know, by their path."""
    journaled = set()
    for file in folder.glob(".regnb/*.upload.json"):
        with suppress(ValueError):  # it was killed while it wrote that
            journaled.add(urlsplit(json.loads(file.read_bytes())["location"]).path)
    found = {}
    for upload in storage.uploads(NAME):
        with upload.lock:  # once the last byte that was sent has been taken
            found[f"/v2/{NAME}/blobs/uploads/{upload.id}"] = len(upload.data)
    return {path: size for path, size in found.items() if path in journaled}


def check_not_sent(life: Life, stored: set[Digest]) -> None:
    """See that no blob was sent that the registry had."""
    ended = {unquote(one.target.partition("digest=")[2]) for one in life.of("PUT", _UPLOADS)}
    assert not ended & stored


def check_gone_on(life: Life, sessions: Mapping[str, int]) -> int:
    """See that uploads went on where they stood; gives how many there were."""
    asked: set[str] = set()
    gone_on = 0
    for entry in life.of("GET", _UPLOADS) + life.of("PATCH"):
        if entry.path not in sessions:
            continue
        if entry.method == "GET":
            asked.add(entry.path)
            continue
        assert entry.path in asked
        start, _, _ = (entry.headers.get("Content-Range") or "").partition("-")
        assert int(start) == sessions[entry.path]
        gone_on += 1
    begun = len(life.of("POST", _UPLOADS))
    assert begun <= LAYERS + 1 - len(sessions)
    return gone_on


def pushes_anew(kills: int, seed: int, root: Path) -> Kills:
    """Kill pushes to docker-registry, which forgets an upload whose connection breaks (W-P3)."""
    chance, result, moved = Random(seed), Kills(), large(seed)
    folder = moved.laid(root / "pushed anew")
    while result.kills < kills:
        with (
            docker_registry(root / f"registry-{result.moves}") as url,
            Registry(url) as direct,
            Proxy(url) as proxy,
        ):
            repository = direct.repository(NAME)
            for _ in range(MOST_LIVES):
                stored = {one for one in moved.blobs if holds(repository, one)}
                life = live(push, proxy, folder, drawn(chance, 3 * LAYERS * LAYER // 2))
                result.kills += life.killed
                result.moved += life.uploaded
                check_not_sent(life, stored)
                if not life.killed:
                    break
            for digest, raw in moved.blobs.items():
                assert repository.blobs.get(digest, limit=LAYER) == raw
            assert repository.manifests.get(TAG).raw == moved.top.raw
            assert is_tidy(folder)
            result.arrived(moved)
    return result


def holds(repository: Repository, blob: Digest) -> bool:
    try:
        return repository.blobs.stat(blob).size > 0
    except NotFoundError:
        return False
