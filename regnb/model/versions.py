"""Versions: tags that are semantic versions, their order, and ranges of them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import total_ordering

from regnb.errors import printable

# Nine digits fit an Int32; a longer number is a date or a build, not a version.
_NUMBER = r"(0|[1-9]\d{0,8})"
_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
# Semantic Versioning 2.0.0; a leading v is common in tags, and a plus is not allowed in them.
_VERSION = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?", re.ASCII)
_BOUND = re.compile(rf"(<=|>=|<|>|=)?\s*v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?", re.ASCII)
_DIGITS = re.compile(r"(\d+)", re.ASCII)


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version, in the order of its precedence (Semantic Versioning 2.0.0, 11)."""

    major: int
    minor: int
    patch: int
    prerelease: str | None = None

    @classmethod
    def parse(cls, tag: str) -> Version | None:
        """The version that a tag is, with or without a leading v; None for any other tag."""
        match = _VERSION.fullmatch(tag)
        if match is None:
            return None
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4])

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Without what follows the dash."""
        return (self.major, self.minor, self.patch)

    def __lt__(self, other: Version) -> bool:
        """Whether it comes before another."""
        return (*self.numbers, self._rank()) < (*other.numbers, other._rank())

    def _rank(self) -> tuple[int, tuple[tuple[int, int, str], ...]]:
        # Without a prerelease it comes after all with one; numbers come before words.
        if self.prerelease is None:
            return (1, ())
        parts = self.prerelease.split(".")
        return (0, tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts))


_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Bounds that a version has to meet, all of them: ``>=1.2 <2``.

    A bound names as many numbers as it needs: ``=1.2`` is met by 1.2.7. Only the numbers count:
    2.0.0-rc.1 is not below 2.
    """

    bounds: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def parse(cls, text: str) -> VersionRange:
        """Read bounds with blanks or commas between them.

        Raises:
            ValueError: `text` is no such range.
        """
        words = re.sub(r"([<>=])\s+", r"\1", text.replace(",", " ")).split()
        matches = [_BOUND.fullmatch(word) for word in words]
        if not matches or None in matches:
            raise ValueError(
                f"{printable(text, 80)!r} is no range of versions. Write bounds such as '>=1.2 <2'."
            )
        return cls(
            tuple(
                (match[1] or "=", tuple(int(n) for n in match.groups()[1:] if n is not None))
                for match in matches
                if match is not None
            )
        )

    def __contains__(self, version: Version) -> bool:
        """Whether a version meets every bound."""
        return all(
            _COMPARE[sign](version.numbers[: len(bound)], bound) for sign, bound in self.bounds
        )

    def __str__(self) -> str:
        """The bounds as they are written."""
        return " ".join(f"{sign}{'.'.join(map(str, bound))}" for sign, bound in self.bounds)


def natural_key(tag: str) -> tuple[tuple[int, int, str], ...]:
    """What tags sort by so that v10 comes after v9: numbers as numbers, all else as text."""
    parts = _DIGITS.split(tag)
    return tuple((1, int(p), "") if i % 2 else (0, 0, p) for i, p in enumerate(parts))
