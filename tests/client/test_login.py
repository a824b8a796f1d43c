"""Logging in and out, at a sample registry that asks for passwords or tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from getpass import GetPassWarning
from pathlib import Path
from typing import Any

import pytest

import regnb
from regnb.client import login as login_room
from regnb.client.client import Client
from regnb.core.auth import store
from regnb.errors import AuthenticationRequiredError
from regnb.sample import Served, serve

PASSWORD = "hunter2-is-the-password"
USERS = {"ada": PASSWORD, "bob": "another"}


@pytest.fixture(params=[None, 60], ids=["basic", "token"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serve(users=USERS, token_lifetime=request.param) as running:
        yield running


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nobody in front of it, unless answers are put in; what is asked for comes after them."""
    answers: list[str] = []

    def ask(prompt: str = "") -> str:
        asked.append(prompt)
        if not answers:
            raise EOFError
        return answers.pop(0)

    asked: list[str] = []
    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(login_room, "getpass", ask)
    monkeypatch.setattr(login_room, "in_kernel", lambda: True)
    return answers


@pytest.fixture(autouse=True)
def nobody_yet(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_logins", {})


def works(served: Served) -> bool:
    with regnb.connect(served.url) as client:
        try:
            return len(client.catalog()) > 1
        except AuthenticationRequiredError:
            return False


def docker_config(home: Path, username: str, password: str, host: str) -> None:
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def host(served: Served) -> str:
    return served.url.removeprefix("http://").rstrip("/")


def test_login_holds_for_clients_of_this_process_until_logout(served: Served) -> None:
    assert not works(served)
    regnb.login(served.url, "ada", PASSWORD)
    assert works(served)
    regnb.logout(served.url)
    assert not works(served)


def test_login_holds_for_a_client_that_was_there_before(served: Served) -> None:
    with regnb.connect(served.url) as client:
        with pytest.raises(AuthenticationRequiredError, match=r"regnb\.login"):
            client.catalog()
        regnb.login(client, "ada", PASSWORD)
        assert len(client.catalog()) > 1


def test_logout_and_another_login_hold_for_a_client_that_is_logged_in(served: Served) -> None:
    regnb.login(served.url, "ada", PASSWORD)
    with regnb.connect(served.url) as client:
        assert len(client.catalog()) > 1
        regnb.logout(served.url)
        with pytest.raises(AuthenticationRequiredError):
            client.catalog()
        regnb.login(served.url, "bob", "another")
        assert len(client.catalog()) > 1


def test_a_login_that_is_refused_is_not_kept(served: Served) -> None:
    with pytest.raises(AuthenticationRequiredError) as caught:
        regnb.login(served.url, "ada", "wrong")
    assert not works(served)
    assert "wrong" not in f"{caught.value!r} {vars(caught.value)}"


def test_the_environment_logs_in_to_the_registry_that_it_names(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGNB_USERNAME", "ada")
    monkeypatch.setenv("REGNB_PASSWORD", PASSWORD)
    assert not works(served)
    monkeypatch.setenv("REGNB_REGISTRY", host(served))
    assert works(served)
    regnb.login(served.url)


def test_what_docker_left_logs_in_without_more(served: Served, home: Path) -> None:
    docker_config(home, "ada", PASSWORD, host(served))
    assert works(served)
    regnb.login(served.url)


def test_whoever_sits_there_is_asked_last(served: Served, home: Path, screen: list[str]) -> None:
    docker_config(home, "ada", "no longer her password", host(served))
    screen += ["ada", PASSWORD]
    regnb.login(served.url)
    assert screen == []
    assert works(served)


def test_only_a_password_that_is_missing_is_asked_for(served: Served, screen: list[str]) -> None:
    screen += [PASSWORD]
    regnb.login(served.url, "ada")
    assert screen == []
    assert works(served)


def no_answer(*_: Any) -> str:
    raise GetPassWarning("echo")


def test_where_nobody_can_answer_the_ways_to_log_in_are_told(
    served: Served, screen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AuthenticationRequiredError, match="nobody who could be asked") as caught:
        regnb.login(served.url)
    for way in ("user name", "REGNB_USERNAME", "docker login"):
        assert way in str(caught.value)
    screen += ["ada"]
    monkeypatch.setattr(login_room, "getpass", no_answer)
    with pytest.raises(AuthenticationRequiredError, match="nobody who could be asked"):
        regnb.login(served.url)


def test_outside_of_a_notebook_only_a_terminal_is_asked(
    served: Served, screen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen += ["ada", PASSWORD]
    monkeypatch.setattr(login_room, "in_kernel", lambda: False)
    with pytest.raises(AuthenticationRequiredError, match="nobody who could be asked"):
        regnb.login(served.url)
    assert len(screen) == 2


def test_a_login_that_persists_is_dockers_too(served: Served, home: Path) -> None:
    regnb.login(served.url, "ada", PASSWORD, persist=True)
    kept = json.loads((home / ".docker/config.json").read_text())
    assert list(kept["auths"]) == [host(served)]
    regnb.logout(served.url)
    assert works(served)
    regnb.logout(served.url, persist=True)
    assert not works(served)


def test_credentials_may_come_from_a_function(served: Served) -> None:
    asked = []

    def ask() -> tuple[str, str]:
        asked.append("now")
        return "ada", PASSWORD

    with regnb.connect(served.url, credentials=ask) as client:
        assert asked == []
        assert len(client.catalog()) > 1
        assert len(client["team/web"].tags()) > 0
    assert len(asked) >= 1


def test_b_a13_a_function_that_gives_nothing_asks_as_nobody(served: Served, home: Path) -> None:
    docker_config(home, "ada", PASSWORD, host(served))
    with (
        regnb.connect(served.url, credentials=lambda: None) as client,
        pytest.raises(AuthenticationRequiredError),
    ):
        client.catalog()


def test_credentials_are_given_in_one_way_only() -> None:
    with pytest.raises(ValueError, match="not both"):
        regnb.connect("localhost:5000", username="ada", password="x", credentials=lambda: None)


def test_s16_a_login_shows_nowhere(served: Served) -> None:
    regnb.login(served.url, "ada", PASSWORD)
    with regnb.connect(served.url) as client:
        client.catalog()
        core: Any = client.core
        shown = [f"{one!r} {one}" for one in (client, core, core.transport)]
        assert isinstance(client, Client)
    assert PASSWORD not in " ".join(shown) + repr(vars(store))
