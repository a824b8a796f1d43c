from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnb.core.wire.error_body import ErrorBody, read_error_body


def one(code: object = "DENIED", **more: object) -> dict[str, Any]:
    return {"errors": [{"code": code, **more}]}


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (one(message="no", detail={"a": 1}), ErrorBody("DENIED", "DENIED: no", {"a": 1})),
        (one("VENDOR_42"), ErrorBody("VENDOR_42", "VENDOR_42")),
        (one(17, message="no"), ErrorBody(None, "no")),
        ({"details": "no such user"}, ErrorBody(None, "no such user")),
        ({"message": "busy"}, ErrorBody(None, "busy")),
        ({"errors": []}, ErrorBody()),
        ({"errors": ["x"]}, ErrorBody()),
        ({"errors": {"code": "A"}}, ErrorBody()),
        ("text", ErrorBody(None, "text")),
        (
            {"errors": [{"code": "A", "message": "x"}, {"code": "B", "message": "y"}]},
            ErrorBody("A", "A: x; B: y"),
        ),
    ],
)
def test_e9_errors_are_read_and_keep_the_code_of_the_registry(
    document: object, read: ErrorBody
) -> None:
    assert read_error_body(json.dumps(document).encode()) == read


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b" \r\n", ""),
        (b"404 page not found\n", "404 page not found"),
        (b"<html><script>alert(1)</script>", "a web page"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "a web page"),
        (b'{"errors": [', '{"errors": ['),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_e6_whatever_is_no_json_is_a_message(body: bytes, message: str) -> None:
    assert read_error_body(body) == ErrorBody(message=message)


def test_s19_a_message_is_one_short_printable_line() -> None:
    said = read_error_body(json.dumps(one(message="\x1b]0;x\x07\r\n" + "a" * 5000)).encode())
    assert said.message.isprintable()
    assert len(said.message) <= 1025


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["errors", "code", "message", "details"]), inner)
    ),
    max_leaves=10,
)


@given(st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()))
def test_b_e7_no_body_breaks_the_reader(body: bytes) -> None:
    said = read_error_body(body)
    assert said.message.isprintable()
    assert said.code is None or said.code.isprintable()
