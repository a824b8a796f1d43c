from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from typing import Any

import pytest
import requests
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.core.auth.authenticator import Authenticator
from regnb.core.auth.logins import Basic, IdentityToken, Login, RegistryToken
from regnb.core.auth.scopes import CATALOG, mount, pull, push
from regnb.core.registry import Registry
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.headers import Headers
from regnb.core.wire.incoming import Answer
from regnb.core.wire.limits import Limits
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    NotFoundError,
    RegistryError,
    UnsafeRedirectError,
    UntrustedRealmError,
)
from tests.core.auth.building import (
    PULL,
    REALM,
    ROBOT,
    Peer,
    Reply,
    ask,
    basic,
    bearer,
    client,
    connections,
    form,
    query,
    sent,
)
from tests.core.auth.homes import Home, answer
from tests.core.fakes import API, FakeTime, registry

TAGS = f"{API}a/tags/list"
EXPIRED = '{"errors":[{"code":"DENIED","message":"Your Authorization Token has expired."}]}'


@pytest.fixture
def peer(web: responses.RequestsMock) -> Peer:
    return Peer(web)


def authorised(web: responses.RequestsMock) -> list[str | None]:
    return [sent(call.request) for call in web.calls]


def scopes_asked(peer: Peer, number: int = -1) -> list[str]:
    return [value for name, value in query(peer.asked[number]) if name == "scope"]


# When credentials are looked for, and sent


def test_b_a10_credentials_wait_until_they_are_asked_for(web: responses.RequestsMock) -> None:
    web.get(API, json={})
    web.get(API, status=401, headers=basic())
    web.get(API, json={})
    reg = registry(password="hunter2")
    reg.ping()
    reg.ping()
    assert authorised(web) == [None, None, ROBOT.header()]


def test_b_a10_nobody_looks_for_credentials_before_the_first_challenge(
    web: responses.RequestsMock,
) -> None:
    sought: list[str | None] = []

    def find(repository: str | None) -> Login:
        sought.append(repository)
        return ROBOT

    web.get(TAGS, status=404)
    transport = client(find)
    ask(transport)
    assert sought == []
    web.replace("GET", TAGS, status=401, headers=basic())
    ask(transport)
    assert sought == ["a"]


def test_b_a10_each_repository_has_its_own_credentials(web: responses.RequestsMock) -> None:
    logins = {"a": Basic("alice", "x"), "b": Basic("bob", "x"), None: Basic("carol", "x")}
    web.get(TAGS, status=401, headers=basic())
    for url in (TAGS, f"{API}b/tags/list", f"{API}_catalog"):
        web.get(url, body="{}")
    transport = client(logins.__getitem__)
    for url, scopes in (
        (TAGS, PULL),
        (f"{API}b/tags/list", pull("b")),
        (f"{API}_catalog", CATALOG),
    ):
        ask(transport, url, scopes)
    found = [None, *(logins[key].header() for key in ("a", "b", None))]
    assert authorised(web) == found


def test_p5_and_b_a10_a_mount_is_asked_for_by_who_may_write(peer: Peer) -> None:
    logins: dict[str | None, Basic] = {"a": Basic("alice", "x"), "b": Basic("bob", "x")}
    ask(client(logins.__getitem__), scopes=mount("a", "b"), method="POST")
    assert sent(peer.asked[0]) == logins["a"].header()
    assert scopes_asked(peer) == ["repository:a:pull,push", "repository:b:pull"]


def test_3_3_logins_are_found_without_being_given(web: responses.RequestsMock, home: Home) -> None:
    home.write(".docker/config.json", {"credHelpers": {"registry.example": "x"}})
    home.helper(
        "x",
        f'if test "$(grep -c get {home.log("x")})" = 1\nthen\n{answer("AWS", "old")}\n'
        f"else\n{answer('AWS', 'new')}\nfi",
    )
    web.get(API, status=401, headers=basic())
    web.get(API, json={})
    reg = registry()
    reg.ping()
    web.replace("GET", API, status=403, body=EXPIRED)
    web.get(API, json={})
    reg.ping()
    old, new = Basic("AWS", "old").header(), Basic("AWS", "new").header()
    assert authorised(web) == [None, old, old, new]


