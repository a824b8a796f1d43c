from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from regnb.core.registry import Registry
from regnb.core.wire.incoming import Answer, Incoming
from regnb.core.wire.outgoing import Method
from regnb.errors import (
    AuthenticationRequiredError,
    ProtocolError,
    TLSError,
    UnreachableError,
    UnsafeRedirectError,
)
from tests.core.fakes import API, FakeTime, registry

ABROAD = "https://cdn.example/blob"
BASIC = {"WWW-Authenticate": 'Bearer realm="x", Basic realm="y"'}


def ask(client: Registry, url: str = API, method: Method = "GET") -> Answer:
    return client.transport.exchange(method, url, limit=1000)


def redirect(web: responses.RequestsMock, to: str, *, status: int = 307, at: str = API) -> None:
    web.get(at, status=status, headers={"Location": to})


def headers(web: responses.RequestsMock, number: int) -> dict[str, str]:
    return {name.lower(): value for name, value in web.calls[number].request.headers.items()}


def test_h9_a_request_carries_only_what_is_meant(web: responses.RequestsMock) -> None:
    web.get(API, body=b"x")
    answer = registry().transport.exchange(
        "GET", API, limit=9, accept="a/b", headers={"If-None-Match": '"e"'}
    )
    assert (answer.status, answer.body, answer.ok) == (200, b"x", True)
    sent = headers(web, 0)
    assert sent.pop("user-agent").startswith("regnb/")
    assert sent == {"accept": "a/b", "accept-encoding": "identity", "if-none-match": '"e"'}


def test_b_a19_no_cookie_is_ever_sent_back(web: responses.RequestsMock) -> None:
    web.get(API, headers={"Set-Cookie": "sid=1; Path=/"})
    client = registry()
    ask(client)
    ask(client)
    assert "cookie" not in headers(web, 1)


