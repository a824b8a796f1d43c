"""RateLimit: what a registry says of how much more it may be asked (F4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regnb.core.wire.headers import Headers
from regnb.display.text import duration
from regnb.errors import printable

LIMITS = frozenset(
    {"ratelimit-limit", "ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-remaining"}
)
"""The headers that tell of one, in lower case."""

# ``100;w=21600`` from Docker Hub, or a bare number. Only the first element counts.
_VALUE = re.compile(r"\s*([0-9]{1,15})(?![0-9.])([^,]*)", re.ASCII)
_WINDOW = re.compile(r";\s*w\s*=\s*([0-9]{1,9})(?![0-9.])", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one answer said of the limit.

    Attributes:
        limit: requests that are allowed in a window, or None.
        remaining: requests that are left of them, or None.
        window: seconds, or None.
        source: whom the limit is for, by the registry's words: an address, or an account.
    """

    limit: int | None = None
    remaining: int | None = None
    window: int | None = None
    source: str | None = None

    def __str__(self) -> str:
        """In words. The source is left out: it is the caller's own address, as a rule."""
        left = "?" if self.remaining is None else f"{self.remaining:,}"
        most = "" if self.limit is None else f" of {self.limit:,}"
        span = "" if self.window is None else f" in {duration(self.window)}"
        return f"{left}{most} requests left{span}"


def read_rate_limit(headers: Headers) -> RateLimit | None:
    """What the headers of an answer say of a limit; None where they say nothing.

    Reads ``RateLimit-Limit`` and ``RateLimit-Remaining``, with or without ``X-`` before them,
    and Docker Hub's ``Docker-RateLimit-Source``.
    """
    limit, window = _quantity(headers, "RateLimit-Limit")
    remaining, other_window = _quantity(headers, "RateLimit-Remaining")
    if limit is None and remaining is None:
        return None
    source = printable(headers.get("Docker-RateLimit-Source", ""), 100) or None
    return RateLimit(limit, remaining, other_window if window is None else window, source)


def _quantity(headers: Headers, name: str) -> tuple[int | None, int | None]:
    """A number and its window."""
    key = name if name in headers else f"X-{name}"
    match = _VALUE.match(headers[key]) if key in headers else None
    if match is None:
        return None, None
    window = _WINDOW.search(match[2])
    return int(match[1]), int(window[1]) if window else None