# Bearer


def test_a6_a_challenge_is_answered_by_a_token_that_is_kept(peer: Peer) -> None:
    transport = client()
    assert [ask(transport).status for _ in range(3)] == [200, 200, 200]
    assert peer.seen == [None, "Bearer token-1", "Bearer token-1", "Bearer token-1"]
    assert query(peer.asked[0]) == [
        ("account", "robot"),
        ("scope", "repository:a:pull"),
        ("service", "registry.example"),
    ]


@pytest.mark.parametrize(
    ("document", "exchanges"),
    [
        ({"expires_in": 3001}, [1, 1, 1, 2, 2, 2, 3]),
        ({"expires_in": 3001, "issued_at": "1970-01-01T00:00:00Z"}, [1, 1, 2]),
        ({"expires_in": 3001, "issued_at": "yesterday"}, [1, 1, 1, 2]),
        ({"expires_in": 1001}, [1, 2, 3, 4]),
        ({}, [1, 2, 3]),
    ],
)
def test_a11_a_token_is_kept_as_long_as_it_says(
    web: responses.RequestsMock, document: dict[str, Any], exchanges: list[int]
) -> None:
    time = FakeTime(seconds=1000.0)
    peer = Peer(web, time=time, document=document)
    transport = client(time=time)
    counts = []
    for _ in exchanges:
        assert ask(transport).status == 200
        counts.append(len(peer.asked))
        time.seconds += 1000
    assert counts == exchanges
    assert peer.seen.count(None) == 1  # nothing was refused after the first challenge


@pytest.mark.parametrize("lifetime", [3.0, 30.0])
def test_f9_a_token_that_ends_while_walking_is_replaced_before_it_is_sent(
    web: responses.RequestsMock, lifetime: float
) -> None:
    time = FakeTime()
    peer = Peer(web, time=time, lifetime=lifetime, document={"expires_in": lifetime})
    transport = client(time=time)
    for _ in range(100):
        assert ask(transport).status == 200
        time.seconds += 1
    assert len(peer.seen) == 101
    assert len(peer.asked) == (34 if lifetime == 3 else 4)


def test_w_a1_a_token_that_ends_early_is_replaced_once(peer: Peer) -> None:
    transport = client()
    ask(transport)
    peer.expire()
    assert ask(transport).status == 200
    assert peer.seen[-2:] == ["Bearer token-1", "Bearer token-2"]
    peer.lifetime = 0
    peer.expire()
    answer = ask(transport)
    assert answer.status == 401
    assert isinstance(failure(answer, unknown=NotFoundError), AuthenticationRequiredError)
    assert peer.seen[-2:] == ["Bearer token-2", "Bearer token-3"]
    assert len(peer.asked) == 3


def test_w_a1_a_token_that_was_replaced_meanwhile_is_not_asked_for_again(peer: Peer) -> None:
    transport = client()
    ask(transport)
    used = transport._authenticator.authorization(PULL)
    peer.expire()
    ask(transport)
    refused = Answer("GET", TAGS, 401, Headers(bearer().items()), b"")
    again = transport._authenticator.renewed(refused, PULL, used)
    assert again is not None
    assert again.header == "Bearer token-2"
    assert len(peer.asked) == 2


def test_w_a1_what_the_registry_wants_besides_is_asked_for_and_remembered(
    web: responses.RequestsMock,
) -> None:
    time = FakeTime()
    peer = Peer(web, time=time, challenge=bearer(scope="repository:a:pull repository:base:pull"))
    transport = client(time=time)
    ask(transport)
    wanted = ["repository:a:pull", "repository:base:pull"]
    assert scopes_asked(peer) == wanted
    time.seconds += 300
    ask(transport)
    assert scopes_asked(peer) == wanted
    assert peer.seen == [None, "Bearer token-1", "Bearer token-2"]


