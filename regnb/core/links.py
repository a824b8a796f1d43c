"""Link headers (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_PARAMETER = re.compile(
    r"""\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]*)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?"""
)


def next_link(values: Iterable[str]) -> str | None:
    """The target of the first link with relation ``next`` in all values of a Link header."""
    return next((target for target, relations in _links(values) if "next" in relations), None)


def _links(values: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for value in values:
        position = value.find("<")
        while position >= 0:
            end = value.find(">", position)
            if end < 0:
                break
            target, relation, position = value[position + 1 : end], None, end + 1
            while match := _PARAMETER.match(value, position):
                position = match.end()
                if match[1].lower() == "rel" and relation is None:
                    relation = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            yield target.strip(), (relation or "").lower().split()
            position = value.find("<", position)
