"""The promises, as tables: faults by operations, and what has to become of each (section 6.2).

``times`` is how often the fault strikes: ``last`` leaves the last attempt alone, ``all`` does not
(F1), ``always`` never ends. The other words are those of `tests.faults.matrix.OUTCOMES`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults import menu
from tests.faults.answers import EndlessPages, Http10, Huge, IgnoreExpect, Status
from tests.faults.bodies import Corrupt, DuplicateLength, Gzip, NegativeLength, WrongLength
from tests.faults.endings import CloseIdle, CloseOnAccept, Framing, Refuse, Stall
from tests.faults.fault import Fault
from tests.faults.matrix import table
from tests.faults.ranges import FullOnRange, Multipart, NotSatisfiable, WrongStart, WrongTotal
from tests.faults.redirects import Form, LocationForm, Presigned, RedirectLoop
from tests.faults.stock import MIB
from tests.faults.tokens import SkewIssued
from tests.faults.uploads import LoseSession, RefuseChunk, StaleLocation

_OUTRIGHT: dict[str, Sequence[Fault]] = {
    "no-listener": [Refuse()],
    "reset-early": [CloseOnAccept(reset=True)],
    "closed-early": [CloseOnAccept()],
    "dropped": menu.DROPS,
    "unanswered": menu.COMMITS,
    "unavailable": [Status(status) for status in (500, 502, 503, 504)],
    "503": [Status(503)],
    "slow-down": [Status(408), Status(429)],
    "429": [Status(429)],
    "409": [Status(409)],
    "403": [Status(403)],
    "501": [Status(501)],
    "stalled": [Stall(after=None)],
    "not-kept-alive": [CloseIdle(), CloseIdle(reset=True)],
    "old": [Http10(), Http10(measured=False), IgnoreExpect()],
}

# F1, F2: what breaks, or asks for another try, is tried again; what is refused is not.
READING = table(
    """
fault          times  ping    list    stat    head    doc     blob    read    seek    resume
no-listener        1  wait    wait    wait    wait    wait    wait    wait    wait    wait
reset-early        1  wait    -       wait    wait    wait    wait    wait    wait    -
closed-early       1  wait    -       wait    wait    wait    wait    wait    wait    -
closed-early    last  wait    -       wait    wait    wait    wait    wait    wait    -
closed-early     all  broken  -       broken  broken  broken  broken  broken  broken  -
dropped            1  wait    wait    wait    wait    wait    wait    wait    wait    wait
dropped         last  wait    wait    wait    wait    wait    wait    wait    wait    wait
dropped          all  broken  broken  broken  broken  broken  broken  broken  broken  broken
unavailable        1  wait    wait    wait    wait    wait    wait    wait    wait    wait
503             last  wait    wait    wait    wait    wait    wait    wait    wait    wait
503              all  busy    busy    busy    busy    busy    busy    busy    busy    busy
slow-down          1  wait    wait    wait    wait    wait    wait    wait    wait    wait
429             last  wait    wait    wait    wait    wait    wait    wait    wait    wait
429              all  limited limited limited limited limited limited limited limited limited
409                1  refused refused refused refused refused refused refused refused refused
403                1  denied  denied  once    once    denied  denied  denied  denied  denied
501                1  busy    busy    once    once    busy    busy    busy    busy    busy
stalled            1  well    well    well    well    well    well    well    well    well
not-kept-alive     1  well    well    well    well    well    well    well    well    well
old                1  once    once    once    once    once    once    once    once    once
old           always  once    once    once    once    once    once    once    once    once
""",
    _OUTRIGHT,
)
WRITING = table(
    """
