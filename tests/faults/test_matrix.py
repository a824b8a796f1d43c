"""The matrix is run: every fault of the menu, at every operation that it can befall.

A test is a cell. That neither secrets nor files, threads, connections or uploads are left behind is
looked at in each of them, by `tests.faults.cell`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regnb.core.wire.lean import Lean
from regnb.core.wire.limits import Limits
from regnb.sample import Served
from tests.faults import promises
from tests.faults.cell import PASSWORD, USER, Cell, Ending, Time
from tests.faults.endings import Drip, Drop, Stall
from tests.faults.fault import Fault
from tests.faults.gates import BasicGate, BearerGate
from tests.faults.matrix import Promise, Whole
from tests.faults.redirects import Form, LocationForm
from tests.faults.stock import MIB, TARGET

IMPATIENT = 0.1  # seconds until a client gives up what stalls
Check = Callable[[Promise], Ending]


@pytest.fixture
def check(served: Served) -> Check:
    """Run a cell, and hold what became of it against what was promised."""

    def kept(promise: Promise) -> Ending:
        ending = _cell(served.url, promise).run(promise.operation, promise.scenario)
        check_outcome(promise, ending)
        check_attempts(promise, ending)
        unknown = promise.operation.method == "POST" and _hides_upload(promise.fault)
        assert unknown or not served.storage.uploads(TARGET)
        return ending

    return kept


def _cell(url: str, promise: Promise) -> Cell:
    patience = IMPATIENT if isinstance(promise.fault, Stall) else 10.0
    bearer = promise.operation.bearer
    return Cell(
        url,
        TARGET,
        gate=BearerGate(USER, PASSWORD) if bearer else BasicGate(USER, PASSWORD),
        limits=Limits(read_timeout=patience, manifest=MIB, page=MIB),
        # What drips takes time on this clock, although it hardly does in truth.
        time=Time(step=1.0 if isinstance(promise.fault, Drip) else 0.0),
    )


def check_outcome(promise: Promise, ending: Ending) -> None:
    if isinstance(promise.outcome, Whole):
        assert ending.error is None
        wanted = promise.operation.result
        assert wanted is None or ending.value == wanted
    else:
        assert type(ending.error) is promise.outcome


def check_attempts(promise: Promise, ending: Ending) -> None:
    """Attempts and waits are as many as promised, and as the log of the proxy tells (F1, F3)."""
    assert promise.waits in (None, len(ending.waits))
    struck = [entry for entry in ending.log if entry.fault is promise.fault]
    assert promise.strikes in (None, len(struck))


def _hides_upload(fault: Fault) -> bool:
    """Whether nobody but the registry learns that an upload has begun, or may go there."""
    away = (LocationForm(Form.OTHER_PORT), LocationForm(Form.OTHER_HOST))
    return fault in away or isinstance(fault, Drop | Stall)


@pytest.mark.parametrize("promise", promises.READING, ids=str)
def test_f1_f2_reading_is_tried_again(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.WRITING, ids=str)
def test_f1_f2_writing_is_tried_again(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.BREAKS, ids=str)
def test_f6_f14_a_body_that_breaks_off_is_never_taken_for_whole(
    check: Check, promise: Promise
) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.SLOWNESS, ids=str)
def test_f5_s24_what_does_not_come_forward_is_given_up(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.CONTENT, ids=str)
def test_s13_w_b3_bytes_that_are_altered_are_never_given_out(
    check: Check, promise: Promise
) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.SIZES, ids=str)
def test_s9_nobody_makes_the_client_hold_more_than_it_wants(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.RANGES, ids=str)
def test_f6_w_b7_a_blob_goes_on_whatever_ranges_come(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.REDIRECTS, ids=str)
def test_h2_s3_redirects_are_followed_without_credentials(check: Check, promise: Promise) -> None:
    check(promise)


READING = (
    *(*promises.READING, *promises.BREAKS, *promises.SLOWNESS, *promises.CONTENT),
    *(*promises.SIZES, *promises.RANGES, *promises.REDIRECTS),
)


@pytest.mark.parametrize("promise", READING, ids=str)
def test_the_ordinary_way_of_reading_keeps_the_same_promises(
    check: Check, promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lean, "takes", lambda *_: False)
    check(promise)


@pytest.mark.parametrize("promise", promises.LISTINGS, ids=str)
def test_s8_a_listing_that_does_not_end_is_ended(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.UPLOADS, ids=str)
def test_f8_an_upload_goes_on_or_begins_anew(check: Check, promise: Promise) -> None:
    check(promise)


@pytest.mark.parametrize("promise", promises.TOKENS, ids=str)
def test_f9_a_token_is_got_whatever_befalls_its_service(check: Check, promise: Promise) -> None:
    check(promise)