def test_b_a18_netrc_never_applies(
    web: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login robot password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    web.get(API)
    ask(registry())
    assert "authorization" not in headers(web, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_h7_get_and_head_follow_redirects(
    web: responses.RequestsMock, status: int, method: Method
) -> None:
    web.add(method, API, status=status, headers={"Location": f"{ABROAD}?X-Sig=a%2Bb#f"})
    web.add(method, ABROAD, headers={"ETag": "there"})
    answer = ask(registry(), method=method)
    assert answer.headers["ETag"] == "there"
    assert [call.request.method for call in web.calls] == [method, method]
    assert web.calls[1].request.url == f"{ABROAD}?X-Sig=a%2Bb"


def test_h2_ten_redirects_are_followed_and_no_more(web: responses.RequestsMock) -> None:
    for number in range(10):
        redirect(web, f"{API}{number + 1}", at=API + (str(number) if number else ""))
    web.get(f"{API}10", body="there")
    assert ask(registry()).body == b"there"
    web.replace("GET", f"{API}10", status=302, headers={"Location": f"{API}11"})
    with pytest.raises(UnsafeRedirectError, match="more than 10"):
        ask(registry())
    assert web.calls[-1].request.url == f"{API}10"


def test_h3_and_s3_another_origin_learns_nothing(web: responses.RequestsMock) -> None:
    web.get(API, headers=BASIC, status=401)
    client = registry(password="hunter2")
    redirect(web, ABROAD)
    web.get(ABROAD, body="there")
    extra = {"Range": "bytes=0-0", "If-None-Match": '"e"', "X-Api-Key": "hunter2"}
    client.transport.exchange("GET", API, limit=9, accept="a/b", headers=extra)
    assert "authorization" in headers(web, 1)
    sent = headers(web, 2)
    assert sent.pop("user-agent").startswith("regnb/")
    assert sent == {"accept": "a/b", "accept-encoding": "identity", "range": "bytes=0-0"}


@pytest.mark.parametrize(
    "elsewhere",
    ["https://registry.example:8443/x", "https://sub.registry.example/x", "https://evil.example/x"],
)
def test_h4_and_s3_credentials_need_the_same_scheme_host_and_port(
    web: responses.RequestsMock, elsewhere: str
) -> None:
    web.get(API, headers=BASIC, status=401)
    redirect(web, elsewhere)
    web.get(elsewhere)
    ask(registry(password="hunter2"))
    assert "authorization" not in headers(web, 2)


def test_s3_credentials_stay_on_a_redirect_at_home(web: responses.RequestsMock) -> None:
    web.get(API, headers=BASIC, status=401)
    redirect(web, "/v2/moved")
    web.get(f"{API}moved")
    ask(registry(password="hunter2"))
    assert "authorization" in headers(web, 2)


def test_s3_whoever_was_abroad_comes_home_without_credentials(
    web: responses.RequestsMock,
) -> None:
    web.get(API, headers=BASIC, status=401)
    redirect(web, ABROAD)
    redirect(web, f"{API}secret", at=ABROAD)
    web.get(f"{API}secret", status=401, headers=BASIC)
    assert ask(registry(password="hunter2")).status == 401
    assert "authorization" not in headers(web, 3)
    assert len(web.calls) == 4


@pytest.mark.parametrize(
    "to",
    [
        "http://registry.example/v2/",
        "http://cdn.example/x",
        "https://robot:x@cdn.example/x",
        "ftp://cdn.example/x",
        "javascript:alert(1)",
        "https://[bad/",
        "https://cdn.example:port/",
        "https://169.254.169.254/latest/meta-data/",  # S5
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://10.0.0.1/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
    ],
)
def test_s4_a_redirect_that_leads_where_it_must_not_is_refused(
    web: responses.RequestsMock, to: str
) -> None:
    redirect(web, to)
    with pytest.raises(UnsafeRedirectError, match="not followed"):
        ask(registry())
    assert len(web.calls) == 1


def test_b12_a_redirect_without_location_is_an_answer(web: responses.RequestsMock) -> None:
    web.get(API, status=302)
    assert ask(registry()).status == 302


def test_a14_a_challenge_is_answered_once_and_then_up_front(web: responses.RequestsMock) -> None:
    web.get(API, status=401, headers=BASIC)
    web.get(API, body="in")
    client = registry(password="hunter2")
    assert ask(client).authorised
    assert ask(client).body == b"in"
    assert ["authorization" in headers(web, n) for n in range(3)] == [False, True, True]


def test_a14_a_second_401_is_final(web: responses.RequestsMock) -> None:
    web.get(API, status=401, headers=BASIC)
    client = registry(password="wrong")
    assert ask(client).status == 401
    assert len(web.calls) == 2
    with pytest.raises(AuthenticationRequiredError, match="refused the credentials"):
        client.ping()
    assert len(web.calls) == 3


def test_f2_a_503_is_asked_again(web: responses.RequestsMock) -> None:
    web.get(API, status=503, headers={"Retry-After": "Thu, 01 Jan 1970 00:16:49 GMT"})
    web.get(API, body="up")
    time = FakeTime(seconds=1_000.0)
    assert ask(registry(time=time)).body == b"up"
    assert time.slept == [9.0]


def test_f2_an_unanswered_request_is_asked_again(web: responses.RequestsMock) -> None:
    web.get(API, body=requests.ConnectionError(ConnectionResetError()))
    web.get(API, body="up")
    assert ask(registry()).body == b"up"


def test_f2_a_url_that_cannot_be_asked_is_not_asked_again(web: responses.RequestsMock) -> None:
    web.get(API, body=requests.exceptions.InvalidHeader("hunter2"))
    with pytest.raises(ProtocolError) as caught:
        ask(registry())
    assert "hunter2" not in str(caught.value)
    assert len(web.calls) == 1


def test_b12_a_stream_is_a_response_or_an_answer(web: responses.RequestsMock) -> None:
    web.get(API, body="bytes")
    incoming = registry().transport.stream(API)
    assert isinstance(incoming, Incoming)
    assert incoming.read(3) + incoming.read(3) == b"bytes"
    web.replace("GET", API, status=404, body="no")
    answer = registry().transport.stream(API)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (404, b"no")


def captured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments with which the adapter is called instead of a network."""
    calls: list[dict[str, Any]] = []

    def send(self: object, request: object, **arguments: Any) -> None:
        calls.append(arguments)
        raise requests.ConnectionError(ConnectionRefusedError())

    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", send)
    return calls


def sent_with(calls: list[dict[str, Any]], url: str) -> dict[str, Any]:
    with pytest.raises(UnreachableError):
        Registry(url, clock=FakeTime().clock()).ping()
    return calls[-1]


def test_s21_a_missing_authority_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull + "/none")
    with pytest.raises(TLSError, match="SSL_CERT_FILE"):
        registry().ping()


def test_s23_proxies_of_the_environment_count_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = captured(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "direct.example")
    proxied = sent_with(calls, "https://h.example")["proxies"]
    assert proxied["https"] == "http://proxy.example:3128"
    assert sent_with(calls, "https://direct.example")["proxies"] == {}
    assert sent_with(calls, "localhost:5000")["proxies"] == {}


def test_s23_each_host_of_a_redirect_has_its_own_proxies(
    web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "registry.example")
    redirect(web, ABROAD)
    web.get(ABROAD)
    ask(registry())
    arguments = [call.request.req_kwargs for call in web.calls]  # type: ignore[attr-defined]  # responses adds it
    assert arguments[0]["proxies"] == {}
    assert arguments[1]["proxies"]["https"] == "http://proxy.example:3128"


def test_f5_connecting_and_reading_have_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent_with(captured(monkeypatch), "https://h.example")["timeout"] == (10.0, 60.0)
