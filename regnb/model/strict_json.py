"""JSON from strangers: refused rather than guessed at (S10)."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from regnb.errors import InvalidDocumentError, printable

MAX_DEPTH = 64

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ONE_KIND_OF_BRACKET = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def loads(raw: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON document, if it has exactly one meaning.

    Raises:
        InvalidDocumentError: not UTF-8, not JSON, a key twice in one object, NaN or Infinity, a
            lone surrogate, a number too long or too large to read, or deeper than `max_depth`.
    """
    # Most documents have fewer brackets than that, and cannot be deep.
    if raw.count(b"{") + raw.count(b"[") > max_depth:
        _check_depth(raw, max_depth)
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if _SURROGATE.search(text):
            _refuse_surrogates(value)
    except InvalidDocumentError:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidDocumentError(f"Not a JSON document: {printable(error, 200)}.") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InvalidDocumentError(f"The key {printable(twice, 80)!r} stands twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidDocumentError(f"{name} is no JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidDocumentError(f"{printable(text, 40)} is too large a number.")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)


def _check_depth(raw: bytes, max_depth: int) -> None:
    """Take away the innermost pairs, once for each level that is allowed: nothing may be left.

    Each round is one pass over the brackets, so that no document can make this slow.
    """
    brackets = _brackets(raw)
    for _ in range(max_depth):
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == before:
            break
    if b"[" in brackets:
        raise InvalidDocumentError(
            f"A JSON document that is nested more than {max_depth} deep, or cut short."
        )


def _brackets(raw: bytes) -> bytes:
    """The brackets outside of strings, all of one kind."""
    without_escapes = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(without_escapes.split(b'"')[::2])
    return outside.translate(_ONE_KIND_OF_BRACKET, _NO_BRACKETS)


def _refuse_surrogates(value: Any) -> None:
    # A lone surrogate cannot be written out again, to a file or to a wire.
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidDocumentError("Text with half a surrogate pair.") from None
