from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.errors import InvalidDocumentError
from regnb.model.strict_json import loads


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deep"),
        (b"9" * 5000, "digits"),
        (b'{"size": NaN}', "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "too large"),
        (b"[-1e999]", "too large"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"x": {"mediaType": "a", "mediaType": "b"}}', "twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'"\xff"', "JSON"),
        (b"", "JSON"),
        (b"<html>", "JSON"),
        (b"{} {}", "JSON"),
        ('"\N{BYTE ORDER MARK}"'.encode("utf-16"), "JSON"),
    ],
)
def test_s10_a_document_with_several_readings_or_none_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidDocumentError, match=reason):
        loads(raw)


def test_s10_brackets_within_text_are_not_depth() -> None:
    text = '"[[' * 200
    assert loads(json.dumps([text]).encode()) == [text]
    assert loads(b"[" * 64 + b"]" * 64)


@given(st.recursive(st.text('[]{}"\\u', max_size=4), lambda j: st.lists(j, max_size=2)))
def test_s10_depth_is_counted_as_it_is(value: Any) -> None:
    def depth(v: Any) -> int:
        return 1 + max(map(depth, v), default=0) if isinstance(v, list) else 0

    raw = json.dumps([value, [[]] * 5]).encode()  # so many brackets that they are looked at
    assert loads(raw, max_depth=max(depth(value) + 1, 3)) == json.loads(raw)
    if depth(value) > 2:
        with pytest.raises(InvalidDocumentError, match="deep"):
            loads(raw, max_depth=depth(value))


def test_s10_no_document_makes_reading_slow() -> None:
    # Each would be a matter of hours if it were looked at from each quote, or key, again.
    many = 1_000_000
    quotes = b"[" + b"[]," * 65 + b'"' + b'\\"' * many
    keys = ",".join(f'"{n}":0' for n in [*range(many), many - 1])
    for raw in (quotes, f"{{{keys}}}".encode(), b"[" * many, b"[[]" * many):
        with pytest.raises(InvalidDocumentError):
            loads(raw)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.binary())
def test_any_bytes_are_a_value_or_refused(raw: bytes) -> None:
    try:
        value = loads(raw)
    except InvalidDocumentError:
        return
    assert json.loads(raw) == value
