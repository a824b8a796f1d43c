from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regnb.core.auth import credentials, store
from regnb.core.auth.auth_file import AuthFile
from regnb.core.auth.credentials import find_login, forget
from regnb.core.auth.logins import Basic, IdentityToken
from regnb.errors import CredentialError, CredentialFileError, CredentialHelperError
from tests.core.auth.homes import HUB, REGISTRY, Home, address, answer, entry, helpers

Place = Callable[[Home, pytest.MonkeyPatch, dict[str, Any]], object]


def auths(password: str) -> dict[str, Any]:
    return {"registry.example": entry(password=password)}


def login_made(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    store.remember(REGISTRY, Basic("robot", "login"))


def variables(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    env.setenv("REGNB_REGISTRY", "registry.example")
    env.setenv("REGNB_USERNAME", "robot")
    env.setenv("REGNB_PASSWORD", "variables")


def docker_auth_config(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    env.setenv("DOCKER_AUTH_CONFIG", json.dumps(file))


def registry_auth_file(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    env.setenv("REGISTRY_AUTH_FILE", str(home.write("named.json", file)))


def docker(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    home.write(".docker/config.json", file)


def runtime(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    home.write("../run/containers/auth.json", file)


def config(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    home.write(".config/containers/auth.json", file)


def dockercfg(home: Home, env: pytest.MonkeyPatch, file: dict[str, Any]) -> None:
    home.write(".dockercfg", file.get("auths", {}))


FILES: list[Place] = [docker_auth_config, registry_auth_file, docker, runtime, config, dockercfg]
PLACES: list[Place] = [login_made, variables, *FILES]
PASSWORDS = ["login", "variables", *(place.__name__ for place in FILES)]
SOURCES = {
    "variables": "REGNB_USERNAME and REGNB_PASSWORD",
    "docker_auth_config": "DOCKER_AUTH_CONFIG",
    "registry_auth_file": "~/named.json",
    "docker": "~/.docker/config.json",
    "config": "~/.config/containers/auth.json",
    "dockercfg": "~/.dockercfg",
}


def found(registry: str = "registry.example", repository: str | None = None) -> Any:
    return find_login(address(registry), repository, helpers=helpers())


@pytest.mark.parametrize("first", range(len(PLACES)), ids=PASSWORDS)
def test_3_3_the_first_place_that_has_a_login_counts(
    home: Home, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    for place, password in list(zip(PLACES, PASSWORDS, strict=True))[first:]:
        place(home, monkeypatch, {"auths": auths(password)})
    assert found() == Basic("robot", PASSWORDS[first])
    assert found().source == SOURCES.get(PASSWORDS[first], found().source)
    assert found("registry.example:5000") is None


@pytest.mark.parametrize("place", FILES)
def test_3_3_places_without_this_registry_are_passed(
    home: Home, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    dockercfg(home, monkeypatch, {"auths": auths("last")})
    if place is not dockercfg:
        place(home, monkeypatch, {"auths": {"registry.example": {}, "other.example": entry()}})
    assert found() == Basic("robot", "last")


@pytest.mark.parametrize("place", FILES)
def test_3_3_a_malformed_place_is_an_error_unless_an_earlier_one_counts(
    home: Home, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    place(home, monkeypatch, {"auths": {"hunter2": "hunter2"}})
    with pytest.raises(CredentialFileError, match="malformed") as caught:
        found()
    assert SOURCES.get(place.__name__, "auth.json") in str(caught.value)
    assert "hunter2" not in str(caught.value)
    login_made(home, monkeypatch, {})
    assert found() == Basic("robot", "login")


@pytest.mark.parametrize("place", FILES)
def test_s22_namespaces_are_for_the_files_of_the_container_tools(
    home: Home, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    place(home, monkeypatch, {"auths": {"quay.io/a": entry()}})
    names_namespaces = place in {registry_auth_file, runtime, config}
    assert found("quay.io", "a/x") == (Basic("robot", "hunter2") if names_namespaces else None)
    for other in ("b/x", "ab/x", None):
        assert found("quay.io", other) is None


def test_3_3_nobody_logged_in_anywhere(home: Home) -> None:
    assert found() is None
    assert found("docker.io", "library/busybox") is None


def asked_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    paths: list[str] = []

    def read(path: Path, **options: Any) -> AuthFile | None:
        paths.append(str(path) + (" flat" if options.get("flat") else ""))
        return None

    monkeypatch.setattr(credentials, "read_auth_file", read)
    found()
    return paths


def test_3_3_the_files_without_any_variable(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert asked_paths(monkeypatch) == [
        f"{home.path}/.docker/config.json",
        f"/run/containers/{os.getuid()}/auth.json",
        f"{home.path}/.config/containers/auth.json",
        f"{home.path}/.dockercfg flat",
    ]


def test_3_3_the_files_with_every_variable(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/a/auth.json")
    monkeypatch.setenv("DOCKER_CONFIG", "/d")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/r")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    assert asked_paths(monkeypatch) == [
        *("/a/auth.json", "/d/config.json", "/r/containers/auth.json", "/c/containers/auth.json"),
        f"{home.path}/.dockercfg flat",
    ]


def test_3_3_without_a_home_folder_no_file_is_looked_for_there(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user without a name
    monkeypatch.chdir(home.path)
    home.write("~/.docker/config.json", {"auths": auths("planted")})
    assert found() is None


@pytest.mark.parametrize(
    ("named", "registry", "applies"),
    [
        ("registry.example", "registry.example", True),
        ("https://Registry.Example/", "registry.example", True),
        (" registry.example ", "registry.example", True),
        ("registry.example:5000", "registry.example:5000", True),
        ("registry.example", "https://registry.example/prefix/", True),
        ("https://registry.example/prefix/", "https://registry.example/prefix/", True),
        ("https://registry.example/prefix/", "https://registry.example/other/", False),
        ("https://registry.example/prefix/", "registry.example", False),
        ("registry.example", "registry.example:5000", False),
        ("registry.example:443", "registry.example", False),
        ("registry.example", "sub.registry.example", False),
        ("registry.example", "registry.example.evil.example", False),
        ("docker.io", "registry-1.docker.io", True),
        ("https://index.docker.io/v1/", "docker.io", True),
        ("", "registry.example", False),
        ("*", "registry.example", False),
        (None, "registry.example", False),
    ],
)
def test_variables_apply_to_their_registry_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch, named: str | None, registry: str, applies: bool
) -> None:
    variables(home, monkeypatch, {})
    if named is None:
        monkeypatch.delenv("REGNB_REGISTRY")
    else:
        monkeypatch.setenv("REGNB_REGISTRY", named)
    assert found(registry) == (Basic("robot", "variables") if applies else None)


def test_variables_may_hold_an_identity_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    variables(home, monkeypatch, {})
    monkeypatch.setenv("REGNB_USERNAME", "<token>")
    assert found() == IdentityToken("variables")


@pytest.mark.parametrize(
    ("username", "password"),
    [("robot", None), (None, "hunter2"), ("a:hunter2", "x"), ("robot", "hunter2\udcff")],
)
def test_half_a_login_in_variables_is_an_error(
    home: Home, monkeypatch: pytest.MonkeyPatch, username: str | None, password: str | None
) -> None:
    monkeypatch.setenv("REGNB_REGISTRY", "registry.example")
    for variable, value in (("REGNB_USERNAME", username), ("REGNB_PASSWORD", password)):
        if value is not None:
            monkeypatch.setenv(variable, value)
    with pytest.raises(CredentialError, match="both are needed") as caught:
        found()
    assert "hunter2" not in str(caught.value)
    assert found("other.example") is None


def test_variables_that_name_only_a_registry_are_no_login(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGNB_REGISTRY", "registry.example")
    docker(home, monkeypatch, {"auths": auths("docker")})
    assert found() == Basic("robot", "docker")


@pytest.mark.parametrize(
    "variable", ["DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"]
)
def test_an_empty_variable_is_as_none(
    home: Home, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    config(home, monkeypatch, {"auths": auths("config")})
    monkeypatch.setenv(variable, "")
    assert found() == Basic("robot", "config")


def test_3_3_a_failing_helper_ends_the_search(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(home, monkeypatch, {"credHelpers": {"registry.example": "missing"}})
    config(home, monkeypatch, {"auths": auths("config") | {"other.example": entry()}})
    with pytest.raises(CredentialHelperError, match="is not on PATH"):
        found()
    assert found("other.example") == Basic("robot", "hunter2")


def test_3_4_what_expired_is_fetched_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(home, monkeypatch, {"credsStore": "ecr-login"})
    home.helper("ecr-login", answer("AWS", "first"))
    mine = helpers()
    for registry in (REGISTRY, HUB):
        assert find_login(registry, "a", helpers=mine) == Basic("AWS", "first")
    home.helper("ecr-login", answer("AWS", "second"))
    assert find_login(REGISTRY, "b", helpers=mine) == Basic("AWS", "first")
    forget(HUB, helpers=mine)
    assert find_login(REGISTRY, "a", helpers=mine) == Basic("AWS", "first")
    assert find_login(HUB, "a", helpers=mine) == Basic("AWS", "second")
    forget(REGISTRY, helpers=mine)
    assert find_login(REGISTRY, "a", helpers=mine) == Basic("AWS", "second")


@pytest.mark.parametrize("place", FILES)
def test_3_4_nothing_in_a_login_is_expanded(
    home: Home, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    file = {"auths": {"registry.example": entry("robot$HOME+ci", "$HOME%s{x}`id`~")}}
    place(home, monkeypatch, file)
    assert found() == Basic("robot$HOME+ci", "$HOME%s{x}`id`~")
