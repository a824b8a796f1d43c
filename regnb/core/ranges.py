"""Ranges: which part of a blob was sent (RFC 9110, 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = "([0-9]{1,18})"
_CONTENT_RANGE = re.compile(
    rf"bytes[ \t]+(?:{_NUMBER}-{_NUMBER}|\*)/(?:{_NUMBER}|\*)", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """What a ``Content-Range`` says (RFC 9110, 14.4).

    Attributes:
        part: the positions that were sent; None where there are none to send.
        total: bytes of the whole; None where it is not told.
    """

    part: range | None
    total: int | None


def parse_content_range(header: str | None) -> ContentRange | None:
    """Read ``bytes 5-9/10``, ``bytes 5-9/*`` or ``bytes */10``; None for all that is neither."""
    match = _CONTENT_RANGE.fullmatch(header or "")
    if match is None:
        return None
    first, last, total = (None if number is None else int(number) for number in match.groups())
    if first is None or last is None:
        return None if total is None else ContentRange(None, total)
    if last < first or (total is not None and last >= total):
        return None
    return ContentRange(range(first, last + 1), total)


def range_of(positions: range) -> dict[str, str]:
    """The header that asks for some bytes of a blob, of which there is one at least."""
    return {"Range": f"bytes={positions[0]}-{positions[-1]}"}


def range_from(offset: int) -> dict[str, str]:
    """The header that asks for a blob from a position on; none for the whole of it (B7)."""
    return {"Range": f"bytes={offset}-"} if offset else {}
