"""The matrix: what is promised of each operation when each fault of the menu befalls it.

`tests.faults.promises` holds it as tables. A row is a set of faults, a column a kind of operation,
and where they meet stands what has to become of the operation, in the words of `OUTCOMES`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from regnb.errors import (
    BodyTooLargeError,
    DeniedError,
    DigestMismatchError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    RequestTooLargeError,
    TokenError,
    TooManyPagesError,
    UnreachableError,
    UnsafeRedirectError,
    UploadUnknownError,
)
from tests.faults import operations as ops
from tests.faults.endings import CloseOnAccept
from tests.faults.fault import Fault
from tests.faults.operations import Operation
from tests.faults.scenario import ALWAYS, CONNECT, Rule, Scenario


class Whole(Enum):
    """The operation has its result."""

    AT_ONCE = "without any wait"
    WAITED = "after one wait for each time that the fault struck"
    ANYHOW = "with or without waits: chance decides what the client notices first"


Outcome = Whole | type[RegistryError]

# What the words in the tables mean: a result, or an error of exactly that type.
OUTCOMES: Mapping[str, Outcome | None] = {
    "-": None,  # the fault cannot strike there, or nothing could tell that it did
    "once": Whole.AT_ONCE,
    "wait": Whole.WAITED,
    "well": Whole.ANYHOW,
    "broken": UnreachableError,
    "busy": RegistryUnavailableError,
    "limited": RateLimitedError,
    "denied": DeniedError,
    "refused": RegistryError,
    "too-big": RequestTooLargeError,
    "garbled": ProtocolError,
    "altered": DigestMismatchError,
    "endless": TooManyPagesError,
    "huge": BodyTooLargeError,
    "unsafe": UnsafeRedirectError,
    "lost": UploadUnknownError,
    "no-token": TokenError,
}
COLUMNS: Mapping[str, Sequence[Operation]] = {
    "ping": (ops.PING,),
    "list": (ops.CATALOG, ops.TAGS, ops.REFERRERS),
    "catalog": (ops.CATALOG,),
    "tags": (ops.TAGS,),
    "stat": (ops.STAT,),
    "head": (ops.RESOLVE,),
    "doc": (ops.BY_TAG, ops.BY_DIGEST),  # read at once, and verified
    "blob": (ops.GET,),  # the same
    "read": (ops.READ,),
    "seek": (ops.SEEK,),
    "resume": (ops.RESUME,),
    "publish": (ops.PUT_BY_TAG, ops.PUT_BY_DIGEST),
    "begin": (ops.BEGIN,),
    "mount": (ops.MOUNT,),
    "chunk": (ops.PATCH,),
    "write": (ops.WRITE,),  # what was sent is no more to be had
    "put": (ops.PUT, ops.WRITE_AT_ONCE),
    "close": (ops.CLOSE,),
    "commit": (ops.WRITE_CLOSE,),  # nor is it here
    "token": (ops.TOKEN,),
    "delete": (ops.DELETE_MANIFEST, ops.DELETE_BLOB, ops.UNTAG),
}
OPERATIONS = tuple(dict.fromkeys(each for column in COLUMNS.values() for each in column))
# After how many waits these come is not promised: they are told at once, or when patience ends.
_UNCOUNTED = (Whole.ANYHOW, ProtocolError, UploadUnknownError)


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of one operation when one fault strikes so many times."""

    operation: Operation
    fault: Fault
    times: int
    outcome: Outcome

    def __str__(self) -> str:
        often = "" if self.times == 1 else "-always" if self.times == ALWAYS else f"-x{self.times}"
        return f"{self.operation}-{name_of(self.fault)}{often}"

    @property
    def scenario(self) -> Scenario:
        return Scenario(*self.operation.before, self._rule())

    @property
    def waits(self) -> int | None:
        """How often the client waits, where that is promised."""
        before = len(self.operation.before)
        if self.outcome is Whole.WAITED:
            return before + self.times
        if self.outcome is Whole.AT_ONCE:
            return before
        if self.outcome in _UNCOUNTED or self.times == ALWAYS:
            return None
        exhausted = self.times == self.operation.attempts
        return before + (self.times - 1 if exhausted else 0)

    @property
    def strikes(self) -> int | None:
        """How many requests the fault befalls, where that is known beforehand."""
        uncounted = self.outcome in (Whole.ANYHOW, UploadUnknownError) or self.times == ALWAYS
        return None if uncounted or isinstance(self.fault, CloseOnAccept) else self.times

    def _rule(self) -> Rule:
        if isinstance(self.fault, CloseOnAccept):
            return Rule(self.fault, CONNECT, times=self.times)
        operation = self.operation
        nth = 1 if self.times == ALWAYS else operation.nth
        return Rule(self.fault, operation.method, operation.path, nth, self.times)


def name_of(fault: Fault) -> str:
    """The repr, as short as can be."""
    return re.sub(r"<\w+\.(\w+): [^>]*>|\b\w+=", r"\1", repr(fault)).replace(", ", ",")


def table(text: str, faults: Mapping[str, Sequence[Fault]]) -> list[Promise]:
    """The promises of a table: its first line names columns, each other one faults and times."""
    head, *rows = (line for line in text.splitlines() if line.strip())
    columns = head.split()[2:]
    promises: list[Promise] = []
    for row in rows:
        name, times, *words = row.split()
        assert len(words) == len(columns), row
        for column, word in zip(columns, words, strict=True):
            outcome = OUTCOMES[word]
            if outcome is not None:
                cells = _cells(COLUMNS[column], faults[name], times)
                promises += [Promise(*cell, outcome) for cell in cells]
    return promises


def _cells(
    operations: Sequence[Operation], faults: Sequence[Fault], times: str
) -> Iterator[tuple[Operation, Fault, int]]:
    for operation in operations:
        often = {"last": operation.attempts - 1, "all": operation.attempts, "always": ALWAYS}
        for fault in faults:
            if getattr(fault, "after", None) is None or _reaches(fault, operation):
                yield operation, fault, often.get(times) or int(times)


def _reaches(fault: Fault, operation: Operation) -> bool:
    """Whether a body is long enough for what happens after so many of its bytes."""
    after = getattr(fault, "after", 0)
    return not isinstance(after, int) or after < operation.size
