"""Authentication: passwords and tokens, in the form that the distribution registry asks for them.

The specification leaves it open (OCI distribution-spec 1.1, endpoints), so this is the contract.
"""

from __future__ import annotations

from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import pytest
import requests

from tests.contract.wire import ABSENT, USERS, Registry, codes, digest_of

ALICE: Any = (b"alice", USERS["alice"].encode())
REQUESTS = [
    ("GET v2/", []),
    ("GET v2/_catalog", ["registry:catalog:*"]),
    ("GET v2/{name}/tags/list", ["repository:{name}:pull"]),
    ("HEAD v2/{name}/manifests/1", ["repository:{name}:pull"]),
    ("GET v2/{name}/blobs/{absent}", ["repository:{name}:pull"]),
    ("PUT v2/{name}/manifests/1", ["repository:{name}:pull,push"]),
    ("POST v2/{name}/blobs/uploads/", ["repository:{name}:pull,push"]),
    ("DELETE v2/{name}/manifests/{absent}", ["repository:{name}:delete"]),
    ("DELETE v2/{name}/blobs/uploads/some", ["repository:{name}:delete"]),
    (
        "POST v2/{name}/blobs/uploads/?mount={absent}&from={name}/source",
        ["repository:{name}:pull,push", "repository:{name}/source:pull"],
    ),
]


def sent(registry: Registry, line: str, name: str, **options: Any) -> requests.Response:
    """The answer to one of the requests above."""
    method, path = line.format(name=name, absent=ABSENT).split()
    return registry.ask(method, path, **options)


def challenged(answer: requests.Response) -> dict[str, str]:
    """The parameters of a challenge, and its scheme among them."""
    assert answer.status_code == 401
    if answer.request.method != "HEAD":
        assert codes(answer) == ["UNAUTHORIZED"]
    scheme, _, parameters = answer.headers["WWW-Authenticate"].partition(" ")
    return {"scheme": scheme, **parse_keqv_list(parse_http_list(parameters))}


def unordered(scopes: list[str]) -> set[tuple[str, frozenset[str]]]:
    """Scopes, whose order means nothing, and neither does that of the actions in each."""
    split = [scope.rpartition(":") for scope in scopes]
    return {(name, frozenset(actions.split(","))) for name, _, actions in split}


def token(registry: Registry, *scopes: str) -> dict[str, str]:
    """A header with a token for some scopes."""
    found = challenged(registry.ask("GET", "v2/"))
    parameters = {"service": found["service"], "scope": scopes}
    answer = registry.ask("GET", found["realm"], params=parameters, auth=ALICE)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


# Passwords


@pytest.mark.parametrize("line", [line for line, _ in REQUESTS])
@pytest.mark.parametrize("login", [None, ("alice", "wrong"), ("mallory", "other"), ("bob", "")])
def test_without_a_good_password_everything_is_401(
    locked: Registry, name: str, login: Any, line: str
) -> None:
    found = challenged(sent(locked, line, name, auth=login))
    assert (found["scheme"], sorted(found)) == ("Basic", ["realm", "scheme"])


def test_with_a_password_everything_goes(locked: Registry, name: str) -> None:
    locked.session.auth = ALICE
    try:
        image = locked.push_image(name, "1")
        pulled = locked.ask("GET", f"v2/{name}/blobs/{digest_of(image.layers[0])}")
        assert (pulled.status_code, pulled.content) == (200, image.layers[0])
        assert name in locked.ask("GET", "v2/_catalog").json()["repositories"]
        deleted = locked.ask("DELETE", f"v2/{name}/manifests/{image.digest}")
        assert deleted.status_code == 202
    finally:
        locked.session.auth = None


@pytest.mark.parametrize(
    "header",
    [
        *("x", "Basic", "Basic ", "Basic !", "Basic YWxpY2U=", "Basic Ym9i!Om90aGVy"),
        "Bearer Ym9iOm90aGVy",  # which is Bob's password, as Basic
    ],
)
def test_what_is_no_password_is_401(locked: Registry, header: str) -> None:
    answer = locked.ask("GET", "v2/", headers={"Authorization": header})
    assert challenged(answer)["scheme"] == "Basic"


