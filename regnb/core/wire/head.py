"""Head: the head of an answer, read in one go where it is written in the plainest way.

`http.client` hands it to the parser of e-mails, which takes longer than all else about a small
answer. Whatever is not as plain as can be is left to it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from regnb.core.wire.headers import Headers

MOST_FIELDS = 100  # more are an error to http.client
_CONTENT_LENGTH = "content-length"

# No folding, no control characters, nothing beyond ASCII.
_PLAIN = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [ -~]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)*)\r\n"
)
_FIELD = re.compile(r"([^:\r]+):[ \t]*([^\r]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_WITHOUT_BODY = frozenset({204, 304})
# What makes the length of a body, or the end of a connection, more than one number.
_ODD = frozenset({"transfer-encoding", "connection", "keep-alive"})


class Head(NamedTuple):
    """A plain head.

    Attributes:
        status: HTTP status.
        headers: all of them.
        length: bytes of the body.
        size: bytes of the head itself.
    """

    status: int
    headers: Headers
    length: int
    size: int


def plain_head(seen: bytes, method: str) -> Head | None:
    """The head that `seen` begins with, or None where it is not all there, or not plain.

    Plain is HTTP/1.1, a status from 200 on, one Content-Length where there can be a body, and no
    field that changes what these two say.
    """
    found = _PLAIN.match(seen)
    if found is None:
        return None
    fields = _FIELD.findall(found[2].decode("ascii"))
    headers = Headers(fields)
    if len(fields) > MOST_FIELDS or headers.has_any(_ODD):
        return None
    status = int(found[1])
    empty = status in _WITHOUT_BODY or method == "HEAD"
    stated = headers.get(_CONTENT_LENGTH)
    if stated is None and empty:
        return Head(status, headers, 0, found.end())
    if stated is None or not _LENGTH.fullmatch(stated):  # as two of them do not
        return None
    return Head(status, headers, 0 if empty else int(stated), found.end())
