"""Moves that are stopped, by Ctrl-C or by another thread, and moves that meet each other."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from random import Random

import pytest

from regnb.client.client import Client
from regnb.client.connecting import connect
from regnb.errors import OperationCancelledError
from regnb.sample import Served, serve
from tests.faults import killing, moving
from tests.faults.fault import Exchange, Fault
from tests.faults.killing import NAME, parts
from tests.faults.messages import Pieces, Response
from tests.faults.moving import MIB, TAG, is_in_layout, is_in_registry, is_tidy
from tests.faults.proxy import Proxy
from tests.faults.scenario import Rule, Scenario

PATIENCE = 20.0  # of what hangs for ever, unless it ends at the signal
SOON = 1.0  # seconds after which Ctrl-C is pressed: a bar is there by then
SENT = 3 * MIB
SIZE = 9 * MIB  # large enough for an upload to be remembered
MOVED = moving.load([Random(1).randbytes(SIZE)])
LAYER = MOVED.manifests[0].references()[1]
PULL = "import sys, regnb; regnb.connect(sys.argv[1])[sys.argv[3]].pull(sys.argv[2], progress=True)"
PUSH = "import sys, regnb; regnb.connect(sys.argv[1]).push(*sys.argv[2:], progress=True)"


@dataclass(frozen=True, slots=True)
class HangAfter(Fault):
    """Some bytes of a body pass, in either direction, and then nothing more comes."""

    happens: Callable[[], object] = field(compare=False)

    def on_request_body(self, exchange: Exchange, body: Pieces) -> Pieces:
        return self._hanging(exchange, body) if exchange.request.method == "PATCH" else body

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        response.body = self._hanging(exchange, response.body)
        return response

    async def _hanging(self, exchange: Exchange, body: Pieces) -> Pieces:
        left = SENT
        async for piece in body:
            if left:
                yield piece[:left]
            elif exchange.request.method == "GET":
                break
            left -= len(piece[:left])
        self.happens()
        await exchange.stall()


def hanging(method: str, happens: Callable[[], object]) -> Scenario:
    """Let the first transfer of the large blob hang."""
    path = "/blobs/uploads/" if method == "PATCH" else f"{LAYER.digest}$"
    return Scenario(Rule(HangAfter(happens), method, path))


@pytest.fixture
def registry() -> Iterator[Served]:
    with serve(fill=None) as served:
        yield served


@pytest.fixture
def proxy(registry: Served) -> Iterator[Proxy]:
    with Proxy(registry.url) as proxy:
        yield proxy


def ended_by_ctrl_c(code: str, proxy: Proxy, method: str, folder: Path) -> str:
    """Press Ctrl-C while a process waits for bytes that do not come; what it had to say."""
    command = [sys.executable, "-c", code, proxy.url, str(folder), f"{NAME}:{TAG}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(SOON, process.send_signal, [signal.SIGINT])
        proxy.scenario = hanging(method, timer.start)
        try:
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT, said
    proxy.scenario = Scenario()
    return said


def test_f10_ctrl_c_ends_a_pull_which_the_next_one_goes_on_with(
    registry: Served, proxy: Proxy, tmp_path: Path
) -> None:
    MOVED.into(registry.storage, NAME)
    said = ended_by_ctrl_c(PULL, proxy, "GET", tmp_path / "layout")
    assert "interrupted after 3.1 MB of 9.4 MB" in said
    assert said.rstrip().endswith("KeyboardInterrupt")
    goes_on_pulling(proxy, tmp_path / "layout")


def goes_on_pulling(proxy: Proxy, folder: Path) -> None:
    left = parts(folder)[LAYER.digest.encoded]
    assert 0 < left <= SENT
    assert not (folder / "index.json").exists()
    with connect(proxy.url) as client:
        client[f"{NAME}:{TAG}"].pull(folder, progress=False)
    last = proxy.seen("GET", LAYER.digest)[-1]
    assert last.headers.get("Range") == f"bytes={left}-"
    assert is_in_layout(MOVED, folder)


def test_f10_ctrl_c_ends_a_push_which_the_next_one_goes_on_with(
    registry: Served, proxy: Proxy, tmp_path: Path
) -> None:
    folder = MOVED.laid(tmp_path / "layout")
    said = ended_by_ctrl_c(PUSH, proxy, "PATCH", folder)
    assert "interrupted after" in said
    assert said.rstrip().endswith("KeyboardInterrupt")
    goes_on_pushing(registry, proxy, folder)


def goes_on_pushing(registry: Served, proxy: Proxy, folder: Path) -> None:
    (state,) = (folder / ".regnb").iterdir()
    assert state.name.endswith(".upload.json")
    proxy.seen()  # until nothing is under way any more
    (upload,) = registry.storage.uploads(NAME)
    with upload.lock:
        assert len(upload.data) == SENT
    with connect(proxy.url) as client:
        client.push(folder, f"{NAME}:{TAG}", progress=False)
    last = proxy.seen("PATCH")[-1]
    assert last.path.endswith(upload.id)
    assert last.headers.get("Content-Range") == f"{SENT}-{SIZE - 1}"
    assert is_in_registry(MOVED, registry.storage, NAME)
    assert is_tidy(folder)


def cancelled(proxy: Proxy, method: str, work: Callable[[Client], object]) -> None:
    """Let a thread move something until another one cancels all that its client does."""
    ended: Queue[BaseException | None] = Queue()
    with connect(proxy.url) as client:
        timer = threading.Timer(SOON, client.core.cancel)
        proxy.scenario = hanging(method, timer.start)

        def moves() -> None:
            try:
                work(client)
            except BaseException as error:
                ended.put(error)
            else:
                ended.put(None)

        thread = threading.Thread(target=moves)
        thread.start()
        error = ended.get(timeout=PATIENCE)
        thread.join()
    assert type(error) is OperationCancelledError
    proxy.scenario = Scenario()


def test_f10_a_pull_is_cancelled_by_another_thread(
    registry: Served, proxy: Proxy, tmp_path: Path
) -> None:
    MOVED.into(registry.storage, NAME)
    folder = tmp_path / "layout"
    cancelled(proxy, "GET", lambda c: c[f"{NAME}:{TAG}"].pull(folder, progress=False))
    goes_on_pulling(proxy, folder)


def test_f10_a_push_is_cancelled_by_another_thread(
    registry: Served, proxy: Proxy, tmp_path: Path
) -> None:
    folder = MOVED.laid(tmp_path / "layout")
    cancelled(proxy, "PATCH", lambda c: c.push(folder, f"{NAME}:{TAG}", progress=False))
    goes_on_pushing(registry, proxy, folder)


def test_f7_two_processes_that_pull_the_same_fetch_each_blob_once(
    registry: Served, proxy: Proxy, tmp_path: Path
) -> None:
    moved = killing.large(1)
    moved.into(registry.storage, NAME)
    killing.together(killing.pull, proxy.url, tmp_path / "layout", processes=2)
    assert is_in_layout(moved, tmp_path / "layout")
    fetched = Counter(entry.path.rpartition("/")[2] for entry in proxy.seen("GET", "/blobs/"))
    assert fetched == dict.fromkeys(moved.blobs, 1)


def test_f8_two_processes_that_push_the_same_both_end_well(
    registry: Served, proxy: Proxy, tmp_path: Path
) -> None:
    moved = killing.large(1)
    folder = moved.laid(tmp_path / "layout")
    killing.together(killing.push, proxy.url, folder, processes=2)
    assert is_in_registry(moved, registry.storage, NAME)
    assert is_tidy(folder)
