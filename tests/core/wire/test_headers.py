"""Headers read as urllib3 reads them, whose class for them is the reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from regnb.core.wire.headers import Headers

NAMES = st.sampled_from(["Link", "link", "LINK", "Warning", "warning", "X-A", "ETag"])
FIELDS = st.lists(st.tuples(NAMES, st.text("ab, ", max_size=3)), max_size=6)


@given(FIELDS, NAMES)
def test_a_header_is_found_in_whatever_case(fields: list[tuple[str, str]], name: str) -> None:
    headers, known = Headers(fields), HTTPHeaderDict(fields)
    assert headers.getlist(name) == known.getlist(name)
    assert headers.get(name) == known.get(name)
    assert headers.get(name, "none") == known.get(name, "none")
    assert (name in headers) == (name in known)
    assert headers.has_any(frozenset({name.lower()})) == (name in known)
    assert dict(headers) == {one.lower(): known[one] for one in known}
    assert len(headers) == len(known)


def test_what_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Headers([("A", "b")])["B"]
    nothing: object = None
    assert nothing not in Headers([("A", "b")])


def test_the_list_that_is_given_away_is_not_its_own() -> None:
    headers = Headers([("A", "b"), ("a", "c")])
    headers.getlist("A").clear()
    assert headers.getlist("A") == ["b", "c"]
