from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import requests
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.core.auth.grant import Grant
from regnb.core.auth.logins import IdentityToken, Login
from regnb.core.auth.scopes import Scopes, mount
from regnb.core.auth.token_service import TokenService
from regnb.core.wire.connections import Connections
from regnb.core.wire.limits import Limits
from regnb.core.wire.secret import Secret
from regnb.errors import (
    AuthenticationRequiredError,
    BodyTooLargeError,
    DeniedError,
    RateLimitedError,
    RegistryError,
    RegistryTimeoutError,
    TokenError,
    UnsafeRedirectError,
)
from tests.core.auth.building import PULL, REALM, ROBOT, SERVICE, connections, form, query, sent
from tests.core.fakes import FakeTime, raw_server, reply

IDENTITY = IdentityToken("identity-1")
NAMED = IdentityToken("identity-1", username="someone")


def ask(
    login: Login | None = ROBOT,
    scopes: Scopes = PULL,
    *,
    realm: str = REALM,
    service: str = SERVICE,
    over: Connections | None = None,
    refresh: Secret | None = None,
) -> Grant:
    asked = TokenService(realm, service)
    return asked.grant(over or connections(), login, scopes, refresh=refresh)


def test_a6_get_asks_with_name_and_password(web: responses.RequestsMock) -> None:
    web.get(REALM, json={"token": "t", "expires_in": 300})
    grant = ask(scopes=mount("a", "b"))
    assert grant.authorization.header == "Bearer t"
    request = web.calls[0].request
    assert query(request) == [
        ("account", "robot"),
        ("scope", "repository:a:pull,push"),
        ("scope", "repository:b:pull"),
        ("service", SERVICE),
    ]
    assert sent(request) == ROBOT.header()
    assert request.headers["User-Agent"].startswith("regnb/")
    assert "Cookie" not in request.headers


def test_a6_the_query_of_the_realm_is_kept(web: responses.RequestsMock) -> None:
    web.get(REALM, json={"token": "t"})
    ask(realm=f"{REALM}?a=%7Eb&scope=x", service="")
    raw = str(web.calls[0].request.url)
    assert raw == f"{REALM}?a=%7Eb&scope=x&account=robot&scope=repository%3Aa%3Apull"


def test_b_a13_nobody_in_particular_asks_without_an_account(web: responses.RequestsMock) -> None:
    web.get(REALM, json={"token": "t"})
    grant = ask(None, ())
    assert grant.authorization.login is None
    assert query(web.calls[0].request) == [("service", SERVICE)]
    assert sent(web.calls[0].request) is None


def test_a7_no_refresh_token_is_asked_for_where_the_password_is_at_hand(
    web: responses.RequestsMock,
) -> None:
    web.get(REALM, json={"token": "t"})
    ask()
    assert "offline_token" not in dict(query(web.calls[0].request))


def test_a8_an_identity_token_is_posted_as_a_refresh_token(web: responses.RequestsMock) -> None:
    web.post(REALM, json={"access_token": "t", "refresh_token": "identity-2"})
    grant = ask(IDENTITY, mount("a", "b"), realm=f"{REALM}?a=b")
    assert grant.authorization.header == "Bearer t"
    assert grant.refresh == "identity-2"
    request = web.calls[0].request
    assert request.url == f"{REALM}?a=b"
    assert form(request) == [
        ("client_id", "regnb"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "identity-1"),
        ("scope", "repository:a:pull,push repository:b:pull"),
        ("service", SERVICE),
    ]
    assert sent(request) is None
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Content-Length"] == str(len(request.body or ""))


def test_a9_the_newest_refresh_token_is_posted(web: responses.RequestsMock) -> None:
    web.post(REALM, json={"access_token": "t"})
    ask(IDENTITY, refresh=Secret("identity-2"))
    assert dict(form(web.calls[0].request))["refresh_token"] == "identity-2"


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_w_a8_who_takes_no_post_gets_name_and_token(
    web: responses.RequestsMock, status: int
) -> None:
    web.post(REALM, status=status)
    web.get(REALM, json={"token": "t"})
    assert ask(NAMED).authorization.header == "Bearer t"
    assert sent(web.calls[1].request) == "Basic c29tZW9uZTppZGVudGl0eS0x"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, AuthenticationRequiredError), (401, AuthenticationRequiredError), (404, TokenError)],
)
def test_w_a8_without_a_name_there_is_only_the_post(
    web: responses.RequestsMock, status: int, kind: type[RegistryError]
) -> None:
    web.post(REALM, status=status, json={"error": "invalid_grant"})
    with pytest.raises(kind, match="invalid_grant") as caught:
        ask(IDENTITY)
    assert len(web.calls) == 1
    assert caught.value.status == status