fault          times  publish begin   mount   chunk   write   put     close   commit  delete
no-listener        1  wait    wait    wait    wait    wait    wait    wait    wait    wait
reset-early        1  wait    wait    wait    -       -       -       -       -       -
closed-early       1  wait    wait    wait    -       -       -       -       -       -
closed-early    last  wait    wait    wait    -       -       -       -       -       -
closed-early     all  broken  broken  broken  -       -       -       -       -       -
dropped            1  wait    wait    wait    wait    wait    wait    wait    wait    wait
dropped         last  wait    wait    wait    wait    wait    wait    wait    wait    wait
dropped          all  broken  broken  broken  broken  broken  broken  broken  broken  broken
unanswered         1  wait    wait    wait    wait    wait    wait    wait    wait    wait
unavailable        1  wait    wait    wait    wait    wait    wait    wait    wait    wait
503             last  wait    wait    wait    wait    wait    wait    wait    wait    wait
503              all  busy    busy    busy    busy    busy    busy    busy    busy    busy
slow-down          1  wait    wait    wait    wait    wait    wait    wait    wait    wait
429             last  wait    wait    wait    wait    wait    wait    wait    wait    wait
429              all  limited limited limited limited limited limited limited limited limited
409                1  refused refused refused refused refused refused refused refused refused
403                1  denied  denied  once    denied  denied  denied  denied  denied  denied
501                1  busy    busy    busy    busy    busy    busy    busy    busy    busy
stalled            1  well    well    well    well    well    well    well    well    well
not-kept-alive     1  well    well    well    well    well    well    well    well    well
old                1  once    once    once    once    once    once    once    once    once
old           always  once    once    once    once    once    once    once    once    once
""",
    _OUTRIGHT,
)

# F2, F6, F14: a body that breaks off is not taken for a whole one.
BREAKS = table(
    """
fault          times  ping    list    doc     blob    read    seek    resume
reset              1  wait    wait    wait    wait    wait    wait    wait
ended              1  wait    wait    wait    wait    wait    wait    wait
ended-unseen       1  once    garbled once    once    once    wait    wait
size-line          1  wait    wait    wait    wait    wait    wait    wait
too-short          1  once    garbled once    once    once    wait    wait
too-long           1  wait    wait    wait    garbled garbled wait    wait
two-lengths        1  garbled garbled garbled garbled garbled garbled garbled
odd-length         1  once    well    once    once    once    once    once
""",
    {
        "reset": menu.RESETS,
        "ended": [each for each in menu.EARLY_ENDS if each.framing is not Framing.NONE],
        "ended-unseen": [each for each in menu.EARLY_ENDS if each.framing is Framing.NONE],
        "size-line": menu.SIZE_LINES,
        "too-short": [WrongLength(-1)],
        "too-long": [WrongLength(1)],  # no other answer agrees: that is not got over
        "two-lengths": [DuplicateLength()],
        "odd-length": [DuplicateLength(0), NegativeLength()],
    },
)

# F5, S24: what does not come forward is given up, and asked for again.
SLOWNESS = table(
    """
fault          times  ping    list    doc     blob    read    seek    resume
stalled            1  well    well    well    well    well    well    well
dripping           1  well    well    well    well    well    well    well
""",
    {"stalled": [Stall(after=0), Stall(after=512), Stall(after=-1)], "dripping": menu.SLOW},
)

# S13, W-B3: bytes that are not those of the digest are asked for once more, and never given out.
# What is read out of order, or listed, has no digest: there, an error at best.
CONTENT = table(
    """
fault          times  ping    list    doc     blob    read    seek    resume
altered            1  once    garbled once    once    once    -       -
altered       always  once    garbled altered altered altered -       -
altered-later      1  -       -       -       -       -       -       once
altered-later always  -       -       -       -       -       -       altered
encoded            1  once    once    once    once    once    wait    wait
not-encoded        1  garbled garbled garbled garbled garbled wait    wait
""",
    {
        "altered": [Corrupt(0), Corrupt(511, bit=7)],
        "altered-later": [Corrupt(200_000)],
        "encoded": [Gzip()],
        "not-encoded": [Gzip(encoded=False)],
    },
)

# S9: nobody makes the client hold more than it wants.
SIZES = table(
    """
