"""Sizes, digests and times in the words of people."""

from __future__ import annotations

from regnb.errors import printable

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
_STEP = 1000
_SHORT_DIGEST = 12


def size(count: int | None) -> str:
    """Bytes with a decimal unit: ``2.5 MB``; below 1,000 exactly; ``?`` where unknown."""
    if count is None:
        return "?"
    if abs(count) < _STEP:
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= _STEP
        # 999.95 would be shown as 1000.0 of this unit.
        if abs(value) < _STEP - 0.05 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}"


def short_digest(digest: str) -> str:
    """The algorithm and the first 12 characters."""
    algorithm, colon, encoded = digest.partition(":")
    return f"{algorithm}{colon}{encoded[:_SHORT_DIGEST]}"


def clip(value: object, limit: int = 80) -> str:
    """One line of printable text; what was cut shows as an ellipsis."""
    return printable(value, limit)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 tag``, ``1,200 tags``, ``2 repositories``."""
    many = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    word = noun if number == 1 else plural or many
    return f"{number:,} {word}"


def duration(seconds: float) -> str:
    """A span of time: ``0.4 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
