"""Byte ranges of a blob (RFC 9110, 14)."""

from __future__ import annotations

import re
from http import HTTPStatus

from regnb.sample.messages import RefusedError

_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


def wanted(header: str | None, size: int) -> range | None:
    """The positions that a Range header asks for; None where the whole is to be sent.

    Several ranges, other units and malformed ones are ignored, as RFC 9110 allows.

    Raises:
        RefusedError: 416, when no byte of the blob is in the range.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        chosen = range(max(size - int(last), 0), size)
    else:
        if last and int(last) < int(first):
            return None
        chosen = range(int(first), min(int(last) + 1 if last else size, size))
    if not chosen:
        raise RefusedError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "RANGE_INVALID",
            f"no byte of the {size} is in that range",
            headers=[("Content-Range", f"bytes */{size}")],
        )
    return chosen
