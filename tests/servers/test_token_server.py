"""Tokens: given to whom and for what, taken by the distribution registry or not."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import jwt
import pytest
import requests

from tests.contract.wire import ABSENT
from tests.servers import Access, Answer, Authority, HttpServer, TokenServer, docker_registry
from tests.servers.token_server import pull_for_all

ALICE = ("alice", "s:é cret".encode())
PULL = "repository:team/app:pull"
PUSH = "repository:team/app:pull,push"


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with TokenServer(tmp_path / "tokens", users={"alice": "s:é cret"}) as server:
        yield server


@pytest.fixture
def registry(tmp_path: Path, tokens: TokenServer) -> Iterator[str]:
    with docker_registry(tmp_path / "registry", token=tokens) as url:
        yield url


def got(
    session: requests.Session, tokens: TokenServer, *scopes: str, login: Any = ALICE, **query: str
) -> dict[str, Any]:
    parameters = {"service": tokens.service, "scope": list(scopes), **query}
    answer = session.get(tokens.realm, params=parameters, auth=login)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def bearer(document: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {document['access_token']}"}


def allowed(document: dict[str, Any]) -> list[dict[str, Any]]:
    claims = jwt.decode(document["access_token"], options={"verify_signature": False})
    accesses: list[dict[str, Any]] = claims["access"]
    return accesses


def unordered(scopes: list[str]) -> set[tuple[str, str, frozenset[str]]]:
    accesses = map(Access.read, scopes)
    return {(access.kind, access.name, frozenset(access.actions)) for access in accesses}


# Scopes


@pytest.mark.parametrize(
    ("text", "access"),
    [
        ("repository:team/app:pull,push", Access("repository", "team/app", ("pull", "push"))),
        ("registry:catalog:*", Access("registry", "catalog", ("*",))),
        (
            "repository(plugin):host:5000/a:pull",
            Access("repository(plugin)", "host:5000/a", ("pull",)),
        ),
    ],
)
def test_accesses_are_read_and_written(text: str, access: Access) -> None:
    assert Access.read(text) == access
    assert str(access) == text


@pytest.mark.parametrize("text", ["", "repository", "repository:app", "::", "a b:c:d"])
def test_what_is_no_access(text: str) -> None:
    with pytest.raises(ValueError, match="not an access"):
        Access.read(text)


# With the registry


@pytest.mark.registry
@pytest.mark.parametrize(
    ("line", "scopes"),
    [
        ("GET v2/", []),
        ("GET v2/_catalog", ["registry:catalog:*"]),
        ("GET v2/team/app/tags/list", [PULL]),
        ("POST v2/team/app/blobs/uploads/", [PUSH]),
        (f"DELETE v2/team/app/manifests/{ABSENT}", ["repository:team/app:delete"]),
        (
            f"POST v2/team/app/blobs/uploads/?from=other&mount={ABSENT}",
            [PUSH, "repository:other:pull"],
        ),
    ],
)
def test_a_challenge_leads_to_a_token_that_is_taken(
    session: requests.Session, tokens: TokenServer, registry: str, line: str, scopes: list[str]
) -> None:
    method, path = line.split()
    refused = session.request(method, registry + path)
    assert refused.status_code == 401
    scheme, _, parameters = refused.headers["WWW-Authenticate"].partition(" ")
    challenge = parse_keqv_list(parse_http_list(parameters))
    found = (scheme, challenge["realm"], challenge["service"])
    assert found == ("Bearer", tokens.realm, tokens.service)
    wanted = challenge.get("scope", "").split()
    # In any order, as are the actions in each.
    assert unordered(wanted) == unordered(scopes)
    token = got(session, tokens, *wanted)
    taken = session.request(method, registry + path, headers=bearer(token))
    assert taken.status_code in {200, 202, 404}


@pytest.mark.registry
def test_a_token_for_another_scope_is_insufficient(
    session: requests.Session, tokens: TokenServer, registry: str
) -> None:
    token = bearer(got(session, tokens, PUSH))
    started = session.post(f"{registry}v2/team/app/blobs/uploads/", headers=token)
    assert started.status_code == 202
    for method, url in [
        ("GET", f"{registry}v2/team/other/tags/list"),
        ("GET", f"{registry}v2/_catalog"),
        ("DELETE", started.headers["Location"]),  # which is the action "delete"
    ]:
        answer = session.request(method, url, headers=token)
        assert answer.status_code == 401
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.registry
def test_what_is_not_granted_is_insufficient(
    session: requests.Session, tokens: TokenServer, registry: str
) -> None:
    def nothing_of_the_registry(user: str, access: Access) -> Collection[str]:
        return () if access.kind == "registry" else pull_for_all(user, access)

    tokens.grants = nothing_of_the_registry
    document = got(session, tokens, "registry:catalog:*", PUSH)
    assert [each["name"] for each in allowed(document)] == ["team/app"]
    answer = session.get(f"{registry}v2/_catalog", headers=bearer(document))
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.registry
def test_anonymous_may_only_pull(
    session: requests.Session, tokens: TokenServer, registry: str
) -> None:
    token = got(session, tokens, PUSH, login=None)
    assert allowed(token) == [Access.read(PULL).claim()]
    assert tokens.asked[0].authorization is None
    answer = session.get(f"{registry}v2/team/app/tags/list", headers=bearer(token))
    assert answer.status_code == 404
    answer = session.post(f"{registry}v2/team/app/blobs/uploads/", headers=bearer(token))
    assert answer.status_code == 401


@pytest.mark.registry
def test_a_spoiled_token_is_invalid_and_the_next_one_good(
    session: requests.Session, tokens: TokenServer, registry: str
) -> None:
    tokens.spoiled = 1
    spoiled, good = got(session, tokens), got(session, tokens)
    answer = session.get(f"{registry}v2/", headers=bearer(spoiled))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert session.get(f"{registry}v2/", headers=bearer(good)).status_code == 200
    assert spoiled["expires_in"] == good["expires_in"] == 300


@pytest.mark.registry
def test_a_token_that_somebody_else_signed_is_invalid(
    tmp_path: Path, session: requests.Session, tokens: TokenServer, registry: str
) -> None:
    with TokenServer(tmp_path / "impostor", users=tokens.users) as impostor:
        token = got(session, impostor)
    answer = session.get(f"{registry}v2/", headers=bearer(token))
    assert answer.status_code == 401


# What it is asked, and what it answers


def test_a_get_is_written_down(session: requests.Session, tokens: TokenServer) -> None:
    document = got(session, tokens, PULL, "registry:catalog:*", account="alice")
    (asked,) = tokens.asked
    assert (asked.method, asked.path, asked.login) == ("GET", "/token", ("alice", "s:é cret"))
    assert asked.query == {
        "service": [tokens.service],
        "scope": [PULL, "registry:catalog:*"],
        "account": ["alice"],
    }
    assert document["token"] == document["access_token"]
    assert "refresh_token" not in document


def test_a_wrong_password_is_401(session: requests.Session, tokens: TokenServer) -> None:
    for login in [("alice", "wrong"), ("mallory", "x"), ("", "")]:
        assert session.get(tokens.realm, auth=login).status_code == 401
        form = {"grant_type": "password", "username": login[0], "password": login[1]}
        assert session.post(tokens.realm, data=form).status_code == 401
    for form in [
        {},
        {"grant_type": "password"},
        {"grant_type": "refresh_token", "refresh_token": "x"},
    ]:
        assert session.post(tokens.realm, data=form).status_code == 401


def test_a_password_is_changed_for_a_refresh_token_and_that_for_a_token(
    session: requests.Session, tokens: TokenServer
) -> None:
    form = {
        "grant_type": "password",
        "username": "alice",
        "password": "s:é cret",
        "access_type": "offline",
        "scope": f"{PUSH} registry:catalog:*",
        "service": tokens.service,
        "client_id": "tests",
    }
    first = session.post(tokens.realm, data=form).json()
    assert tokens.asked[0].form == {name: [value] for name, value in form.items()}
    assert [each["type"] for each in allowed(first)] == ["repository", "registry"]
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "scope": PULL}
    second = session.post(tokens.realm, data=form).json()
    assert allowed(second) == [Access.read(PULL).claim()]
    assert "refresh_token" not in second
    tokens.rotates = True
    third = session.post(tokens.realm, data=form).json()
    assert tokens.refresh_tokens[third["refresh_token"]] == "alice"
    assert third["refresh_token"] != first["refresh_token"]


def test_get_gives_a_refresh_token_where_it_is_asked_for(
    session: requests.Session, tokens: TokenServer
) -> None:
    document = got(session, tokens, PULL, offline_token="true")
    assert tokens.refresh_tokens == {document["refresh_token"]: "alice"}


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_a_server_may_know_get_only(
    session: requests.Session, tokens: TokenServer, status: int
) -> None:
    tokens.post = Answer(status)
    assert session.post(tokens.realm, data={"grant_type": "password"}).status_code == status
    assert got(session, tokens)["token"]


@pytest.mark.parametrize(
    "odd", [{"expires_in": "60"}, {"expires_in": -1.5}, {"issued_at": "yesterday"}, {"token": 7}]
)
def test_an_answer_may_be_edited(
    session: requests.Session, tokens: TokenServer, odd: dict[str, Any]
) -> None:
    tokens.edit = lambda document: {**document, **odd}
    document = got(session, tokens)
    assert odd.items() <= document.items()
    tokens.edit = lambda document: {"access_token": document["access_token"]}
    assert got(session, tokens).keys() == {"access_token"}


def test_the_next_answers_may_be_anything(session: requests.Session, tokens: TokenServer) -> None:
    tokens.script += [
        Answer(503, {"Retry-After": "7"}),
        Answer(307, {"Location": "http://elsewhere.example/"}),
        Answer(200, {"Content-Type": "application/json"}, b'{"token":'),
    ]
    answers = [session.get(tokens.realm, allow_redirects=False) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 307, 200, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[1].headers["Location"] == "http://elsewhere.example/"
    assert answers[2].text == '{"token":'
    assert answers[3].json()["token"]


def test_an_answer_may_never_end(session: requests.Session, tokens: TokenServer) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(1 << 16)
            yield b" " * sent[-1]

    tokens.script.append(Answer(200, {}, endless()))
    with session.get(tokens.realm, stream=True) as answer:
        assert len(answer.raw.read(1 << 20)) == 1 << 20
    assert sum(sent) >= 1 << 20


def test_held_answers_wait(tokens: TokenServer) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with requests.Session() as own:
            own.trust_env = False
            statuses.append(own.get(tokens.realm).status_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    with tokens.held():
        for thread in threads:
            thread.start()
        tokens.wait_for(3)
        assert statuses == []
    for thread in threads:
        thread.join()
    assert statuses == [200, 200, 200]
    assert len(tokens.asked) == 3


def test_the_realm_may_speak_tls(
    tmp_path: Path, session: requests.Session, authority: Authority
) -> None:
    with TokenServer(tmp_path / "tokens", tls=authority.server()) as tokens:
        assert tokens.realm.startswith("https://127.0.0.1:")
        with pytest.raises(requests.exceptions.SSLError):
            session.get(tokens.realm)
        assert tokens.asked == []
        session.verify = str(authority.bundle)
        assert session.get(tokens.realm).json()["token"]


# The server below it


def test_a_trap_writes_down_who_came(session: requests.Session) -> None:
    with HttpServer() as trap:
        assert (trap.connections, trap.asked) == (0, [])
        answer = session.put(
            f"{trap.url}a?b=c", data=b"body", headers={"Authorization": "Bearer x"}
        )
        assert (answer.status_code, trap.connections) == (404, 1)
        (asked,) = trap.asked
        assert (asked.path, asked.query, asked.body) == ("/a", {"b": ["c"]}, b"body")
        assert (asked.authorization, asked.login) == ("Bearer x", None)
    with pytest.raises(requests.ConnectionError):
        session.get(trap.url)