def test_w_a1_hints_do_not_pile_up(peer: Peer) -> None:
    transport = client(limits=Limits(tokens=3))
    peer.lifetime = 0
    for number in range(10):
        peer.challenge = bearer(scope=f"repository:other{number}:pull")
        assert ask(transport, scopes=pull(f"a{number}")).status == 401
        assert scopes_asked(peer) == [f"repository:{n}{number}:pull" for n in ("other", "a")]
        assert ask(transport, scopes=PULL).status == 401
        assert scopes_asked(peer) == [f"repository:other{number}:pull", *PULL]
    assert 0 < len(transport._authenticator._wider) <= 3
    assert len(transport._authenticator._tokens._shelves) <= 3


def test_b_a10_a_token_is_sent_only_where_its_scopes_cover_the_request(peer: Peer) -> None:
    transport = client()
    for scopes in (pull("a"), pull("b"), push("a"), pull("a"), (), CATALOG, pull("b")):
        ask(transport, scopes=scopes)
    one, two, three, four, five = (f"Bearer token-{number}" for number in range(1, 6))
    assert peer.seen == [None, one, two, three, three, four, five, two]


def test_b_a10_a_token_of_one_account_is_never_used_for_another(peer: Peer) -> None:
    logins: dict[str | None, Basic] = {"a": Basic("alice", "x"), "b": Basic("bob", "x")}
    transport = client(logins.__getitem__)
    ask(transport, scopes=(*pull("a"), *pull("b")))
    ask(transport, scopes=(*pull("b"), *pull("a")))
    assert [sent(asked) for asked in peer.asked] == [logins[name].header() for name in ("a", "b")]


def test_b_a11_reading_asks_for_no_more_than_pull(peer: Peer) -> None:
    time = peer.time
    transport = client(time=time)
    ask(transport, scopes=push("a"))
    time.seconds += 300
    ask(transport, scopes=pull("a"))
    assert scopes_asked(peer) == ["repository:a:pull"]


# What cannot be sent twice


def test_b_p19_a_body_that_is_sent_once_comes_back_and_the_next_attempt_is_authorised(
    peer: Peer,
) -> None:
    transport = client()
    put = transport.request(
        "PUT", f"{API}a/x", headers={"Content-Length": "2"}, body=iter([b"a", b"b"])
    )
    assert transport.attempt(put, limit=10, scopes=push("a")).status == 401
    assert peer.seen == [None]
    put = transport.request(
        "PUT", f"{API}a/x", headers={"Content-Length": "2"}, body=iter([b"a", b"b"])
    )
    assert transport.attempt(put, limit=10, scopes=push("a")).status == 200
    assert peer.seen == [None, "Bearer token-1"]
    assert len(peer.asked) == 1


# One way to log in


def test_w_a3_of_both_ways_the_token_is_taken(web: responses.RequestsMock) -> None:
    peer = Peer(web)
    peer.challenge = {"WWW-Authenticate": f'Basic realm="x", {bearer()["WWW-Authenticate"]}'}
    assert ask(client()).status == 200
    assert peer.seen == [None, "Bearer token-1"]


@pytest.mark.parametrize(
    "realm",
    [
        "",
        "x",
        "/token",
        "https://evil.example/token",
        "http://auth.registry.example/token",
        "https://robot:x@registry.example/token",
        "https://169.254.169.254/token",
    ],
)
def test_w_a2_where_the_realm_cannot_be_used_basic_is(
    web: responses.RequestsMock, realm: str
) -> None:
    offered = f'{bearer(realm)["WWW-Authenticate"]}, Basic realm="x"'
    web.get(TAGS, status=401, headers={"WWW-Authenticate": offered})
    web.get(TAGS, body="{}")
    assert ask(client()).status == 200
    assert authorised(web) == [None, ROBOT.header()]


def test_a5_of_several_realms_the_first_that_can_be_used_is(web: responses.RequestsMock) -> None:
    peer = Peer(web)
    several = [bearer("http://x/t"), bearer("https://evil.example/"), bearer()]
    peer.challenge = {"WWW-Authenticate": ", ".join(one["WWW-Authenticate"] for one in several)}
    assert ask(client()).status == 200


