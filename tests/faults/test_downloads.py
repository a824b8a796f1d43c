"""A blob comes whole through any number of breaks, or not at all (F6, F14)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regnb.errors import DeniedError, DigestMismatchError, ProtocolError, UnreachableError
from regnb.sample import Served
from tests.faults import operations as ops
from tests.faults.bodies import Corrupt
from tests.faults.cell import Cell
from tests.faults.endings import Break, Framing
from tests.faults.fault import Entry
from tests.faults.operations import Operation
from tests.faults.redirects import Presigned
from tests.faults.scenario import ALWAYS, ELSEWHERE, REGISTRY, Rule, Scenario
from tests.faults.stock import BLOB, TARGET
from tests.servers import Authority

STEP = 100_000  # more than a hundredth of the blob
ENDS = [(True, Framing.KEPT), (False, Framing.KEPT), (False, Framing.CHUNKED)]


def blob(fault: object, times: int = ALWAYS, origin: str = REGISTRY) -> Rule:
    return Rule(fault, "GET", "/blobs/sha", times=times, origin=origin)  # type: ignore[arg-type]


def starts(log: list[Entry]) -> list[int]:
    """Where in the blob requests begin."""
    ranges = (re.fullmatch(r"bytes=(\d+)-", entry.headers.get("Range") or "") for entry in log)
    return [int(found[1]) if found else 0 for found in ranges]


@pytest.mark.parametrize(("reset", "framing"), ENDS)
def test_f6_f14_a_blob_comes_whole_through_any_number_of_breaks(
    served: Served, reset: bool, framing: Framing
) -> None:
    scenario = Scenario(blob(Break(STEP, reset, framing)))
    ending = Cell(served.url, TARGET).run(ops.READ, scenario)
    assert ending.value == BLOB
    assert starts(ending.log) == list(range(0, len(BLOB), STEP))
    assert sum(entry.sent for entry in ending.log) == len(BLOB)  # no byte twice
    assert set(ending.waits) == {0.25}  # each time as if it were the first


def test_f6_breaks_that_bring_nothing_come_to_an_end(served: Served) -> None:
    ending = Cell(served.url, TARGET).run(ops.READ, Scenario(blob(Break(1000))))
    assert isinstance(ending.error, UnreachableError)
    assert len(ending.log) == 6


def test_f6_a_short_run_of_breaks_that_bring_nothing_is_got_over(served: Served) -> None:
    rules = [blob(Break(STEP)), blob(Break(10), times=6), blob(Break(STEP), times=7)]
    ending = Cell(served.url, TARGET).run(ops.READ, Scenario(*reversed(rules)))
    assert ending.value == BLOB


def test_f6_after_a_redirect_the_registry_is_asked_again(served: Served) -> None:
    scenario = Scenario(blob(Presigned(1)), blob(Break(STEP), origin=ELSEWHERE))
    ending = Cell(served.url, TARGET).run(ops.READ, scenario)
    assert ending.value == BLOB
    here = [entry for entry in ending.log if entry.origin == REGISTRY]
    there = [entry for entry in ending.log if entry.origin == ELSEWHERE]
    assert starts(here) == starts(there) == list(range(0, len(BLOB), STEP))
    assert len({entry.target for entry in there}) == len(there)  # each URL once


def test_f6_a_url_that_has_expired_is_got_anew(served: Served) -> None:
    ending = Cell(served.url, TARGET).run(ops.READ, Scenario(blob(Presigned(0), times=1)))
    assert ending.value == BLOB
    ending = Cell(served.url, TARGET).run(ops.READ, Scenario(blob(Presigned(0))))
    assert isinstance(ending.error, DeniedError)


def test_f6_a_blob_that_stays_wrong_is_read_twice_at_most(served: Served) -> None:
    ending = Cell(served.url, TARGET).run(ops.READ, Scenario(blob(Corrupt(len(BLOB) - 1))))
    assert isinstance(ending.error, DigestMismatchError)
    assert len(ending.log) == 2


@pytest.mark.parametrize("after", [0, 1, 600, -1])
@pytest.mark.parametrize("operation", [ops.BY_TAG, ops.BY_DIGEST, ops.GET, ops.READ], ids=str)
def test_f14_tls_that_is_cut_off_is_never_taken_for_whole(
    served: Served, tmp_path: Path, operation: Operation, after: int
) -> None:
    cut = Rule(Break(after, reset=False, framing=Framing.NONE), "GET", operation.path)
    cell = Cell(served.url, TARGET, authority=Authority(tmp_path))
    ending = cell.run(operation, Scenario(cut))
    assert ending.value == operation.result


@pytest.mark.parametrize("after", [0, 1, 600, -1])
@pytest.mark.parametrize("operation", [ops.CATALOG, ops.TAGS, ops.REFERRERS], ids=str)
def test_f14_a_listing_by_tls_that_is_cut_off_is_never_taken_for_whole(
    served: Served, tmp_path: Path, operation: Operation, after: int
) -> None:
    cut = Rule(Break(after, reset=False, framing=Framing.NONE), "GET", operation.path, nth=2)
    cell = Cell(served.url, TARGET, authority=Authority(tmp_path))
    ending = cell.run(operation, Scenario(cut))
    assert ending.value == operation.result or isinstance(ending.error, ProtocolError)
