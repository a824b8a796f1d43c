"""Audits of a registry that changes while it is read: a window of time, and no row hangs loose."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import pytest

import regnb
from regnb.audit.audit import Audit
from tests.contract.wire import OCI_INDEX, OCI_MANIFEST, Registry, described
from tests.servers import docker_registry

pytestmark = pytest.mark.registry
REPOSITORIES = ("app", "team/web")
IMAGES = [f"dev-{number}" for number in range(5)]
INDEXES = [f"all-{number}" for number in range(5)]
TAGS = len(REPOSITORIES) * len(IMAGES + INDEXES)
AUDITS = 5
PATIENCE, GLANCE = 60.0, 0.01


def push_for_ever(url: str, moves: Synchronized[int]) -> None:
    """Push images and indexes, and move all tags to them, until the process is ended."""
    with Registry(url, "docker-registry") as wire:
        while True:
            for repository in REPOSITORIES:
                images = [wire.push_image(repository) for _ in range(2)]
                children = [described(image.raw, OCI_MANIFEST) for image in images]
                index = json.dumps(
                    {"mediaType": OCI_INDEX, "manifests": children, "schemaVersion": 2}
                ).encode()
                for tag in IMAGES:
                    assert wire.put(repository, tag, images[0].raw).status_code == 201
                    moves.value += 1
                for tag in INDEXES:
                    assert wire.put(repository, tag, index, OCI_INDEX).status_code == 201
                    moves.value += 1


@dataclass(frozen=True)
class Pusher:
    """A process that runs `push_for_ever`."""

    process: SpawnProcess
    moves: Synchronized[int]

    def wait(self, moves: int) -> None:
        """Wait until it has moved a tag so many times more."""
        target, deadline = self.moves.value + moves, time.monotonic() + PATIENCE
        while self.moves.value < target:
            assert self.process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(GLANCE)


@contextmanager
def pushing(url: str) -> Iterator[Pusher]:
    """A pusher while the block runs; every tag is there before."""
    spawn = get_context("spawn")
    moves = spawn.Value("q")
    process = spawn.Process(target=push_for_ever, args=(url, moves))
    process.start()
    try:
        pusher = Pusher(process, moves)
        pusher.wait(TAGS)
        yield pusher
    finally:
        process.terminate()
        process.join()


def test_an_audit_beside_pushes_and_moving_tags_has_no_dangling_row(tmp_path: Path) -> None:
    audits: list[Audit] = []
    meanwhile = 0
    with docker_registry(tmp_path) as url, pushing(url) as pusher, regnb.connect(url) as client:
        for _ in range(AUDITS):
            before = pusher.moves.value
            audits.append(client.audit(progress=False))
            meanwhile += pusher.moves.value - before
            pusher.wait(TAGS // (AUDITS - 1))  # so that the last one finds all of them moved
    assert meanwhile > 0
    for audit in audits:
        holds_together(audit)
    first, last = digests(audits[0]), digests(audits[-1])
    assert first.keys() == last.keys()
    assert all(first[tag] != last[tag] for tag in first)


def holds_together(audit: Audit) -> None:
    """Assert that every tag has its manifest, every index its children, and nothing failed."""
    assert audit.errors.to_dict("records") == []
    assert audit.complete
    members, tags = audit.repository_manifests, audit.tags
    assert len(tags) == TAGS
    assert members["present"].all()
    places = set(zip(members["repository"], members["digest"], strict=True))
    assert set(zip(tags["repository"], tags["digest"], strict=True)) <= places
    assert set(members["digest"]) == set(audit.manifests["digest"])
    children = audit.references[audit.references["kind"] == "child"]
    assert len(children) == 2 * (audit.manifests["kind"] == "index").sum() > 0
    assert set(children["digest"]) <= set(audit.manifests["digest"])


def digests(audit: Audit) -> dict[tuple[str, str], str]:
    tags = audit.tags
    return dict(zip(zip(tags["repository"], tags["tag"], strict=True), tags["digest"], strict=True))