@pytest.mark.parametrize("status", [403, 500])
def test_w_a8_other_refusals_of_a_post_are_final(web: responses.RequestsMock, status: int) -> None:
    web.post(REALM, status=status)
    with pytest.raises(RegistryError):
        ask(NAMED, over=connections(limits=Limits(attempts=1, first_attempts=1)))
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("login", "status", "kind", "advice"),
    [
        (ROBOT, 401, AuthenticationRequiredError, r"check them, or leave them out"),
        (ROBOT, 403, DeniedError, "log in with one that may"),
        (ROBOT, 400, TokenError, "Without a token"),
        (ROBOT, 404, TokenError, "Without a token"),
        (None, 401, AuthenticationRequiredError, r"username= .* docker login registry.example"),
        (None, 403, AuthenticationRequiredError, r"regnb\.login\(\)"),
    ],
)
def test_b_a13_a_refusal_at_the_realm_says_what_to_do(
    web: responses.RequestsMock,
    login: Login | None,
    status: int,
    kind: type[RegistryError],
    advice: str,
) -> None:
    errors = [{"code": "UNAUTHORIZED", "message": "incorrect\x1b[31m password"}]
    web.get(REALM, status=status, json={"errors": errors})
    with pytest.raises(kind, match=advice) as caught:
        ask(login)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.method) == (status, "UNAUTHORIZED", "GET")
    assert "incorrect [31m password" in str(error)
    assert str(error.url).startswith(f"{REALM}?")
    assert "robot" not in str(error)
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    "body", ["", "{}", "<html>", '{"token": "a b"}', '{"token":"a","token":1}']
)
def test_a10_an_answer_without_a_token_is_an_error(web: responses.RequestsMock, body: str) -> None:
    web.get(REALM, body=body)
    with pytest.raises(TokenError, match="holds no token"):
        ask()


def test_f2_a_token_service_in_trouble_is_asked_again(web: responses.RequestsMock) -> None:
    web.get(REALM, status=503, headers={"Retry-After": "7"})
    web.get(REALM, body=requests.ConnectionError(ConnectionResetError()))
    web.get(REALM, json={"token": "t"})
    time = FakeTime()
    ask(over=connections(time=time))
    assert time.slept == [7.0, 0.5]


def test_f2_a_token_service_that_stays_in_trouble_is_an_error(web: responses.RequestsMock) -> None:
    web.get(REALM, status=503, body="<html>")
    with pytest.raises(TokenError, match="a web page"):
        ask()
    assert len(web.calls) == Limits().attempts


def test_f4_a_wait_that_is_too_long_is_told(web: responses.RequestsMock) -> None:
    web.get(REALM, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(RateLimitedError) as caught:
        ask()
    assert caught.value.retry_after == 3600
    assert len(web.calls) == 1


def test_w_a9_a_token_answer_has_an_end(web: responses.RequestsMock) -> None:
    web.get(REALM, body=b'{"token":"' + b"a" * (1 << 20) + b'"}')
    with pytest.raises(BodyTooLargeError):
        ask()
    assert len(web.calls) == 1


def test_f5_a_token_answer_that_drips_is_given_up() -> None:
    body = b'{"token": "t"}'
    limits = Limits(token_total=30, attempts=1, first_attempts=1)
    time = FakeTime()

    def drip(connection: Any) -> None:
        connection.sendall(reply(b"", length=1000))
        for byte in body:
            time.seconds += 10
            connection.sendall(bytes([byte]))

    with raw_server(drip) as server, pytest.raises(RegistryTimeoutError):
        ask(
            None,
            realm=f"{server.url}/token",
            over=connections(url=server.url, limits=limits, time=time),
        )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_b_a16_redirects_within_the_token_service_are_followed(
    web: responses.RequestsMock, status: int
) -> None:
    there = "https://auth.registry.example:443/v2/token?a=b%2Bc"
    web.get(REALM, status=status, headers={"Location": "/v2/token?a=b%2Bc"})
    web.get(there.partition("?")[0].replace(":443", ""), json={"token": "t"})
    assert ask().authorization.header == "Bearer t"
    assert sent(web.calls[1].request) == ROBOT.header()
    assert str(web.calls[1].request.url).endswith("/v2/token?a=b%2Bc")


@pytest.mark.parametrize("login", [ROBOT, None])
@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/token",
        "https://auth.registry.example:8443/token",
        "http://auth.registry.example/token",
        "https://registry.example/token",
        "http://169.254.169.254/latest/meta-data",
        "https://robot:x@auth.registry.example/token",
        "//evil.example/token",
        "file:///etc/passwd",
    ],
)
def test_b_a16_redirects_away_from_the_token_service_are_not(
    web: responses.RequestsMock, to: str, login: Login | None
) -> None:
    web.get(REALM, status=302, headers={"Location": to})
    with pytest.raises(UnsafeRedirectError):
        ask(login)
    assert len(web.calls) == 1


def test_b_a16_redirects_of_a_post_are_not_followed(web: responses.RequestsMock) -> None:
    web.post(REALM, status=307, headers={"Location": "/elsewhere"})
    with pytest.raises(TokenError):
        ask(IDENTITY)
    assert len(web.calls) == 1


def test_b_a16_redirects_have_an_end(web: responses.RequestsMock) -> None:
    web.get(REALM, status=302, headers={"Location": REALM})
    with pytest.raises(UnsafeRedirectError, match="one redirect more than 5"):
        ask()
    assert len(web.calls) == 6


@settings(deadline=None)
@given(
    st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 418, 599]),
    st.binary(max_size=60),
    st.sampled_from([ROBOT, NAMED, IDENTITY, None]),
)
def test_w_a9_any_answer_is_a_token_or_a_typed_error(
    status: int, body: bytes, login: Login | None
) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        web.get(REALM, status=status, body=body)
        web.post(REALM, status=status, body=body)
        with suppress(RegistryError):
            assert ask(login).authorization.header.startswith("Bearer ")
