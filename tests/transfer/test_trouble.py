"""Disks that are full or closed, accounts without rights, registries that mount nothing."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from regnb.client.client import Client
from regnb.client.connecting import connect
from regnb.core.registry import Registry
from regnb.errors import (
    AuthenticationRequiredError,
    DiskFullError,
    StorageDeniedError,
)
from regnb.sample import Served, serve
from regnb.store.layout import Layout
from regnb.transfer.into_registry import IntoRegistry
from regnb.transfer.journal import Journal
from tests.faults import moving
from tests.faults.answers import refused
from tests.faults.fault import Exchange, Fault
from tests.faults.killing import parts
from tests.faults.messages import Response
from tests.faults.moving import MIB, TAG, is_in_layout, is_in_registry, is_sound
from tests.faults.proxy import Proxy
from tests.faults.scenario import ALWAYS, Rule, Scenario
from tests.servers import docker_registry

NAME = "team/app"
IMAGE = f"{NAME}:{TAG}"
MOVED = moving.load([Random(2).randbytes(size) for size in (MIB, 3 * MIB, 9 * MIB)])


@pytest.fixture
def registry() -> Iterator[Served]:
    with serve(fill=None) as served:
        yield served


@pytest.fixture
def client(registry: Served) -> Iterator[Client]:
    with connect(registry.url) as client:
        yield client


def mount(*arguments: str | Path) -> None:
    """Mount something, as only root may."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB."""
    (tmp_path / "disk").mkdir()
    mount("-t", "tmpfs", "-o", "size=6m", "none", tmp_path / "disk")
    try:
        yield tmp_path / "disk"
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)


def test_f7_a_full_disk_keeps_what_has_arrived(
    registry: Served, client: Client, disk: Path
) -> None:
    MOVED.into(registry.storage, NAME)
    with pytest.raises(DiskFullError, match="Free some, and call again"):
        client[IMAGE].pull(disk, progress=False)
    left = parts(disk)
    assert sum(left.values()) > 5 * MIB
    assert is_sound(disk)
    assert not (disk / "index.json").exists()
    mount("-o", "remount,size=40m", disk)
    with Proxy(registry.url) as proxy, connect(proxy.url) as again:
        again[IMAGE].pull(disk, progress=False)
        asked = {e.path.rpartition(":")[2]: e.headers for e in proxy.seen("GET", "/blobs/")}
    assert is_in_layout(MOVED, disk)
    for blob, headers in asked.items():
        start = left.get(blob, 0)
        assert headers.get("Range") == (f"bytes={start}-" if start else None)


def test_f7_a_write_for_which_no_space_is_left_keeps_what_has_arrived(
    registry: Served, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MOVED.into(registry.storage, NAME)
    write, room = os.write, 4 * MIB

    def writing(file: int, data: memoryview) -> int:
        nonlocal room
        if len(data) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        room -= len(data)
        return write(file, data)

    folder = tmp_path / "layout"
    monkeypatch.setattr(os, "write", writing)
    with pytest.raises(DiskFullError, match="are kept, to go on from"):
        client[IMAGE].pull(folder, progress=False)
    monkeypatch.undo()
    assert sum(parts(folder).values()) > 0
    assert is_sound(folder)
    client[IMAGE].pull(folder, progress=False)
    assert is_in_layout(MOVED, folder)


def test_f8_images_are_pushed_from_a_full_disk(
    registry: Served, client: Client, disk: Path
) -> None:
    mount("-o", "remount,size=40m", disk)
    folder = MOVED.laid(disk / "layout")
    with (disk / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert not os.statvfs(disk).f_bavail
    client.push(folder, IMAGE, progress=False)
    assert is_in_registry(MOVED, registry.storage, NAME)


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder that nothing can be written to, not by root either."""
    if os.geteuid():
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    mount("--bind", folder, folder)
    try:
        mount("-o", "remount,bind,ro", folder)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_f8_images_are_pushed_from_where_nothing_can_be_written(
    registry: Served, client: Client, tmp_path: Path
) -> None:
    folder = MOVED.laid(tmp_path / "layout")
    with closed(folder):
        client.push(folder, IMAGE, progress=False)
    assert is_in_registry(MOVED, registry.storage, NAME)


def test_f7_where_nothing_can_be_written_a_pull_says_so(
    registry: Served, client: Client, tmp_path: Path
) -> None:
    MOVED.into(registry.storage, NAME)
    (tmp_path / "layout").mkdir()
    with closed(tmp_path / "layout"), pytest.raises(StorageDeniedError, match="layout") as caught:
        client[IMAGE].pull(tmp_path / "layout", progress=False)
    assert isinstance(caught.value, PermissionError)
    assert list((tmp_path / "layout").iterdir()) == []


@pytest.mark.registry
def test_a_push_by_nobody_names_the_repository_and_what_to_do(tmp_path: Path, home: Path) -> None:
    folder = MOVED.laid(tmp_path / "layout")
    with (
        docker_registry(tmp_path / "registry", htpasswd={"ada": "hunter2"}) as url,
        connect(url) as client,
        pytest.raises(AuthenticationRequiredError, match=r"(?s)team/app.*username="),
    ):
        client.push(folder, IMAGE, progress=False)


@dataclass(frozen=True, slots=True)
class MountsNot(Fault):
    """Nothing is mounted: an error, or 202, after which the registry wants the bytes."""

    status: int

    async def on_request(self, exchange: Exchange) -> Response | None:
        if "mount=" not in exchange.request.target:
            return None
        if self.status != 202:
            await exchange.drain()
            return refused(self.status, "DENIED")
        exchange.request.target = exchange.request.path
        return None


@pytest.mark.parametrize("status", [202, 401, 403, 404, 405])
def test_b_p16_what_is_not_mounted_is_uploaded(registry: Served, status: int) -> None:
    MOVED.into(registry.storage, NAME)
    rule = Rule(MountsNot(status), "POST", "/blobs/uploads/$", times=ALWAYS)
    with Proxy(registry.url, Scenario(rule)) as proxy, connect(proxy.url) as client:
        table = client[IMAGE].copy_to(client[f"new/app:{TAG}"], progress=False)
        assert len([e for e in proxy.seen("POST") if "mount=" in e.target]) == len(MOVED.blobs)
    assert set(table["action"]) == {"transfer"}
    assert is_in_registry(MOVED, registry.storage, "new/app")


@pytest.fixture
def core(registry: Served) -> Iterator[Registry]:
    with Registry(registry.url) as core:
        yield core


def test_f8_what_is_not_mounted_is_gone_on_with(
    registry: Served, core: Registry, tmp_path: Path
) -> None:
    source = Layout(MOVED.laid(tmp_path / "layout")).repository("layout")
    blob, repository = MOVED.manifests[0].references()[-1], core.repository(NAME)
    journal, positions = Journal(tmp_path / ".regnb", registry.url), list[int]()
    with journal.entry(blob.digest) as entry, closing(repository.blobs.create()) as writer:
        writer.write(MOVED.blobs[blob.digest][: 8 * MIB])
        writer.flush()
        assert entry is not None
        entry.write(writer.state())
    into = IntoRegistry(repository, journal=journal, whereabouts=lambda _: "team/nobody")
    step = into.look(blob)
    assert step.action == "mount"
    assert into.take(step, source, positions.append) == "transfer"
    assert positions[0] == 8 * MIB
    assert registry.storage.blob(NAME, blob.digest) == MOVED.blobs[blob.digest]
    assert not registry.storage.uploads(NAME)
