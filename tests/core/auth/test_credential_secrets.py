"""S16: whatever is found where logins are kept, it shows nowhere; and nothing breaks the search."""

from __future__ import annotations

import base64
import copy
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.core.auth import credentials, docker_config, store
from regnb.core.auth.auth_file import parse_auth_text, read_auth_file
from regnb.core.auth.helper import Helpers
from regnb.core.auth.logins import Basic, Login
from regnb.core.wire.limits import Limits
from regnb.core.wire.secret import Secret
from regnb.errors import CredentialError, CredentialWarning
from tests.core.auth.homes import NOT_FOUND, REGISTRY, Home, answer, helpers
from tests.core.test_secrets import BASIC, PASSWORD, assert_nothing_shows, everything_shown

CONFIG = ".docker/config.json"
KEPT_ENTRY = {"auth": BASIC}
KEPT = {"auths": {"registry.example": KEPT_ENTRY, "other.example": KEPT_ENTRY}}
Trouble = Callable[[Home, pytest.MonkeyPatch], object]


def helper(script: str, **more: Any) -> Trouble:
    def prepare(home: Home, env: pytest.MonkeyPatch) -> None:
        home.helper("x", script)
        file = {"credHelpers": {"registry.example": "x"}, "auths": {"other.example": KEPT_ENTRY}}
        home.write(CONFIG, file | more)

    return prepare


def file(text: object) -> Trouble:
    return lambda home, env: home.write(CONFIG, text)


def variable(name: str, value: str) -> Trouble:
    return lambda home, env: env.setenv(name, value)


def half_a_login(home: Home, env: pytest.MonkeyPatch) -> None:
    env.setenv("REGNB_REGISTRY", "registry.example")
    env.setenv("REGNB_PASSWORD", PASSWORD)


def entered(**fields: str) -> dict[str, Any]:
    return {"auths": {"registry.example": fields}}


ENCODED = base64.b64encode(PASSWORD.encode()).decode()
HELPED = KEPT | {"credHelpers": {"registry.example": "missing"}}
FOUND: dict[str, Trouble] = {
    "no JSON": file(f'{{"auths": "{PASSWORD}"'),
    "wrong form": file({"auths": {"registry.example": PASSWORD}}),
    "one entry of many": file({"auths": KEPT["auths"] | {"x.example": {"auth": [PASSWORD]}}}),
    "key twice": file(f'{{"{PASSWORD}": 1, "{PASSWORD}": 2}}'),
    "too large": file(json.dumps(KEPT) + " " * 2_000_000),
    "no base64": file(entered(auth=PASSWORD)),
    "no colon": file(entered(auth=ENCODED)),
    "bad token": file(entered(registrytoken=f"{PASSWORD}\n")),
    "name of a helper": file(KEPT | {"credHelpers": {"registry.example": "../x"}}),
    "text in a variable": variable("DOCKER_AUTH_CONFIG", f'{{"auths": "{PASSWORD}"'),
    "entry in a variable": variable("DOCKER_AUTH_CONFIG", json.dumps(entered(auth=PASSWORD))),
    "helper in a variable": variable("DOCKER_AUTH_CONFIG", json.dumps(HELPED)),
    "half a login": half_a_login,
    "status of a helper": helper(f"{answer('robot', PASSWORD)}; echo {PASSWORD} >&2; exit 1"),
    "output of a helper": helper(f"echo {PASSWORD}"),
    "login of a helper": helper(answer("a:b", PASSWORD)),
    "large output": helper(f"echo {PASSWORD}; cat /dev/zero"),
    "slow helper": helper(f"{answer('robot', PASSWORD)}; exec sleep 300"),
    "store": helper(NOT_FOUND, credsStore="missing"),
}


@pytest.mark.parametrize("trouble", FOUND)
def test_s16_no_error_of_the_search_shows_a_secret(
    home: Home, monkeypatch: pytest.MonkeyPatch, trouble: str, capfd: pytest.CaptureFixture[str]
) -> None:
    FOUND[trouble](home, monkeypatch)
    mine = helpers(helper_timeout=0.3)
    with pytest.raises((CredentialError, CredentialWarning)) as caught:
        credentials.find_login(REGISTRY, "a", helpers=mine)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert_nothing_shows(
        raised_again(caught.value) + repr(vars(mine)) + "".join(capfd.readouterr())
    )