fault          times  ping    list    doc     blob
huge               1  huge    huge    huge    huge
""",
    {"huge": [Huge(2 * MIB)]},
)

# F6, W-B4, W-B7: a blob goes on from its middle, whatever a server makes of ranges.
RANGES = table(
    """
fault          times  seek    resume
elsewhere          1  wait    wait
elsewhere     always  well    well
wrong-total        1  wait    wait
no-range           1  once    once
no-range      always  once    once
416                1  wait    wait
multipart          1  wait    wait
""",
    {
        "elsewhere": [each for each in menu.RANGES if isinstance(each, WrongStart)],
        "wrong-total": [WrongTotal(1), WrongTotal(-1)],
        "no-range": [FullOnRange()],
        "416": [NotSatisfiable()],
        "multipart": [Multipart()],
    },
)

# H2, S3: redirects are followed without credentials, and not for ever.
REDIRECTS = table(
    """
fault          times  stat    head    doc     blob    read    seek    resume
presigned          1  once    once    once    once    once    once    once
presigned     always  once    once    once    once    once    once    once
in-a-circle        1  once    once    once    once    once    once    once
for-ever      always  unsafe  unsafe  unsafe  unsafe  unsafe  unsafe  unsafe
""",
    {
        "presigned": [Presigned(1), Presigned(3)],
        "in-a-circle": [RedirectLoop(3)],
        "for-ever": [RedirectLoop()],
    },
)

# S8: a listing that does not end is ended.
LISTINGS = table(
    """
fault          times  catalog tags
repositories  always  endless -
tags          always  -       endless
""",
    {
        "repositories": [EndlessPages("repositories", cursors) for cursors in (0, 1, 2)],
        "tags": [EndlessPages("tags", cursors) for cursors in (0, 1, 2)],
    },
)

# F8, W-P2, W-P3, W-P4, B-P14, S6: an upload goes on, or begins anew, and goes nowhere else.
UPLOADS = table(
    """
fault          times  begin   mount   chunk   write   put     close   commit
cut                1  -       -       wait    wait    wait    -       -
cut             last  -       -       well    well    well    -       -
range-refused      1  -       -       once    once    once    once    once
session-lost       1  -       -       once    lost    once    once    lost
stale              1  -       -       once    once    -       -       -
near               1  once    once    once    once    -       -       -
away               1  unsafe  once    unsafe  unsafe  -       -       -
too-big            1  too-big too-big too-big too-big too-big too-big too-big
""",
    {
        "cut": menu.BROKEN_UPLOADS,
        "range-refused": [RefuseChunk(), RefuseChunk(told=True)],
        "session-lost": [LoseSession()],
        "stale": [StaleLocation()],
        "near": [
            LocationForm(form) for form in Form if form not in (Form.OTHER_PORT, Form.OTHER_HOST)
        ],
        "away": [LocationForm(Form.OTHER_PORT), LocationForm(Form.OTHER_HOST)],
        "too-big": [Status(413)],
    },
)

# F9, W-A5, W-A9: a token is got, whatever befalls the service that gives it.
TOKENS = table(
    """
fault          times  token
dropped            1  wait
dropped         last  wait
unavailable        1  wait
slow-down          1  wait
reset              1  wait
ended              1  wait
ended-unseen       1  no-token
size-line          1  wait
stalled            1  well
altered            1  no-token
huge               1  huge
skewed             1  once
""",
    {
        **_OUTRIGHT,
        "reset": menu.RESETS,
        "ended": [each for each in menu.EARLY_ENDS if each.framing is not Framing.NONE],
        "ended-unseen": [each for each in menu.EARLY_ENDS if each.framing is Framing.NONE],
        "size-line": menu.SIZE_LINES,
        "altered": [Corrupt(0)],
        "huge": [Huge(2 * MIB)],
        "skewed": [SkewIssued(menu.DAY), SkewIssued(-menu.DAY)],
    },
)
