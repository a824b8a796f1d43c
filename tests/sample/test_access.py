"""Who gets in, and for how long; `tests/contract/test_authentication.py` has the forms of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from regnb.sample import Served, serve
from regnb.sample.access import Passwords
from regnb.sample.bodies import Body
from regnb.sample.messages import RefusedError, Request
from regnb.sample.rules import Rules
from regnb.sample.tokens import FORM_LIMIT, Tokens

USERS = {"alice": "secret"}
ALICE = ("alice", "secret")


@pytest.fixture
def guarded() -> Iterator[Served]:
    with serve(fill=None, users=USERS, token_lifetime=300) as served:
        yield served


def asked(method: str, path: str, *, token: str = "", body: bytes = b"") -> Request:
    headers = Message()
    headers["Host"] = "registry.example"
    headers["Authorization"] = f"Bearer {token}"
    return Request(method, path, {}, headers, Body(BytesIO(body), len(body)), Rules())


def given(tokens: Tokens, **fields: str) -> dict[str, Any]:
    """What the token endpoint answers to a form of Alice's."""
    form = {"grant_type": "password", "username": "alice", "password": "secret", **fields}
    answer = tokens.answer(asked("POST", "/token", body=urlencode(form).encode()))
    document: dict[str, Any] = json.loads(bytes(answer.body))
    return document


def header(session: requests.Session, served: Served, scope: str) -> dict[str, str]:
    answer = session.get(f"{served.url}token", params={"scope": scope}, auth=ALICE)
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def test_nobody_is_asked_where_there_are_no_users(empty: Served, session: requests.Session) -> None:
    assert session.get(f"{empty.url}v2/").status_code == 200
    assert session.get(f"{empty.url}token", auth=ALICE).status_code == 404
    with serve(fill=None, users={}) as locked:
        assert session.get(f"{locked.url}v2/", auth=ALICE).status_code == 401


# For how long


def test_a_token_is_good_for_its_lifetime_and_no_longer() -> None:
    now = 1000.0
    tokens = Tokens(Passwords(USERS), lifetime=60, clock=lambda: now)
    document = given(tokens, scope="repository:app:pull,push")
    assert document["expires_in"] == 60
    request = asked("GET", "/v2/app/tags/list", token=document["token"])
    now += 59
    tokens.admit(request, ["repository:app:pull"])
    now += 1
    with pytest.raises(RefusedError) as refused:
        tokens.admit(request, ["repository:app:pull"])
    challenge = (
        'Bearer realm="http://registry.example/token",service="sample",'
        'scope="repository:app:pull",error="invalid_token"'
    )
    assert refused.value.headers == [("WWW-Authenticate", challenge)]


def test_tokens_expire_on_demand_and_new_ones_are_good(
    guarded: Served, session: requests.Session
) -> None:
    url = f"{guarded.url}v2/"
    old = header(session, guarded, "")
    assert session.get(url, headers=old).status_code == 200
    guarded.expire_tokens()
    refused = session.get(url, headers=old)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert session.get(url, headers=header(session, guarded, "")).status_code == 200


def test_a_refresh_token_outlives_the_tokens() -> None:
    tokens = Tokens(Passwords(USERS), lifetime=60, clock=lambda: 0.0)
    first = given(tokens, access_type="offline")
    tokens.forget()
    refresh_token = first["refresh_token"]
    second = given(tokens, grant_type="refresh_token", refresh_token=refresh_token, password="")
    tokens.admit(asked("GET", "/v2/", token=second["token"]), [])
    assert "refresh_token" not in second


def test_a_refresh_token_is_given_where_it_is_asked_for(
    guarded: Served, session: requests.Session
) -> None:
    for value, found in [("true", True), ("false", False)]:
        query = {"offline_token": value}
        document = session.get(f"{guarded.url}token", params=query, auth=ALICE).json()
        assert ("refresh_token" in document) == found


# What for


def test_one_token_may_be_for_several_scopes(guarded: Served, session: requests.Session) -> None:
    wanted = header(session, guarded, "repository:a:pull registry:catalog:* repository:b:pull,push")
    for method, path, status in [
        ("GET", "_catalog", 200),
        ("GET", "a/tags/list", 404),
        ("POST", "b/blobs/uploads/", 202),
        ("POST", "a/blobs/uploads/", 401),
    ]:
        answer = session.request(method, f"{guarded.url}v2/{path}", headers=wanted)
        assert answer.status_code == status


@pytest.mark.parametrize("scope", ["repository:app", 'repository:a"p:pull', ":::", "pull", "*:*:*"])
def test_a_scope_of_no_form_allows_nothing(
    guarded: Served, session: requests.Session, scope: str
) -> None:
    answer = session.get(f"{guarded.url}v2/app/tags/list", headers=header(session, guarded, scope))
    assert answer.status_code == 401
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


# Hostile requests


def test_a_name_cannot_break_out_of_the_challenge(
    guarded: Served, session: requests.Session
) -> None:
    source = 'x:pull",realm="http://elsewhere.example'
    url = f"{guarded.url}v2/app/blobs/uploads/"
    answer = session.post(url, params={"mount": "x", "from": source})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "NAME_INVALID"


@pytest.mark.parametrize("host", ['a",realm="http://b', "a/b", "a b", ""])
def test_a_host_cannot_either(guarded: Served, session: requests.Session, host: str) -> None:
    answer = session.get(f"{guarded.url}v2/", headers={"Host": host})
    assert answer.status_code == 400
    assert "WWW-Authenticate" not in answer.headers


def test_the_realm_is_where_the_client_asked(guarded: Served, session: requests.Session) -> None:
    answer = session.get(f"{guarded.url}v2/", headers={"Host": "proxy.example:5000"})
    assert 'realm="http://proxy.example:5000/token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 401),
        (b"\xff", 400),
        (b"a=1&" * 101, 400),
        (b"a" * FORM_LIMIT, 401),
        (b"a" * (FORM_LIMIT + 1), 413),
    ],
)
def test_a_form_of_no_form(
    guarded: Served, session: requests.Session, body: bytes, status: int
) -> None:
    answer = session.post(f"{guarded.url}token", data=body)
    assert answer.status_code == status
    assert answer.json()["errors"]


def test_tokens_are_had_by_get_and_post_only(guarded: Served, session: requests.Session) -> None:
    answer = session.put(f"{guarded.url}token", auth=ALICE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