@pytest.mark.parametrize("trouble", ["no JSON", "store", "read-only"])
@pytest.mark.parametrize("verb", ["save", "erase"])
def test_s16_no_error_of_saving_shows_a_secret(
    home: Home, monkeypatch: pytest.MonkeyPatch, trouble: str, verb: str
) -> None:
    if trouble == "read-only":
        home.write(CONFIG, KEPT)
        monkeypatch.setattr(os, "replace", refuse)
    elif trouble == "store":
        home.helper("x", f"echo {PASSWORD}; exit 1")
        home.write(CONFIG, KEPT | {"credsStore": "x"})
    else:
        FOUND[trouble](home, monkeypatch)
    login = Basic("robot", PASSWORD)
    with pytest.raises(CredentialError) as caught:
        change(verb, login)
    assert_nothing_shows(raised_again(caught.value))


def change(verb: str, login: Basic) -> None:
    if verb == "save":
        docker_config.save(REGISTRY, login, helpers=helpers())
    else:
        docker_config.erase(REGISTRY, helpers=helpers())


def refuse(*arguments: object) -> None:
    raise OSError(30, "Read-only file system")


def raised_again(error: BaseException) -> str:
    try:
        raise error
    except BaseException as raised:
        return everything_shown(raised)


def test_s16_what_was_found_is_not_shown_copied_or_pickled(home: Home) -> None:
    home.write(CONFIG, KEPT)
    path = home.path / CONFIG
    read = read_auth_file(path, limits=Limits())
    login = credentials.find_login(REGISTRY, None, helpers=helpers())
    assert isinstance(login, Basic)
    assert login.password == PASSWORD
    assert_nothing_shows(f"{read!r} {read} {login!r} {login}")
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(login)


# --- arbitrary content ---------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *("registry.example", "https://registry.example/v2/", "registry.example/a", "docker.io"),
        *("auths", "credHelpers", "credsStore", "auth", "username", "password", "identitytoken"),
        *("registrytoken", "ServerURL", "Username", "Secret"),
    ]
)
TEXTS = st.one_of(
    st.text(),
    st.binary().map(lambda raw: base64.b64encode(raw).decode()),
    st.sampled_from(["<token>", "cm9ib3Q6eA==", "", "x"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)
ENTRIES = st.dictionaries(KEYS | st.text(), st.dictionaries(KEYS, TEXTS | VALUES, max_size=4))
CONTENT = st.one_of(
    st.binary(),
    VALUES.map(lambda value: json.dumps(value).encode()),
    ENTRIES.map(lambda auths: json.dumps({"auths": auths}).encode()),
    ENTRIES.map(lambda auths: json.dumps(auths).encode()),
)


def outcome(search: Callable[[], Login | None]) -> Login | None:
    """What a search found, where an error of the right kind counts as nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CredentialWarning)
        try:
            return search()
        except CredentialError:
            return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One on PATH, with a helper that prints what its file holds."""
    made = tmp_path_factory.mktemp("helpers")
    program = made / "docker-credential-x"
    program.write_text(f'#!/bin/sh\nexec cat "{made}/output"\n')
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(made) + os.pathsep + os.environ["PATH"])
        yield made


@given(raw=CONTENT, namespaces=st.booleans(), flat=st.booleans())
def test_s10_any_bytes_in_a_file_give_a_login_none_or_an_error(
    folder: Path, raw: bytes, namespaces: bool, flat: bool
) -> None:
    path = folder / "auth.json"
    path.write_bytes(raw)

    def search() -> Login | None:
        read = read_auth_file(path, limits=Limits(), namespaces=namespaces, flat=flat)
        assert read is not None
        return read.login(REGISTRY, "a/b", Helpers())

    assert isinstance(outcome(search), Login | None)


@given(text=CONTENT.map(os.fsdecode) | st.text(st.characters()))
def test_s10_any_text_in_a_variable_gives_a_login_none_or_an_error(text: str) -> None:
    def search() -> Login | None:
        read = parse_auth_text(Secret(text), "DOCKER_AUTH_CONFIG", limits=Limits())
        return read.login(REGISTRY, None, Helpers())

    assert isinstance(outcome(search), Login | None)


@settings(max_examples=50)
@given(raw=CONTENT)
def test_s10_any_output_of_a_helper_gives_a_login_none_or_an_error(
    folder: Path, raw: bytes
) -> None:
    (folder / "output").write_bytes(raw)
    found = outcome(lambda: Helpers().get("x", "registry.example", named_by="a file"))
    assert isinstance(found, Login | None)


@given(
    username=st.text(min_size=1).filter(lambda text: ":" not in text), password=st.text(min_size=1)
)
def test_3_3_any_login_that_can_be_sent_is_read_as_it_was_written(
    folder: Path, username: str, password: str
) -> None:
    login = Basic(username, password)
    if username == "<token>" or password.endswith("\0"):
        return  # which mean something else
    path = folder / "config.json"
    path.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", str(folder))
        docker_config.save(REGISTRY, login)
    read = read_auth_file(path, limits=Limits())
    assert read is not None
    assert read.login(REGISTRY, None, Helpers()) == login
    assert store.recall(REGISTRY) is None