# Tokens


@pytest.mark.parametrize(("line", "scopes"), REQUESTS)
def test_a_challenge_names_the_scopes_and_a_token_for_them_is_taken(
    guarded: Registry, name: str, line: str, scopes: list[str]
) -> None:
    found = challenged(sent(guarded, line, name))
    assert found["scheme"] == "Bearer"
    assert "error" not in found
    wanted = found.get("scope", "").split()
    assert unordered(wanted) == unordered([scope.format(name=name) for scope in scopes])
    header = token(guarded, *wanted)
    answer = sent(guarded, line, name, headers=header)
    assert answer.status_code in {200, 202, 400, 404}


def test_a_token_lasts_for_more_than_one_request(guarded: Registry, name: str) -> None:
    header = token(guarded, f"repository:{name}:pull,push")
    guarded.session.headers.update(header)
    try:
        image = guarded.push_image(name, "1")
    finally:
        del guarded.session.headers["Authorization"]
    answer = guarded.ask("GET", f"v2/{name}/manifests/1", headers=header)
    assert (answer.status_code, answer.content) == (200, image.raw)


@pytest.mark.parametrize(("line", "scopes"), [each for each in REQUESTS if each[1]])
def test_a_token_for_another_scope_is_insufficient(
    guarded: Registry, name: str, line: str, scopes: list[str]
) -> None:
    header = token(guarded, f"repository:{name}/other:*", f"repository:{name}:other")
    found = challenged(sent(guarded, line, name, headers=header))
    assert found["error"] == "insufficient_scope"
    wanted = [scope.format(name=name) for scope in scopes]
    assert unordered(found["scope"].split()) == unordered(wanted)


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", ""])
def test_what_is_no_token_is_challenged(guarded: Registry, text: str) -> None:
    answer = guarded.ask("GET", "v2/", headers={"Authorization": f"Bearer {text}"})
    found = challenged(answer)
    assert found["scheme"] == "Bearer"
    assert found.get("error") in {"invalid_token", None}


def test_a_password_is_not_taken_where_a_token_is_asked_for(guarded: Registry) -> None:
    assert challenged(guarded.ask("GET", "v2/", auth=ALICE))["scheme"] == "Bearer"


def test_a_wrong_password_gets_no_token(guarded: Registry) -> None:
    realm = challenged(guarded.ask("GET", "v2/"))["realm"]
    assert guarded.ask("GET", realm, auth=("alice", "wrong")).status_code == 401


def test_a_form_gets_a_token_and_a_refresh_token_another(guarded: Registry, name: str) -> None:
    realm = challenged(guarded.ask("GET", "v2/"))["realm"]
    form = {
        "grant_type": "password",
        "username": "alice",
        "password": USERS["alice"],
        "access_type": "offline",
    }
    first = guarded.ask("POST", realm, data=form).json()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
        "scope": f"repository:{name}:pull repository:{name}/b:pull",
    }
    second = guarded.ask("POST", realm, data=form).json()["access_token"]
    for path in (f"v2/{name}/tags/list", f"v2/{name}/b/tags/list"):
        answer = guarded.ask("GET", path, headers={"Authorization": f"Bearer {second}"})
        assert answer.status_code == 404


def test_a_form_that_is_wrong_in_one_thing_gets_nothing(guarded: Registry) -> None:
    realm = challenged(guarded.ask("GET", "v2/"))["realm"]
    form = {"grant_type": "password", "username": "bob", "password": USERS["bob"]}
    assert guarded.ask("POST", realm, data=form).status_code == 200
    for name, wrong in [
        ("grant_type", "other"),
        ("grant_type", "refresh_token"),
        ("username", "alice"),
        ("password", "wrong"),
    ]:
        assert guarded.ask("POST", realm, data={**form, name: wrong}).status_code == 401
        without = {key: value for key, value in form.items() if key != name}
        assert guarded.ask("POST", realm, data=without).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": "other"}
    assert guarded.ask("POST", realm, data=form).status_code == 401
