"""Any sequence of faults: the right bytes or a typed error, whatever hypothesis can think of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from regnb.core.wire.limits import Limits
from regnb.sample import Served
from tests.faults import menu, stock
from tests.faults import operations as ops
from tests.faults.answers import Status
from tests.faults.bodies import Corrupt, DuplicateLength, Gzip, WrongLength
from tests.faults.cell import Cell, Ending
from tests.faults.endings import Break, CloseIdle, Drop, Framing
from tests.faults.fault import Fault
from tests.faults.operations import Operation
from tests.faults.scenario import in_order
from tests.faults.stock import TARGET
from tests.faults.uploads import LoseSession

EXAMPLES = settings(
    max_examples=60,
    # The registry is the same for all examples, and made ready before each of them.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ATTEMPTS = 6
anywhere = st.integers(0, len(stock.BLOB) + 10)
cuts = st.builds(Break, anywhere, st.booleans(), st.sampled_from(Framing))

# What one try costs, and no more: so many of them less than the tries there are are got over.
BREAKING = st.one_of(
    st.builds(Break, anywhere),
    st.builds(Break, anywhere, st.just(False), st.sampled_from([Framing.KEPT, Framing.CHUNKED])),
    st.sampled_from([*menu.DROPS, *menu.STATUSES, *menu.SIZE_LINES]),
)
ANY_READ = st.one_of(
    cuts,
    BREAKING,
    st.builds(Corrupt, anywhere, st.integers(0, 7)),
    st.builds(WrongLength, st.integers(-20, 20).filter(bool)),
    st.sampled_from([*menu.RANGES, *menu.REDIRECTS, *menu.SERVERS, *menu.WAITS]),
    st.sampled_from([Gzip(), Gzip(encoded=False), DuplicateLength(0), DuplicateLength()]),
)
ANY_WRITE = st.sampled_from(
    [
        *(*menu.DROPS, *menu.COMMITS, *menu.STATUSES, *menu.WAITS, *menu.SERVERS),
        *(*menu.BROKEN_UPLOADS, *menu.SESSIONS, *menu.LOCATIONS, CloseIdle()),
    ]
)
LOST_ON_THE_WAY = st.sampled_from([*menu.DROPS, *menu.STATUSES])


def run(served: Served, operation: Operation, faults: Sequence[Fault | None], path: str) -> Ending:
    stock.restock(served.storage)
    cell = Cell(served.url, TARGET, limits=Limits(read_timeout=5.0))
    return cell.run(operation, in_order(faults, path=path))


@EXAMPLES
@given(st.lists(st.none() | ANY_READ, max_size=12))
def test_f14_whatever_befalls_a_download_it_is_whole_or_an_error(
    served: Served, faults: list[Fault | None]
) -> None:
    ending = run(served, ops.READ, faults, "/blobs/sha")
    assert ending.error is not None or ending.value == stock.BLOB


@EXAMPLES
@given(st.lists(st.none() | ANY_READ, max_size=8))
def test_f14_whatever_befalls_a_manifest_it_is_whole_or_an_error(
    served: Served, faults: list[Fault | None]
) -> None:
    ending = run(served, ops.BY_TAG, faults, "/manifests/")
    assert ending.error is not None or ending.value == stock.MANIFEST


@EXAMPLES
@given(st.lists(BREAKING, max_size=ATTEMPTS - 1))
def test_f6_a_download_gets_over_all_that_breaks(served: Served, faults: list[Fault]) -> None:
    ending = run(served, ops.READ, faults, "/blobs/sha")
    assert ending.value == stock.BLOB


@pytest.mark.parametrize("operation", [ops.PUT, ops.PATCH, ops.WRITE], ids=str)
@EXAMPLES
@example(faults=[None, LoseSession(), Status(429, after="1")])
@example(faults=[None, LoseSession(), Status(429, after="1000000000")])
@given(faults=st.lists(st.none() | ANY_WRITE, max_size=12))
def test_f14_whatever_befalls_an_upload_it_is_whole_or_an_error(
    served: Served, operation: Operation, faults: list[Fault | None]
) -> None:
    run(served, operation, faults, "/blobs/uploads/")  # which looks at what has been stored


@pytest.mark.parametrize("operation", [ops.PUT, ops.PATCH], ids=str)
@EXAMPLES
@given(
    began=st.lists(LOST_ON_THE_WAY, max_size=2),
    sent=st.lists(st.sampled_from(menu.BROKEN_UPLOADS) | LOST_ON_THE_WAY, max_size=ATTEMPTS - 1),
)
def test_f8_an_upload_gets_over_all_that_breaks(
    served: Served, operation: Operation, began: list[Fault], sent: list[Fault]
) -> None:
    ending = run(served, operation, [*began, None, *sent], "/blobs/uploads/")
    assert ending.error is None


def test_what_breaks_a_download_may_come_in_any_number(served: Served) -> None:
    faults = [Break(20_000 + n, framing=Framing.CHUNKED) for n in range(40)]
    ending = run(served, ops.READ, [*faults, Drop(), None], "/blobs/sha")
    assert ending.value == stock.BLOB