@pytest.mark.parametrize("login", [ROBOT, IdentityToken("i"), None])
@pytest.mark.parametrize(
    "realm",
    [
        "http://registry.example/token",
        "https://169.254.169.254/token",
        "https://u:p@registry.example",
    ],
)
def test_b_a16_a_realm_that_no_one_may_be_sent_to_is_an_error(
    web: responses.RequestsMock, realm: str, login: Login | None
) -> None:
    web.get(TAGS, status=401, headers=bearer(realm))
    with pytest.raises(UnsafeRedirectError) as caught:
        ask(client(login))
    assert "hunter2" not in str(caught.value)
    assert len(web.calls) == 1


def test_w_a4_and_s2_credentials_go_to_no_realm_that_is_not_the_registrys(
    web: responses.RequestsMock,
) -> None:
    elsewhere = "https://evil.example/token"
    web.get(TAGS, status=401, headers=bearer(elsewhere))
    for login in (ROBOT, IdentityToken("i")):
        with pytest.raises(UntrustedRealmError, match="trust_realm"):
            ask(client(login))
    assert len(web.calls) == 2
    web.get(TAGS, status=401, headers=bearer(elsewhere))
    web.get(elsewhere, json={"token": "t"})
    web.get(TAGS, body="{}")
    assert ask(client(ROBOT, over=connections(trust_realm=["evil.example"]))).status == 200
    assert sent(web.calls[3].request) == ROBOT.header()


def test_s2_nobody_in_particular_may_ask_at_a_realm_elsewhere(web: responses.RequestsMock) -> None:
    elsewhere = "https://other.example/token"
    web.get(TAGS, status=401, headers=bearer(elsewhere))
    web.get(elsewhere, json={"token": "t"})
    web.get(TAGS, body="{}")
    assert ask(client(None)).status == 200
    assert authorised(web) == [None, None, "Bearer t"]


def test_s2_a_realm_elsewhere_that_was_asked_for_nobody_gets_no_login_that_is_stored_later(
    web: responses.RequestsMock,
) -> None:
    logins: list[Login | None] = [None]
    elsewhere = "https://other.example/token"
    transport = client(lambda _: logins[0])
    web.get(TAGS, status=401, headers=bearer(elsewhere))
    web.get(elsewhere, json={"token": "t"})
    web.get(TAGS, status=403)
    assert ask(transport).status == 403
    logins[0] = ROBOT
    with pytest.raises(UntrustedRealmError):
        ask(transport)
    assert ROBOT.header() not in authorised(web)


def test_b_a17_a_registry_token_is_sent_as_it_is(web: responses.RequestsMock) -> None:
    web.get(TAGS, status=401, headers=bearer("https://evil.example/token"))
    web.get(TAGS, body="{}")
    assert ask(client(RegistryToken("abc"))).status == 200
    assert authorised(web) == [None, "Bearer abc"]


def test_b_a17_an_identity_token_is_changed_for_tokens_and_replaced_when_told(peer: Peer) -> None:
    transport = client(IdentityToken("first"), time=peer.time)
    peer.document = {"expires_in": 300, "refresh_token": "second"}
    ask(transport)
    peer.document = {"expires_in": 300}
    for scopes in (PULL, pull("b"), CATALOG):
        peer.time.seconds += 300
        ask(transport, scopes=scopes)
    used = [dict(form(request))["refresh_token"] for request in peer.asked]
    assert used == ["first", "second", "second", "second"]
    assert all(sent(request) is None for request in peer.asked)


def test_a9_a_refresh_token_that_nobody_asked_for_does_not_replace_a_password(peer: Peer) -> None:
    peer.document = {"refresh_token": "second", "expires_in": 1}
    transport = client(time=peer.time)
    for _ in range(2):
        ask(transport)
        peer.time.seconds += 60
    assert [sent(request) for request in peer.asked] == [ROBOT.header()] * 2


def test_b_a17_an_identity_token_is_no_password(web: responses.RequestsMock) -> None:
    web.get(TAGS, status=401, headers=basic())
    with pytest.raises(AuthenticationRequiredError, match=r"run docker login .* again"):
        ask(client(IdentityToken("i")))
    assert authorised(web) == [None]


# Refusals


def test_b_a13_without_credentials_the_message_says_how_to_log_in(
    web: responses.RequestsMock,
) -> None:
    web.get(API, status=401, headers=basic())
    advice = (
        r"pass username= and password=, call regnb\.login\(\), or run docker login "
        "registry.example or podman login registry.example"
    )
    with pytest.raises(AuthenticationRequiredError, match=advice):
        registry().ping()
    assert len(web.calls) == 1


