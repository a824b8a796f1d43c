"""The menu: every fault with its parameters, under the requests that it makes sense for."""

from __future__ import annotations

from collections.abc import Iterable

from tests.faults.answers import Http10, Huge, Status
from tests.faults.bodies import Corrupt, DuplicateLength, Gzip, NegativeLength, WrongLength
from tests.faults.endings import (
    Break,
    BreakInSizeLine,
    CloseIdle,
    CloseOnAccept,
    Drip,
    Drop,
    Framing,
    Stall,
)
from tests.faults.fault import Fault
from tests.faults.ranges import FullOnRange, Multipart, NotSatisfiable, WrongStart, WrongTotal
from tests.faults.redirects import Form, LocationForm, Presigned, RedirectLoop
from tests.faults.scenario import CONNECT, Rule
from tests.faults.tokens import SkewIssued
from tests.faults.uploads import BreakUpload, LoseSession, RefuseChunk, StaleLocation

MIB = 1 << 20
DAY = 86_400.0
CUTS = (0, 1, 512, 8191, 8192, MIB - 1, -1)
RETRY_AFTERS = ("0", "1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1", str(10**9))

# What can befall any request that an upstream answers.
CONNECTIONS = (CloseOnAccept(), CloseOnAccept(reset=True))
DROPS = (Drop(), Drop(reset=False))
STATUSES = tuple(Status(status) for status in (408, 429, 500, 502, 503, 504))
WAITS = tuple(Status(status, after) for status in (429, 503) for after in RETRY_AFTERS)
SERVERS = (CloseIdle(), CloseIdle(reset=True), Http10(), Http10(measured=False))

# What can befall a body on its way to the client.
RESETS = tuple(Break(after) for after in CUTS)
EARLY_ENDS = tuple(Break(after, False, framing) for framing in Framing for after in CUTS)
SIZE_LINES = tuple(BreakInSizeLine(after) for after in (0, 1, 8192))
LENGTHS = (WrongLength(-1), WrongLength(1), DuplicateLength(0), DuplicateLength(), NegativeLength())
SLOW = (Drip(after=512), Drip(size=512))
STALLS = (Stall(after=None), Stall(after=0), Stall(after=512), Stall(after=-1))
CONTENT = (Corrupt(0), Corrupt(511, bit=7), Gzip(), Gzip(encoded=False))
RANGES = (
    *(WrongStart(by, admitted) for by in (1, -1) for admitted in (True, False)),
    *(WrongTotal(1), WrongTotal(-1), FullOnRange(), NotSatisfiable(), Multipart()),
)
REDIRECTS = (Presigned(1), Presigned(3), RedirectLoop(3), RedirectLoop())

# What can befall an upload, and the endpoint of tokens.
COMMITS = (Drop(forwarded=True), Drop(reset=False, forwarded=True))
BROKEN_UPLOADS = tuple(BreakUpload(after) for after in CUTS if after >= 0)
SESSIONS = (RefuseChunk(), RefuseChunk(told=True), LoseSession(), StaleLocation())
LOCATIONS = tuple(LocationForm(form) for form in Form)
TOKENS = (SkewIssued(DAY), SkewIssued(-DAY), Huge(64 * MIB))


def _rules(faults: Iterable[Fault], method: str = "", path: str = "") -> tuple[Rule, ...]:
    return tuple(Rule(fault, method, path) for fault in faults)


_BLOB = "/blobs/sha"
_UPLOAD = "/blobs/uploads/"

# What ends by itself, for `RandomScenario`: stalls and drips need a client that gives them up.
MENU: tuple[Rule, ...] = (
    *_rules(CONNECTIONS, CONNECT),
    *_rules((*DROPS, *STATUSES, *WAITS, *SERVERS), path="^/v2/"),
    *_rules((*RESETS, *EARLY_ENDS, *SIZE_LINES, *LENGTHS, *CONTENT), "GET", "^/v2/"),
    *_rules((*RANGES, *REDIRECTS), "GET", _BLOB),
    *_rules(LOCATIONS, path=_UPLOAD),
    *_rules(COMMITS, "PUT", "^/v2/"),
    *_rules((*BROKEN_UPLOADS, *SESSIONS), "PATCH", _UPLOAD),
)
