"""Credentials that expire are replaced, and nobody notices (F9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from regnb.core.registry import Registry
from regnb.sample import Served
from tests.faults.cell import PASSWORD, USER, Cell
from tests.faults.fault import Entry
from tests.faults.gates import REALM, BearerGate
from tests.faults.matrix import OPERATIONS
from tests.faults.operations import Operation
from tests.faults.scenario import ALWAYS, Rule, Scenario
from tests.faults.stock import MANIFEST, REPOSITORY, TARGET, digest_of
from tests.faults.tokens import Expiry, TokenExpires

THREADS, CALLS = 8, 15


def tokens(log: list[Entry]) -> list[Entry]:
    """The requests for a token."""
    return [entry for entry in log if entry.path == f"/{REALM}"]


def expired(log: list[Entry]) -> set[str | None]:
    """The tokens that were refused for their age."""
    return {entry.headers.get("Authorization") for entry in log if _is_refusal(entry)}


def _is_refusal(entry: Entry) -> bool:
    return isinstance(entry.fault, TokenExpires) and entry.status in (400, 401, 403)


@pytest.mark.parametrize("expiry", Expiry, ids=lambda expiry: expiry.name)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_f9_a_token_that_expires_is_replaced_once(
    served: Served, operation: Operation, expiry: Expiry
) -> None:
    # Two requests for each: an upload that is refused asks where it stands before it goes on.
    rule = Rule(TokenExpires(2, expiry), path="^/v2/", times=ALWAYS)
    scenario = Scenario(*operation.before, rule)
    ending = Cell(served.url, TARGET, gate=BearerGate(USER, PASSWORD)).run(operation, scenario)
    assert ending.error is None
    assert operation.result is None or ending.value == operation.result
    scopes = {entry.target for entry in tokens(ending.log)}
    assert len(tokens(ending.log)) <= len(expired(ending.log)) + len(scopes)
    assert not served.storage.uploads(TARGET)


def _many(registry: Registry, _: str) -> int:
    manifests = registry.repository(REPOSITORY).manifests
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda _: manifests.get(digest_of(MANIFEST)), range(THREADS * CALLS))
        return sum(manifest.raw == MANIFEST for manifest in found)


def test_f9_f14_threads_ask_for_one_token_for_each_that_expires(served: Served) -> None:
    operation = Operation("many", _many, "GET", "/manifests/", result=THREADS * CALLS)
    scenario = Scenario(Rule(TokenExpires(10), path="^/v2/", times=ALWAYS))
    ending = Cell(served.url, TARGET, gate=BearerGate(USER, PASSWORD)).run(operation, scenario)
    assert ending.error is None
    assert ending.value == THREADS * CALLS
    assert len(expired(ending.log)) > 5
    assert len(tokens(ending.log)) <= len(expired(ending.log)) + 1