def test_b_a13_a_token_for_nobody_that_is_not_enough_is_no_refused_credential(peer: Peer) -> None:
    peer.lifetime = 0
    answer = ask(client(None))
    assert not answer.authorised
    with pytest.raises(AuthenticationRequiredError, match="docker login"):
        raise failure(answer, unknown=NotFoundError)


def test_b_a13_refused_credentials_do_not_fall_back_to_nobody(web: responses.RequestsMock) -> None:
    web.get(TAGS, status=401, headers=bearer())
    web.get(REALM, status=401)
    with pytest.raises(AuthenticationRequiredError, match="leave them out"):
        ask(client())
    assert authorised(web) == [None, ROBOT.header()]


def test_b_a12_less_than_was_asked_for_is_no_error_of_the_service(peer: Peer) -> None:
    transport = client(time=peer.time)
    ask(transport)
    peer.expire()
    peer.challenge = bearer(scope="repository:a:pull", error="insufficient_scope")
    answer = ask(transport)
    assert answer.status == 401
    assert len(peer.asked) == 1  # asking for the same once more would bring nothing
    assert isinstance(failure(answer, unknown=NotFoundError), DeniedError)
    peer.time.seconds += 151  # but after a while the account may have been given more (B-A15)
    assert ask(transport).status == 200
    assert len(peer.asked) == 2


def test_b_a12_a_scope_that_was_not_asked_for_yet_is_asked_for(peer: Peer) -> None:
    transport = client()
    ask(transport)
    peer.expire()
    peer.challenge = bearer(scope="repository:a:pull,metadata_read", error="insufficient_scope")
    assert ask(transport).status == 200
    assert scopes_asked(peer) == ["repository:a:pull,metadata_read"]


def test_b_a14_a_401_without_a_challenge_asks_at_the_front_door(
    web: responses.RequestsMock,
) -> None:
    web.get(TAGS, status=401)
    web.get(API, status=401, headers=bearer(scope="repository:user/image:pull"))
    web.get(REALM, json={"token": "t"})
    web.get(TAGS, body="{}")
    assert ask(client()).status == 200
    assert authorised(web) == [None, None, ROBOT.header(), "Bearer t"]
    assert web.calls[1].request.url == API
    # What the front door names is an example.
    assert dict(query(web.calls[2].request))["scope"] == "repository:a:pull"


