"""Challenges: what a 401 says about how to log in (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATORS = re.compile(r"[\s,]*")
_SCHEME = re.compile(rf"({_TOKEN})(?=[\s,]|$)")
# An unquoted value may hold more than a token: registries write realm=https://... so (W-A2).
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))(?=[\s,]|$)')
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_NEXT_ELEMENT = re.compile(r"[^,]*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a registry offers.

    Attributes:
        scheme: in lower case, ``basic`` or ``bearer`` as a rule.
        parameters: by lower-case name; the first of two equal names counts.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Read all ``WWW-Authenticate`` values, several challenges to a line or not (RFC 9110)."""
    found: list[Challenge] = []
    for value in values:
        position, current = 0, None
        while (position := _end(_SEPARATORS, value, position)) < len(value):
            if current and (match := _PARAMETER.match(value, position)):
                text = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
                current.parameters.setdefault(match[1].lower(), text)
            elif match := _SCHEME.match(value, position):
                current = Challenge(match[1].lower())
                found.append(current)
                match = _TOKEN68.match(value, match.end()) or match
            position = match.end() if match else _end(_NEXT_ELEMENT, value, position)
    return found


def _end(pattern: re.Pattern[str], value: str, position: int) -> int:
    """Where a pattern that always matches ends."""
    match = pattern.match(value, position)
    return match.end() if match else position
