"""Secret: text that objects show only as three stars."""

from __future__ import annotations


class Secret(str):
    """Text that shows only as ``***`` where objects are shown: in dumps and tracebacks (S16)."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Three stars."""
        return "'***'"