def test_b_a14_once_it_is_known_how_to_log_in_no_front_door_is_asked(peer: Peer) -> None:
    transport = client()
    ask(transport)
    peer.expire()
    peer.refuse = (401, {}, "")
    assert ask(transport).status == 200
    assert len(peer.asked) == 2
    assert peer.seen == [None, "Bearer token-1", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("front", [{"status": 200}, {"status": 404}, {"status": 401}])
def test_b_a14_where_the_front_door_says_nothing_the_401_stays(
    web: responses.RequestsMock, front: dict[str, Any]
) -> None:
    web.get(TAGS, status=401)
    web.get(API, **front)
    assert ask(client()).status == 401
    assert len(web.calls) == 2


def test_b_a14_a_front_door_that_is_shut_does_not_hide_the_401(web: responses.RequestsMock) -> None:
    web.get(TAGS, status=401, body="why")
    web.get(API, body=requests.ConnectionError(ConnectionResetError()))
    answer = ask(client())
    assert (answer.status, answer.body) == (401, b"why")


@pytest.mark.parametrize("status", [400, 403])
def test_b_a14_a_token_that_ended_says_the_body(peer: Peer, status: int) -> None:
    transport = client()
    ask(transport)
    peer.expire()
    peer.refuse = (status, {}, EXPIRED)
    assert ask(transport).status == 200
    assert len(peer.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_b_a14_what_helpers_remember_is_forgotten_once_for_each_password_that_is_refused(
    web: responses.RequestsMock, status: int
) -> None:
    forgotten: list[int] = []
    over = connections()
    authenticator = Authenticator(
        over,
        lambda _: Basic("AWS", f"password-{len(forgotten)}"),
        forget=lambda: forgotten.append(1),
    )
    transport = Transport(over, authenticator)
    web.get(TAGS, status=401, headers=basic())
    web.get(TAGS, body="{}")
    assert ask(transport).status == 200
    assert forgotten == []
    web.replace("GET", TAGS, status=status)
    for times in (1, 2, 3):
        assert ask(transport).status == status
        assert len(forgotten) == times
    forgotten.clear()
    transport = Transport(
        over, Authenticator(over, lambda _: ROBOT, forget=lambda: forgotten.append(1))
    )
    web.replace("GET", TAGS, status=401, headers=basic())
    for _ in range(3):
        assert ask(transport).status == 401
    assert forgotten == [1]


def test_b_a14_nothing_is_forgotten_where_only_a_token_ended(peer: Peer) -> None:
    over = connections()
    transport = Transport(over, Authenticator(over, lambda _: ROBOT, forget=lambda: 1 / 0))
    ask(transport)
    peer.expire()
    assert ask(transport).status == 200
    peer.good = set()
    peer.expire()
    with pytest.raises(ZeroDivisionError):
        ask(transport)


@pytest.mark.parametrize("status", [400, 403])
def test_b_a14_a_password_that_ended_is_looked_for_again(
    web: responses.RequestsMock, status: int
) -> None:
    logins = iter([Basic("AWS", "old"), Basic("AWS", "new"), Basic("AWS", "new")])
    web.get(TAGS, status=401, headers=basic())
    web.get(TAGS, body="{}")
    web.get(TAGS, status=status, body=EXPIRED)
    web.get(TAGS, body="{}")
    transport = client(lambda _: next(logins))
    assert ask(transport).status == 200
    assert ask(transport).status == 200
    old, new = Basic("AWS", "old").header(), Basic("AWS", "new").header()
    assert authorised(web) == [None, old, old, new]
    web.replace("GET", TAGS, status=status, body=EXPIRED)
    assert ask(transport).status == status
    assert len(web.calls) == 5


def test_b_a14_a_password_that_the_token_service_refuses_is_looked_for_again(
    peer: Peer,
) -> None:
    old, new = Basic("oauth2accesstoken", "old"), Basic("oauth2accesstoken", "new")
    logins = iter([old, new, new])
    transport = client(lambda _: next(logins), time=peer.time)
    ask(transport)
    peer.good, peer.time.seconds = {new.header()}, peer.time.seconds + 3600
    assert ask(transport).status == 200
    assert [sent(request) for request in peer.asked] == [old.header(), old.header(), new.header()]
    peer.good, peer.time.seconds = set(), peer.time.seconds + 3600
    with pytest.raises(AuthenticationRequiredError):
        ask(transport)
    assert len(peer.asked) == 4


def test_a_login_that_is_stored_meanwhile_is_used(peer: Peer) -> None:
    logins: list[Login | None] = [None]
    transport = client(lambda _: logins[0])
    peer.lifetime = 0
    assert ask(transport).status == 401
    logins[0], peer.lifetime = ROBOT, math.inf
    assert ask(transport).status == 200
    assert [sent(request) for request in peer.asked] == [None, ROBOT.header()]


@pytest.mark.parametrize(
    "refusal",
    [
        (403, {}, ""),
        (401, bearer(scope="repository:a:pull", error="insufficient_scope"), ""),
    ],
)
def test_a_login_that_is_stored_meanwhile_is_used_where_nobody_was_denied(
    peer: Peer, refusal: Reply
) -> None:
    logins: list[Login | None] = [None]
    transport = client(lambda _: logins[0])
    ask(transport)
    peer.refuse = refusal
    peer.expire()
    assert ask(transport).status == refusal[0]
    assert len(peer.asked) == 1
    logins[0] = ROBOT
    assert ask(transport).status == 200
    assert [sent(request) for request in peer.asked] == [None, ROBOT.header()]


@pytest.mark.parametrize(("age", "exchanges"), [(149, 1), (151, 2)])
def test_b_a15_a_403_renews_a_token_only_past_half_of_its_life(
    peer: Peer, age: float, exchanges: int
) -> None:
    transport = client(time=peer.time)
    ask(transport)
    peer.expire()
    peer.refuse = (403, {}, "")
    peer.time.seconds += age
    assert ask(transport).status == (200 if exchanges == 2 else 403)
    assert len(peer.asked) == exchanges


def test_b_a15_a_403_that_stays_is_asked_once_more_only(peer: Peer) -> None:
    transport = client(time=peer.time)
    ask(transport)
    peer.lifetime, peer.refuse = 0, (403, {}, "")
    peer.expire()
    peer.time.seconds += 200
    for _ in range(3):
        assert ask(transport).status == 403
    assert len(peer.asked) == 2
    assert len(peer.seen) == 2 + 2 + 2


def test_b_a15_a_403_to_nobody_asks_nothing(web: responses.RequestsMock) -> None:
    web.get(TAGS, status=403)
    assert ask(client(lambda _: pytest.fail("looked for credentials"))).status == 403
    assert len(web.calls) == 1


# Forks


def test_f12_a_forked_child_does_not_wait_for_threads_of_its_parent(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = client()
    ask(transport)
    tokens = transport._authenticator._tokens
    tokens._lock.acquire()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    try:
        assert ask(transport, scopes=pull("b")).status == 200
    finally:
        tokens._lock.release()


# Vendors


@pytest.mark.parametrize(
    ("name", "realm", "service", "username"),
    [
        ("docker.io", "https://auth.docker.io/token", "registry.docker.io", "me"),
        ("ghcr.io", "https://ghcr.io/token", "ghcr.io", "me"),
        ("quay.io", "https://quay.io/v2/auth", "quay.io", "org+robot"),
        ("gcr.io", "https://gcr.io/v2/token", "gcr.io", "_json_key"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", "container_registry", "ci-token"),
        ("me.azurecr.io", "https://me.azurecr.io/oauth2/token", "me.azurecr.io", "0000-0000"),
        ("harbor.example.com", "https://harbor.example.com/service/token", "harbor", "robot$ci"),
        ("public.ecr.aws", "https://public.ecr.aws/token/", "public.ecr.aws", "AWS"),
    ],
)
def test_3_4_the_realms_of_vendors_get_name_and_password(
    web: responses.RequestsMock, name: str, realm: str, service: str, username: str
) -> None:
    key = '{"type": "service_account",\n "private_key": "-----BEGIN: x"}'
    with Registry(name, username=username, password=key) as reg:
        web.get(reg.address.api, status=401, headers=bearer(realm, service=service))
        web.get(realm, json={"token": "t", "expires_in": 300})
        web.get(reg.address.api, json={})
        reg.ping()
    request = web.calls[1].request
    assert sent(request) == Basic(username, key).header()
    assert query(request) == [("account", username), ("service", service)]
    assert authorised(web)[2] == "Bearer t"


# Whatever a registry says


@settings(deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.characters(max_codepoint=255, exclude_characters="\r\n"))
        | st.text(' \t,="\\;/:@[]#?%x.0', max_size=30).map(lambda realm: f'Bearer realm="{realm}"')
        | st.text("/:@[]#?%x.0\\ ~", max_size=20).map(
            lambda path: f'Bearer realm="https://registry.example{path}",scope="a:b:c {path}"'
        ),
        max_size=3,
    ),
    st.sampled_from([ROBOT, IdentityToken("i"), RegistryToken("r"), None]),
)
def test_w_a2_any_challenge_leads_to_an_answer_or_a_typed_error(
    values: list[str], login: Login | None
) -> None:
    headers = Headers([("WWW-Authenticate", value) for value in values])
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        web.get(API, status=401)
        web.get(TAGS, body="{}")
        web.get(re.compile(".*"), json={"token": "t"})
        web.post(re.compile(".*"), json={"token": "t"})
        transport = client(login)
        refused = Answer("GET", TAGS, 401, headers, b"")
        with suppress(RegistryError):
            found = transport._authenticator.renewed(refused, PULL, None)
            assert found is None or found.header.startswith(("Basic ", "Bearer "))
        for call in web.calls:
            assert str(call.request.url).startswith("https://registry.example")
