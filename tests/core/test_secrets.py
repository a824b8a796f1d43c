"""S16: what is secret shows nowhere, whatever goes wrong."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType

import pytest
import requests
import responses

from regnb.core.auth.logins import Basic, IdentityToken, Login
from regnb.core.registry import Registry
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.limits import Limits
from regnb.errors import NotFoundError, RegistryError
from tests.core.auth.building import REALM, ask, bearer, client
from tests.core.fakes import API, RawServer, raw_server, registry, reply
from tests.core.samples import CONFIG_DIGEST, LAYER_DIGEST

PASSWORD = "hunter2-is-the-password"
SIGNATURE = "s1gnature-of-the-cdn"
BASIC = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
TOKEN = "t0ken-of-the-registry"
REFRESH = "refresh-t0ken-of-the-user"
SECRETS = (PASSWORD, BASIC, SIGNATURE, TOKEN, REFRESH)
ABROAD = f"https://cdn.example/blob?X-Sig={SIGNATURE}"


def frames(trace: TracebackType | None) -> Iterator[str]:
    """Every local variable of every frame, as a verbose traceback shows it."""
    for frame, _ in traceback.walk_tb(trace):
        if "/regnb/" in frame.f_code.co_filename:
            yield from (f"{name} = {value!r}" for name, value in frame.f_locals.items())


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def everything_shown(error: BaseException) -> str:
    parts = [traceback.format_exc(), repr(vars(error)), repr(pickle.dumps(error))]
    for one in chain(error):
        parts += [repr(one), str(one), *frames(one.__traceback__)]
        assert not isinstance(one, requests.RequestException)
    return "\n".join(parts)


def assert_nothing_shows(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text


def logged_in(web: responses.RequestsMock) -> Registry:
    web.get(API, status=401, headers={"WWW-Authenticate": "Basic realm=x"})
    web.get(API)
    client = registry(password=PASSWORD)
    client.ping()
    assert BASIC in web.calls[1].request.headers["Authorization"]
    return client


def echo(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    """Answer with what was sent, as servers do that somebody debugs."""
    sent = request.headers.get("Authorization", "")
    scheme, _, credentials = sent.partition(" ")
    decoded = base64.b64decode(credentials).decode() if scheme == "Basic" else credentials
    return 403, {}, f"{sent} {credentials} {decoded} {decoded.partition(':')[2]}"


Trouble = Callable[[responses.RequestsMock, str], object]
TROUBLES: dict[str, Trouble] = {
    "refused": lambda web, url: web.get(url, status=403, body="no"),
    "401": lambda web, url: web.get(url, status=401, headers={"WWW-Authenticate": "Basic"}),
    "500": lambda web, url: web.get(url, status=500),
    "echo": lambda web, url: web.add_callback("GET", url, callback=echo),
    "broken": lambda web, url: web.get(url, body=requests.ConnectionError(ConnectionResetError())),
    "header": lambda web, url: web.get(url, body=requests.exceptions.InvalidHeader(PASSWORD)),
    "large": lambda web, url: web.get(url, body=b"x" * 2000),
    "coding": lambda web, url: web.get(url, body=b"x", headers={"Content-Encoding": "br"}),
    "downgrade": lambda web, url: web.get(
        url, status=302, headers={"Location": f"http://cdn.example/?X-Sig={SIGNATURE}"}
    ),
    "userinfo": lambda web, url: web.get(
        url, status=302, headers={"Location": f"https://robot:{SIGNATURE}@cdn.example/"}
    ),
    "abroad": lambda web, url: (
        web.get(url, status=307, headers={"Location": ABROAD}),
        web.get(ABROAD, status=403, body="expired"),
    ),
    "broken abroad": lambda web, url: (
        web.get(url, status=307, headers={"Location": ABROAD}),
        web.get(ABROAD, body=requests.ConnectionError(ConnectionResetError())),
    ),
    "large abroad": lambda web, url: (
        web.get(url, status=307, headers={"Location": ABROAD}),
        web.get(ABROAD, body=b"x" * 2000),
    ),
    "other bytes abroad": lambda web, url: (
        web.get(url, status=307, headers={"Location": ABROAD}),
        web.get(ABROAD, body=b"x"),
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_s16_no_error_shows_a_secret(
    web: responses.RequestsMock, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    caplog.set_level(logging.DEBUG)
    client = logged_in(web)
    TROUBLES[trouble](web, f"{API}a/blobs/{CONFIG_DIGEST}")
    with pytest.raises(RegistryError) as caught:
        client.repository("a").blobs.get(CONFIG_DIGEST, limit=1000)
    try:
        raise caught.value
    except RegistryError as error:
        assert_nothing_shows(everything_shown(error))
    assert_nothing_shows(caplog.text)


@pytest.mark.parametrize("trouble", ["abroad", "broken abroad", "other bytes abroad"])
def test_s16_no_stream_shows_a_secret(web: responses.RequestsMock, trouble: str) -> None:
    client = logged_in(web)
    TROUBLES[trouble](web, f"{API}a/blobs/{LAYER_DIGEST}")
    stream = client.repository("a").blobs.open(LAYER_DIGEST)
    with pytest.raises(RegistryError) as caught:
        stream.read()
    assert_nothing_shows(
        everything_shown(caught.value)
        + repr(stream)
        + repr(vars(stream))
        + repr(vars(stream._download))
    )


LEAKING = {"token": TOKEN, "refresh_token": REFRESH}
TOKEN_TROUBLES: dict[str, Trouble] = {
    "refused": lambda web, url: web.get(url, status=401, body="no"),
    "denied": lambda web, url: web.get(url, status=403, json={"details": "no"}),
    "500": lambda web, url: web.get(url, status=500),
    "echo": lambda web, url: web.add_callback("GET", url, callback=echo),
    "echo of a form": lambda web, url: (
        web.remove("POST", url),
        web.add_callback("POST", url, callback=lambda request: (403, {}, request.body)),
        web.add_callback("GET", url, callback=echo),
    ),
    "broken": lambda web, url: web.get(url, body=requests.ConnectionError(ConnectionResetError())),
    "header": lambda web, url: web.get(url, body=requests.exceptions.InvalidHeader(PASSWORD)),
    "large": lambda web, url: web.get(url, body=json.dumps(LEAKING).encode() + b" " * (1 << 20)),
    "cut": lambda web, url: web.get(
        url,
        body=json.dumps(LEAKING),
        headers={"Content-Length": "9999"},
        auto_calculate_content_length=False,
    ),
    "no token": lambda web, url: web.get(url, json={"refresh_token": REFRESH}),
    "twice": lambda web, url: web.get(url, body=f'{{"token":"{TOKEN}","token":"{TOKEN}"}}'),
    "unsendable": lambda web, url: web.get(url, json={"token": f"{TOKEN} \n"}),
    "coding": lambda web, url: web.get(
        url, body=TOKEN, headers={"Content-Encoding": "br", "X-Token": TOKEN}
    ),
    "away": lambda web, url: web.get(
        url, status=302, headers={"Location": f"https://cdn.example/?token={TOKEN}"}
    ),
    "refused token": lambda web, url: web.get(url, json=LEAKING),
    "scope": lambda web, url: (
        web.get(url, json=LEAKING),
        web.get(API, status=401, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
    ),
}


def ping(transport: Transport) -> None:
    raise failure(ask(transport, API), unknown=NotFoundError)


@pytest.mark.parametrize(
    "login", [Basic("robot", PASSWORD), IdentityToken(REFRESH, username="robot")]
)
@pytest.mark.parametrize("trouble", TOKEN_TROUBLES)
def test_s16_no_error_about_a_token_shows_a_secret(
    web: responses.RequestsMock, caplog: pytest.LogCaptureFixture, trouble: str, login: Login
) -> None:
    caplog.set_level(logging.DEBUG)
    web.get(API, status=401, headers=bearer())
    web.post(REALM, status=404)
    web.assert_all_requests_are_fired = False
    TOKEN_TROUBLES[trouble](web, REALM)
    transport = client(login)
    with pytest.raises(RegistryError) as caught:
        ping(transport)
    shown = [everything_shown(caught.value), caplog.text, repr(vars(transport))]
    shown.append(repr(vars(transport._authenticator)))
    assert_nothing_shows("\n".join(shown))


def test_s16_an_interrupt_on_the_way_to_a_token_shows_no_secret(
    web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(body: bytes, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("regnb.core.auth.token_service.read_grant", interrupt)
    web.get(API, status=401, headers=bearer())
    web.get(REALM, json=LEAKING)
    with pytest.raises(KeyboardInterrupt) as caught:
        ask(client(Basic("robot", PASSWORD)), API)
    assert_nothing_shows("\n".join(frames(caught.value.__traceback__)))


def test_s16_the_log_of_a_real_request_is_redacted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def ask(server: RawServer) -> None:
        client = registry(server.url, password=PASSWORD, limits=Limits(attempts=1))
        client.ping()

    away = reply(b"", f"Location: /v2/x?X-Sig={SIGNATURE}", status="302 Away")
    challenge = reply(b"", 'WWW-Authenticate: Basic realm="x"', status="401 No")
    with raw_server(challenge, away, reply(b"{}")) as server:
        ask(server)
        assert SIGNATURE.encode() in server.requests[2]
    assert "GET /v2/x?X-Sig=***" in caplog.text
    assert_nothing_shows(caplog.text)


def test_s16_no_object_shows_a_secret(web: responses.RequestsMock) -> None:
    client = logged_in(web)
    repository = client.repository("a")
    objects = (client, repository, repository.tags, repository.manifests, repository.blobs)
    shown = [f"{one!r} {one}" for one in objects]
    shown += [repr(vars(client)), repr(vars(client.transport)), repr(vars(repository))]
    assert_nothing_shows("\n".join(shown))
    for copied in (pickle.loads(pickle.dumps(client)), copy.copy(client), copy.deepcopy(client)):
        assert copied.url == client.url
        assert BASIC not in repr(pickle.dumps(copied))
