"""A part of the matrix at docker-registry 2.8.2: blobs are read and uploaded through breaks.

It keeps the promises of the sample registry, but for one: an upload whose last answer did not reach
the client is forgotten, because the state in the last Location is not that of the bytes any more
(W-P3). What can be read again is then sent anew, twice at most; what cannot is lost.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from regnb.core.registry import Registry
from tests.faults import menu, promises
from tests.faults import operations as ops
from tests.faults.cell import Cell
from tests.faults.matrix import Promise, table
from tests.faults.stock import BLOB, REPOSITORY
from tests.faults.test_matrix import check_attempts, check_outcome
from tests.faults.uploads import LoseSession, RefuseChunk, StaleLocation
from tests.servers import docker_registry

pytestmark = pytest.mark.registry

READS = (ops.GET, ops.READ, ops.SEEK, ops.RESUME)
READING = [
    promise for promise in (*promises.BREAKS, *promises.RANGES) if promise.operation in READS
]
UPLOADING = table(
    """
fault          times  begin   mount   chunk   write   put     close   commit
dropped            1  wait    wait    wait    wait    wait    wait    wait
dropped         last  wait    wait    wait    wait    wait    wait    wait
unanswered         1  wait    wait    wait    lost    wait    wait    wait
cut-at-once        1  -       -       wait    wait    wait    -       -
cut-at-once     last  -       -       wait    wait    wait    -       -
cut                1  -       -       wait    lost    wait    -       -
cut                2  -       -       wait    lost    wait    -       -
cut             last  -       -       lost    lost    lost    -       -
range-refused      1  -       -       once    once    once    once    once
session-lost       1  -       -       once    lost    once    once    lost
stale              1  -       -       once    lost    -       -       -
""",
    {
        "dropped": menu.DROPS,
        "unanswered": menu.COMMITS,
        "cut-at-once": [each for each in menu.BROKEN_UPLOADS if not each.after],
        "cut": [each for each in menu.BROKEN_UPLOADS if each.after],
        "range-refused": [RefuseChunk(), RefuseChunk(told=True)],
        "session-lost": [LoseSession()],
        "stale": [StaleLocation()],
    },
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as url:
        with Registry(url) as registry:
            registry.repository(REPOSITORY).blobs.put(BLOB)
        yield url


@pytest.fixture(scope="module")
def targets() -> Iterator[str]:
    """Names of repositories that hold nothing yet."""
    return (f"team/new-{number}" for number in itertools.count())


@pytest.mark.parametrize("promise", READING, ids=str)
def test_f6_f14_blobs_of_distribution_come_whole(url: str, promise: Promise) -> None:
    ending = Cell(url, REPOSITORY).run(promise.operation, promise.scenario)
    check_outcome(promise, ending)
    check_attempts(promise, ending)


@pytest.mark.parametrize("promise", UPLOADING, ids=str)
def test_f8_w_p3_uploads_to_distribution_go_on_or_begin_anew(
    url: str, targets: Iterator[str], promise: Promise
) -> None:
    ending = Cell(url, next(targets)).run(promise.operation, promise.scenario)
    check_outcome(promise, ending)
    check_attempts(promise, ending)
