"""JSON from strangers: refused rather than guessed at (protocol S10)."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from regnb.errors import InvalidDocumentError, printable

MAX_DEPTH = 64

_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)


def loads(raw: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON document, if it has exactly one meaning.

    Raises:
        InvalidDocumentError: not UTF-8, not JSON, a key twice in one object, NaN or Infinity, a
            lone surrogate, a number too long to read, or deeper than `max_depth`.
    """
    if raw.count(b"{") + raw.count(b"[") > max_depth:
        _check_depth(raw, max_depth)
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:
            _refuse_surrogates(value)
    except InvalidDocumentError:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidDocumentError(f"Not a JSON document: {printable(error, 200)}.") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidDocumentError(f"The key {printable(twice, 80)!r} stands twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidDocumentError(f"{name} is no JSON number.")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _check_depth(raw: bytes, max_depth: int) -> None:
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(raw):
        first = match[0][0]
        if first in b"[{":
            depth += 1
            if depth > max_depth:
                raise InvalidDocumentError(f"A JSON document nested more than {max_depth} deep.")
        elif first in b"]}":
            depth -= 1


def _refuse_surrogates(value: Any) -> None:
    # A lone surrogate cannot be written out again, to a file or to a wire.
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidDocumentError("Text with half a surrogate pair.") from None
