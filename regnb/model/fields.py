"""Reading fields of JSON objects that may hold anything; the wrong kind is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regnb.errors import InvalidDocumentError, printable

MAX_ITEMS = 100_000
MAX_SIZE = 2**50
"""Bytes, 1 PiB: no blob is larger, and sums of what strangers claim stay exact (S10)."""


def mapping(value: object, name: str) -> dict[str, Any]:
    """`value`, if it is an object."""
    if not isinstance(value, dict):
        raise InvalidDocumentError(f"{name} is {_kind(value)}, where an object belongs.")
    return value


def items(source: Mapping[str, Any], name: str) -> list[Any]:
    """The list under `name`; empty where it is absent or null."""
    value = source.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidDocumentError(f"{name} is {_kind(value)}, where a list belongs.")
    if len(value) > MAX_ITEMS:
        raise InvalidDocumentError(f"{name} has {len(value):,} items; {MAX_ITEMS:,} are allowed.")
    return value


def text(source: Mapping[str, Any], name: str) -> str:
    """The text under `name`; empty where it is absent or null."""
    value = source.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidDocumentError(f"{name} is {_kind(value)}, where text belongs.")
    return value


def texts(source: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The list of texts under `name`; empty where it is absent or null."""
    values = items(source, name)
    for value in values:
        if not isinstance(value, str):
            raise InvalidDocumentError(f"{name} holds {_kind(value)}, where text belongs.")
    return tuple(values)


def text_map(source: Mapping[str, Any], name: str) -> dict[str, str]:
    """The object of texts under `name`; empty where it is absent or null."""
    value = source.get(name)
    if value is None:
        return {}
    found = mapping(value, name)
    for key, item in found.items():
        if not isinstance(item, str):
            raise InvalidDocumentError(
                f"{name} holds {_kind(item)} under {printable(key, 80)!r}, where text belongs."
            )
    return found


def truth(source: Mapping[str, Any], name: str) -> bool:
    """The truth value under `name`; False where it is absent or null."""
    value = source.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidDocumentError(f"{name} is {_kind(value)}, where a truth value belongs.")
    return bool(value)


def size(source: Mapping[str, Any], name: str) -> int:
    """The number of bytes under `name`, which has to be there (S10)."""
    value = source.get(name)
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise InvalidDocumentError(
            f"{name} is {printable(repr(value)[:80])}, where a number of bytes belongs."
        )
    return value


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a truth value"}
    return "null" if value is None else kinds.get(type(value), "a number")
