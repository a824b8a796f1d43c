"""Gates ask for credentials and issue tokens, and credentials expire in the words of vendors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.faults import wire
from tests.faults.answers import Status
from tests.faults.conftest import BLOB
from tests.faults.endings import Stall
from tests.faults.gates import BasicGate, BearerGate, basic
from tests.faults.proxy import Proxy
from tests.faults.redirects import Presigned
from tests.faults.scenario import ALWAYS, Rule, Scenario
from tests.faults.tokens import Expiry, SkewIssued, TokenExpires
from tests.faults.upstream import Upstream

PULL = "repository:team/app:pull"
ROBOT = basic("robot", "secret")
CLOCK = 1_700_000_000.0


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy(upstream.url, gate=BearerGate("robot", "secret"), now=lambda: CLOCK) as proxy:
        yield proxy


def _issued(proxy: Proxy, scope: str = PULL, authorization: str = ROBOT) -> dict[str, Any]:
    target = f"/token?service=faults&scope={scope}"
    heard = wire.ask(proxy.url, "GET", target, f"Authorization: {authorization}")
    assert heard.status == 200
    document: dict[str, Any] = json.loads(heard.body)
    return document


def _get(proxy: Proxy, authorization: str, target: str = BLOB) -> wire.Heard:
    return wire.ask(proxy.url, "GET", target, f"Authorization: {authorization}")


def _bearer(proxy: Proxy, scope: str = PULL) -> str:
    return f"Bearer {_issued(proxy, scope)['token']}"


@pytest.mark.parametrize(
    ("method", "target", "scope"),
    [
        ("GET", "/v2/", None),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
        ("HEAD", "/v2/a/b/manifests/1", "repository:a/b:pull"),
        ("GET", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("DELETE", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("DELETE", "/v2/a/manifests/sha256:1", "repository:a:delete"),
        ("PUT", "/v2/a/manifests/1", "repository:a:pull,push"),
        ("POST", "/v2/a/blobs/uploads/?from=b&mount=1", "repository:a:pull,push repository:b:pull"),
    ],
)
def test_the_challenge_names_what_is_needed(
    upstream: Upstream, proxy: Proxy, method: str, target: str, scope: str | None
) -> None:
    heard = wire.ask(proxy.url, method, target)
    assert heard.status == 401
    expected = f'Bearer realm="{proxy.url}token",service="faults"'
    if scope:
        expected += f',scope="{scope}"'
        assert _get(proxy, _bearer(proxy, scope.replace(" ", "&scope=")), "/v2/").status == 404
    assert heard.header("WWW-Authenticate") == expected
    assert [path for _, path, _ in upstream.heads] == (["/v2/"] if scope else [])


def test_a_token_opens_what_it_was_asked_for_and_nothing_else(
    upstream: Upstream, proxy: Proxy
) -> None:
    token = _bearer(proxy)
    assert _get(proxy, token).body == upstream.files[BLOB]
    denied = _get(proxy, token, "/v2/other/tags/list")
    assert denied.status == 401
    assert 'error="insufficient_scope"' in denied.header("WWW-Authenticate")
    assert _get(proxy, "Bearer invented").status == 401


def test_tokens_are_for_who_knows_the_password(proxy: Proxy) -> None:
    for headers in ((), (f"Authorization: {basic('robot', 'guess')}",)):
        assert wire.ask(proxy.url, "GET", "/token", *headers).status == 401
    form = b"grant_type=password&username=robot&password=%s&scope=" + PULL.encode()
    assert wire.ask(proxy.url, "POST", "/token", body=form % b"guess").status == 401
    granted = json.loads(wire.ask(proxy.url, "POST", "/token", body=form % b"secret").body)
    assert _get(proxy, f"Bearer {granted['access_token']}").status == 200


def test_issued_at_is_of_the_clock_and_can_be_skewed(upstream: Upstream, proxy: Proxy) -> None:
    def issued_at() -> float:
        return datetime.fromisoformat(_issued(proxy)["issued_at"]).timestamp()

    assert issued_at() == CLOCK
    proxy.scenario = Scenario(Rule(SkewIssued(-86_400), path="^/token"))
    assert issued_at() == CLOCK - 86_400
    assert issued_at() == CLOCK


def test_the_token_endpoint_can_fail_and_stall(proxy: Proxy) -> None:
    rules = (Rule(Status(503), path="^/token"), Rule(Stall(after=None), path="^/token", nth=2))
    proxy.scenario = Scenario(*rules)
    assert wire.ask(proxy.url, "GET", "/token").status == 503
    with wire.connect(proxy.url) as connection:
        connection.sendall(wire.head(proxy.url, "GET", "/token", f"Authorization: {ROBOT}"))
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert _issued(proxy)["token"]


def test_who_is_refused_takes_no_part_in_the_scenario(proxy: Proxy) -> None:
    proxy.scenario = Scenario(Rule(Status(500), path="/blobs/"))
    assert wire.ask(proxy.url, "GET", BLOB).status == 401
    token = _bearer(proxy)
    assert [_get(proxy, token).status for _ in range(2)] == [500, 200]
    assert [entry.fault for entry in proxy.seen(path="/blobs/")] == [None, Status(500), None]


def test_no_gate_stands_before_a_presigned_url(upstream: Upstream, proxy: Proxy) -> None:
    proxy.scenario = Scenario(Rule(Presigned(), path="/blobs/"))
    location = _get(proxy, _bearer(proxy)).header("Location")
    target = location.removeprefix(proxy.elsewhere.removesuffix("/"))
    assert wire.ask(proxy.elsewhere, "GET", target).body == upstream.files[BLOB]


def test_a_basic_gate(upstream: Upstream) -> None:
    with Proxy(upstream.url, gate=BasicGate("robot", "secret")) as proxy:
        heard = wire.ask(proxy.url, "GET", BLOB)
        assert _get(proxy, ROBOT).body == upstream.files[BLOB]
    assert heard.status == 401
    assert heard.header("WWW-Authenticate") == f'Basic realm="{proxy.url}"'


@pytest.mark.parametrize("uses", [0, 1, 3])
def test_a_token_expires_after_so_many_uses_for_good(proxy: Proxy, uses: int) -> None:
    proxy.scenario = Scenario(Rule(TokenExpires(uses), path="^/v2/", times=ALWAYS))
    for _ in range(2):
        token = _bearer(proxy)
        assert [_get(proxy, token).status for _ in range(uses + 2)] == [200] * uses + [401, 401]


@pytest.mark.parametrize(
    ("expiry", "status", "challenges", "text"),
    [
        (Expiry.CHALLENGE, 401, 1, b"UNAUTHORIZED"),
        (Expiry.BARE, 401, 0, b"UNAUTHORIZED"),
        (Expiry.ECR, 403, 0, b"Your authorization token has expired"),
        (Expiry.ECR_PUBLIC, 400, 0, b"DENIED"),
    ],
)
def test_expiry_in_the_words_of_each_vendor(
    upstream: Upstream, expiry: Expiry, status: int, challenges: int, text: bytes
) -> None:
    with Proxy(upstream.url, Scenario(Rule(TokenExpires(0, expiry), times=ALWAYS))) as proxy:
        heard = _get(proxy, ROBOT)
        assert wire.ask(proxy.url, "GET", BLOB).status == 200
    assert heard.status == status
    assert text in heard.body
    told = heard.every("WWW-Authenticate")
    assert len(told) == challenges
    assert all(f'scope="{PULL}",error="invalid_token"' in challenge for challenge in told)
