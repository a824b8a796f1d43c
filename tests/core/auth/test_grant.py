from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regnb.core.auth.authorization import Authorization
from regnb.core.auth.grant import DEFAULT_LIFETIME, LONGEST_LIFETIME, Grant, lifetime, read_grant
from regnb.core.wire.secret import Secret
from tests.core.auth.building import PULL, ROBOT
from tests.core.fakes import FakeTime

NOW = 1_800_000_000.0


def grant(body: bytes | dict[str, Any]) -> Grant | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    clock = FakeTime(seconds=NOW).clock()
    return read_grant(raw, login=ROBOT, scopes=PULL, clock=clock)


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("document", "header"),
    [
        ({"token": "a"}, "Bearer a"),
        ({"access_token": "b"}, "Bearer b"),
        ({"token": "a", "access_token": "b"}, "Bearer b"),
        ({"token": "a", "access_token": ""}, "Bearer a"),
        ({"token": "a", "access_token": 7}, "Bearer a"),
    ],
)
def test_a10_access_token_counts_before_token(document: dict[str, Any], header: str) -> None:
    found = grant(document)
    assert found is not None
    made = found.authorization
    assert (made.header, made.login, made.scopes) == (header, ROBOT, PULL)
    assert (made.obtained, made.lifetime) == (NOW, 60)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'{"token":',
        b'{"token": ""}',
        b'{"token": null}',
        b'{"token": ["a"]}',
        b'{"token": "a", "token": "b"}',
        b"<html>",
        b"[" * 100_000,
        b'{"token": "a", "expires_in": NaN}',
        b'{"token": "\xff"}',
    ],
)
def test_a10_an_answer_without_one_token_is_no_grant(body: bytes) -> None:
    assert grant(body) is None


@pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "a\x00", "naïve", " a", "\u202ea", "a\t"])
def test_s20_a_token_that_no_header_carries_is_none(token: str) -> None:
    assert grant({"token": token}) is None
    assert grant({"access_token": token, "token": "good"}) is None


def test_a9_a_refresh_token_is_told() -> None:
    found = grant({"token": "a", "refresh_token": "r"})
    assert found is not None
    assert found.refresh == "r"
    assert repr(found.refresh) == "'***'"
    without = grant({"token": "a", "refresh_token": 7})
    assert without is not None
    assert without.refresh is None


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (300, 300),
        (0.5, 0.5),
        ("300", 300),
        (" 3e2 ", 300),
        (None, DEFAULT_LIFETIME),
        (0, DEFAULT_LIFETIME),
        (-1.5, DEFAULT_LIFETIME),
        ("soon", DEFAULT_LIFETIME),
        ("nan", DEFAULT_LIFETIME),
        (True, DEFAULT_LIFETIME),
        ([300], DEFAULT_LIFETIME),
        (86_400, LONGEST_LIFETIME),
        (10**400, LONGEST_LIFETIME),
        ("inf", LONGEST_LIFETIME),
        ("9" * 400, LONGEST_LIFETIME),
    ],
)
def test_w_a6_odd_lifetimes_fail_no_login(expires_in: object, seconds: float) -> None:
    assert lifetime(expires_in, None, now=NOW) == seconds


@pytest.mark.parametrize(
    ("issued_at", "seconds"),
    [
        (at(NOW), 300),
        (at(NOW - 100), 200),
        (at(NOW - 299), 1),
        # A clock that is wrong: the token begins now.
        (at(NOW - 300), 300),
        (at(NOW - 86_400), 300),
        (at(NOW + 1), 300),
        (at(NOW + 86_400), 300),
        ("0001-01-01T00:00:00Z", 300),
        ("0001-01-01T00:00:00+14:00", 300),
        ("9999-12-31T23:59:59-14:00", 300),
        # The forms in which dates come.
        (at(NOW - 100).replace("Z", ".123456789Z"), 200.123456),
        (at(NOW - 100).replace("Z", ""), 200),
        (at(NOW - 100).replace("Z", "+01:00"), 300),
        ("yesterday", 300),
        ("", 300),
        (NOW - 100, 300),
        (None, 300),
    ],
)
def test_w_a5_issued_at_counts_where_it_can_be_true(issued_at: object, seconds: float) -> None:
    assert lifetime(300, issued_at, now=NOW) == pytest.approx(seconds)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(["token", "access_token", "expires_in", "issued_at", "refresh_token"])


@example({"token": "t", "expires_in": 2e-313})
@example({"token": "t", "expires_in": 300, "issued_at": at(NOW - 299.9999999)})
@given(st.dictionaries(_names, _json | st.text("0123456789-:TZ+.eE", max_size=30), max_size=5))
def test_w_a6_whatever_is_said_of_a_token_it_lives_a_while(document: dict[str, Any]) -> None:
    found = grant(json.dumps(document).encode())
    if found is not None:
        assert 0 < found.authorization.lifetime <= LONGEST_LIFETIME
        assert found.authorization.is_fresh(NOW)
        assert found.authorization.header.isascii()


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda b: b'{"token":"' + b + b'"}'))
def test_w_a6_any_body_is_a_grant_or_none(body: bytes) -> None:
    found = grant(body)
    assert found is None or found.authorization.header.startswith("Bearer ")


@given(st.integers() | st.floats() | st.text(), st.datetimes().map(datetime.isoformat) | st.text())
def test_w_a5_a_lifetime_is_within_bounds(expires_in: object, issued_at: object) -> None:
    assert 0 < lifetime(expires_in, issued_at, now=NOW) <= LONGEST_LIFETIME


@pytest.mark.parametrize(
    ("seconds", "fresh_until"), [(300, 295), (11, 6), (10.5, 5.5), (10, 10), (3, 3)]
)
def test_w_a5_long_tokens_are_renewed_early_and_short_ones_not(
    seconds: float, fresh_until: float
) -> None:
    token = Authorization(Secret("Bearer t"), None, obtained=NOW, lifetime=seconds)
    assert token.is_fresh(NOW + fresh_until - 0.001)
    assert not token.is_fresh(NOW + fresh_until)


def test_b_a15_a_token_is_old_after_half_of_its_lifetime() -> None:
    token = Authorization(Secret("Bearer t"), None, obtained=NOW, lifetime=300)
    assert not token.is_old(NOW + 150)
    assert token.is_old(NOW + 151)
    assert not Authorization(Secret("Basic x"), ROBOT).is_old(NOW)
