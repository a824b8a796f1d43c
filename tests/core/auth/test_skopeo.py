"""Truth: what skopeo writes is read here, and what is written here is read by skopeo."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from regnb.core.auth import docker_config
from regnb.core.auth.credentials import find_login
from regnb.core.auth.logins import Basic
from regnb.core.wire.address import Address, parse_address
from tests.core.auth.homes import Home, answer, helpers
from tests.servers import docker_registry, need

pytestmark = pytest.mark.registry

KNOWN, UNKNOWN = "404 (Not Found)", "authentication required"
LOGIN = Basic("robot$team+ci", 'p:a s"s$HOME')


@pytest.fixture
def registry(home: Home, tmp_path: Path) -> Iterator[Address]:
    """A real registry that knows one robot."""
    with docker_registry(tmp_path / "server", htpasswd={LOGIN.username: LOGIN.password}) as url:
        yield parse_address(url)


def skopeo(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need("skopeo", "skopeo"), *arguments], capture_output=True, text=True, check=check
    )


def log_in(registry: Address, *options: str, namespace: str = "") -> None:
    user, password = ("-u", LOGIN.username), ("-p", LOGIN.password)
    place = f"{registry.name}{namespace}"
    skopeo("login", "--tls-verify=false", *options, *user, *password, place)


def tags(registry: Address, *options: str) -> str:
    """What skopeo hears when it asks for the tags of a repository that is not there."""
    name = f"docker://{registry.name}/team/app"
    return skopeo("list-tags", "--tls-verify=false", *options, name, check=False).stderr


def found(registry: Address, repository: str | None = None) -> Basic:
    login = find_login(registry, repository, helpers=helpers())
    assert isinstance(login, Basic)
    return login


def test_3_3_what_skopeo_writes_by_default_is_found(registry: Address, home: Home) -> None:
    log_in(registry)
    assert found(registry) == LOGIN
    assert found(registry).source == str(home.run / "containers" / "auth.json")
    answered = requests.get(registry.api, headers={"Authorization": found(registry).header()})
    assert answered.status_code == 200


def test_3_3_what_skopeo_writes_to_a_named_file_is_found(
    registry: Address, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.path / "named.json"
    log_in(registry, "--authfile", str(path))
    assert find_login(registry, None, helpers=helpers()) is None
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(path))
    assert found(registry) == LOGIN
    skopeo("logout", registry.name)
    assert find_login(registry, None, helpers=helpers()) is None


def test_3_3_a_login_of_skopeo_for_a_namespace_is_for_that_alone(
    registry: Address, home: Home
) -> None:
    path = home.write("../run/containers/auth.json", "")
    path.unlink()
    log_in(registry, namespace="/team")
    assert list(json.loads(path.read_text())["auths"]) == [f"{registry.name}/team"]
    assert found(registry, "team/app") == LOGIN
    for other in ("teams/app", "other/app", None):
        assert find_login(registry, other, helpers=helpers()) is None


def test_3_3_skopeo_keeps_its_login_in_a_helper(registry: Address, home: Home) -> None:
    home.helper("kept", answer(LOGIN.username, LOGIN.password))
    home.write("../run/containers/auth.json", {"credHelpers": {registry.name: "kept"}})
    assert KNOWN in tags(registry)
    assert found(registry) == LOGIN
    assert home.asked("kept") == [f"get {registry.name}"] * 2  # asked alike


def test_9_what_is_saved_is_read_by_skopeo(registry: Address, home: Home) -> None:
    assert UNKNOWN in tags(registry)
    docker_config.save(registry, LOGIN, helpers=helpers())
    assert KNOWN in tags(registry)
    assert skopeo("login", "--get-login", registry.name).stdout.strip() == LOGIN.username
    path = home.path / ".docker" / "config.json"
    assert KNOWN in tags(registry, "--authfile", str(path))
    docker_config.erase(registry, helpers=helpers())
    assert UNKNOWN in tags(registry)


def test_9_what_skopeo_wrote_for_docker_is_erased(registry: Address, home: Home) -> None:
    path = home.write(".docker/config.json", {"HttpHeaders": {"X": "y"}})
    log_in(registry, "--authfile", str(path))
    assert found(registry) == LOGIN
    docker_config.erase(registry, helpers=helpers())
    assert json.loads(path.read_text())["auths"] == {}
    assert UNKNOWN in tags(registry)
