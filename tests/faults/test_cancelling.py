"""Whatever hangs can be ended, by another thread or by Ctrl-C, and leaves nothing (F10)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from regnb.core.registry import Registry
from regnb.errors import OperationCancelledError
from regnb.sample import Served
from tests.faults import operations as ops
from tests.faults.cell import Cell, Ending
from tests.faults.fault import Exchange, Fault
from tests.faults.matrix import OPERATIONS
from tests.faults.messages import Pieces, Response, first
from tests.faults.operations import Operation
from tests.faults.scenario import Rule, Scenario
from tests.faults.stock import TARGET

PLAIN = [operation for operation in OPERATIONS if not operation.bearer]
WITH_BODIES = [operation for operation in PLAIN if operation.method == "GET"]
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Hang(Fault):
    """Nothing more comes, and something happens meanwhile.

    Attributes:
        happens: is called once the client waits.
        after: bytes of the body that come before; None stands for the moment before the head.
    """

    happens: Callable[[], object] = field(compare=False)
    after: int | None = None

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        if self.after is None:
            self.happens()
            await exchange.stall()
        else:
            response.body = self._hanging(exchange, response.body, self.after)
        return response

    async def _hanging(self, exchange: Exchange, body: Pieces, count: int) -> Pieces:
        async for piece in first(body, count):
            yield piece
        self.happens()
        await exchange.stall()


def cancelled(served: Served, operation: Operation, after: int | None) -> Ending:
    """Let an operation hang until another thread cancels it."""
    clients: list[Registry] = []

    def does(registry: Registry, target: str) -> object:
        clients.append(registry)
        return operation.does(registry, target)

    def cancel() -> None:
        clients[0].cancel()

    fault = Hang(cancel, after)
    rule = Rule(fault, operation.method, operation.path, operation.nth)
    hanging = replace(operation, does=does)
    return Cell(served.url, TARGET).run(hanging, Scenario(*operation.before, rule))


def interrupted(served: Served, operation: Operation, after: int | None) -> Ending:
    """Let an operation hang until Ctrl-C is pressed."""

    def does(registry: Registry, target: str) -> object:
        try:
            return operation.does(registry, target)
        except KeyboardInterrupt:
            return INTERRUPTED

    thread = threading.main_thread().ident
    assert thread is not None
    fault = Hang(lambda: signal.pthread_kill(thread, signal.SIGINT), after)
    rule = Rule(fault, operation.method, operation.path, operation.nth)
    hanging = replace(operation, does=does, effect=None)
    return Cell(served.url, TARGET).run(hanging, Scenario(*operation.before, rule))


def check_uploads(served: Served, operation: Operation) -> None:
    """No upload is left behind, but one that the client had not learnt of."""
    assert operation.method == "POST" or not served.storage.uploads(TARGET)


@pytest.mark.parametrize("operation", PLAIN, ids=str)
def test_f10_what_is_not_answered_can_be_cancelled(served: Served, operation: Operation) -> None:
    ending = cancelled(served, operation, None)
    assert type(ending.error) is OperationCancelledError
    check_uploads(served, operation)


@pytest.mark.parametrize("operation", WITH_BODIES, ids=str)
def test_f10_what_hangs_in_a_body_can_be_cancelled(served: Served, operation: Operation) -> None:
    ending = cancelled(served, operation, 1)
    assert type(ending.error) is OperationCancelledError


@pytest.mark.parametrize("operation", PLAIN, ids=str)
def test_f10_ctrl_c_ends_what_is_not_answered(served: Served, operation: Operation) -> None:
    assert interrupted(served, operation, None).value == INTERRUPTED
    check_uploads(served, operation)


@pytest.mark.parametrize("operation", WITH_BODIES, ids=str)
def test_f10_ctrl_c_ends_what_hangs_in_a_body(served: Served, operation: Operation) -> None:
    assert interrupted(served, operation, 1).value == INTERRUPTED


def test_f10_a_read_that_was_cancelled_can_go_on(served: Served) -> None:
    def does(registry: Registry, target: str) -> object:
        try:
            return ops.READ.does(registry, target)
        except OperationCancelledError:
            return ops.READ.does(registry, target)

    assert cancelled(served, replace(ops.READ, does=does), 100_000).value == ops.READ.result
