from __future__ import annotations

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from regnb.core.auth import docker_config
from regnb.core.auth.credentials import find_login
from regnb.core.auth.logins import Basic, IdentityToken, Login
from regnb.core.wire.address import Address
from regnb.errors import CredentialFileError, CredentialHelperError
from tests.core.auth.homes import (
    HUB,
    NOT_FOUND,
    REGISTRY,
    Home,
    address,
    answer,
    entry,
    helpers,
)

LOGIN = Basic("robot", "hunter2")
CONFIG = ".docker/config.json"


def save(registry: Address = REGISTRY, login: Basic | IdentityToken = LOGIN) -> str:
    return docker_config.save(registry, login, helpers=helpers())


def erase(registry: Address = REGISTRY) -> None:
    docker_config.erase(registry, helpers=helpers())


def found(registry: Address = REGISTRY) -> Login | None:
    return find_login(registry, None, helpers=helpers())


def document(home: Home) -> Any:
    return json.loads((home.path / CONFIG).read_text("utf-8"))


@pytest.mark.parametrize(
    ("registry", "key"),
    [
        ("registry.example", "registry.example"),
        ("registry.example:5000", "registry.example:5000"),
        ("docker.io", "https://index.docker.io/v1/"),
        ("https://h.example/a/", "h.example/a"),
    ],
)
@pytest.mark.parametrize("login", [LOGIN, Basic("_json_key", '{"a": "b:é"}'), IdentityToken("t")])
def test_9_what_is_saved_is_found_by_later_processes(
    home: Home, registry: str, key: str, login: Basic | IdentityToken
) -> None:
    assert save(address(registry), login) == "~/.docker/config.json"
    assert found(address(registry)) == login
    assert list(document(home)["auths"]) == [key]
    erase(address(registry))
    assert found(address(registry)) is None
    assert document(home) == {"auths": {}}


def test_9_a_password_is_written_as_docker_login_writes_it(home: Home) -> None:
    save()
    assert document(home) == {"auths": {"registry.example": {"auth": "cm9ib3Q6aHVudGVyMg=="}}}
    save(login=IdentityToken("refresh"))
    pair = base64.b64encode(b"<token>:").decode()
    assert document(home)["auths"]["registry.example"] == {
        "auth": pair,
        "identitytoken": "refresh",
    }


def test_9_all_else_in_the_file_stays_in_its_place(home: Home) -> None:
    before = {
        "HttpHeaders": {"User-Agent": "x"},
        "auths": {
            "b.example": entry() | {"email": "me@example.com"},
            "registry.example": {"auth": "b2xkOm9sZA==", "identitytoken": "old", "note": "mine"},
            "a.example": {},
        },
        "détachKeys": "ctrl-e,e",
        "plugins": {"x": {"n": 1.5, "big": 2**70}},
    }
    home.write(CONFIG, before)
    save()
    after = document(home)
    assert list(after) == list(before)
    assert list(after["auths"]) == ["b.example", "registry.example", "a.example"]
    assert after["auths"]["registry.example"] == {"note": "mine", **entry()}
    after["auths"]["registry.example"] = before["auths"]["registry.example"]  # type: ignore[index]
    assert after == before
    assert "détachKeys" in (home.path / CONFIG).read_text("utf-8")
    assert '\n\t"auths": {\n\t\t"b.example"' in (home.path / CONFIG).read_text("utf-8")


def test_9_a_saved_login_counts_before_other_spellings(home: Home) -> None:
    home.write(CONFIG, {"auths": {"docker.io": entry(password="old")}})
    save(HUB)
    assert found(HUB) == LOGIN


def test_9_every_spelling_of_a_registry_is_erased_and_no_other_registry(home: Home) -> None:
    mine = ["https://index.docker.io/v1/", "docker.io", "REGISTRY-1.docker.io"]
    others = ["docker.io:443", "docker.io/library", "hub.docker.io", "registry.example"]
    home.write(CONFIG, {"auths": {key: entry() for key in mine + others}, "x": 1})
    erase(HUB)
    assert list(document(home)["auths"]) == others
    assert document(home)["x"] == 1


def test_9_erasing_what_is_not_there_writes_nothing(home: Home) -> None:
    erase()
    assert not (home.path / ".docker").exists()
    path = home.write(CONFIG, '{"auths" : {}}')
    erase()
    assert path.read_text() == '{"auths" : {}}'


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_s16_only_the_owner_can_read_the_file(home: Home, umask: int) -> None:
    before = os.umask(umask)
    try:
        save()
    finally:
        os.umask(before)
    assert mode(home.path / ".docker") == 0o700
    assert mode(home.path / CONFIG) == 0o600


def test_s16_a_file_that_others_could_read_is_closed(home: Home) -> None:
    home.write(CONFIG, {}).chmod(0o644)
    save()
    assert mode(home.path / CONFIG) == 0o600


def test_9_docker_config_names_another_folder(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(home.path / "a" / "b"))
    assert save() == "~/a/b/config.json"
    assert found() == LOGIN
    assert not (home.path / ".docker").exists()


@pytest.mark.parametrize("exists", [True, False])
def test_9_a_link_stays_a_link(home: Home, exists: bool) -> None:
    target = home.write("dotfiles/docker.json", {"x": 1})
    if not exists:
        target.unlink()
    link = home.path / CONFIG
    link.parent.mkdir()
    link.symlink_to("../dotfiles/docker.json")
    save()
    assert link.is_symlink()
    assert not target.is_symlink()
    assert json.loads(target.read_text())["auths"] == {"registry.example": entry()}
    assert ("x" in document(home)) == exists
    erase()
    assert link.is_symlink()
    assert found() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write other people's files")
def test_9_a_file_keeps_its_owner(home: Home) -> None:
    path = home.write(CONFIG, {})
    os.chown(path, 65534, 65533)
    save()
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)
    assert mode(path) == 0o600


@pytest.mark.parametrize("text", ["hunter2", "[]", '{"auths": 1}', '{"a": 1, "a": 2}'])
def test_9_a_malformed_file_is_left_alone(home: Home, text: str) -> None:
    path = home.write(CONFIG, text)
    for change in (save, erase):
        with pytest.raises(CredentialFileError, match="malformed"):
            change()
    assert path.read_text() == text


FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["dump", "fsync", "replace"])
@pytest.mark.parametrize(
    ("trouble", "expected"), [(FULL, CredentialFileError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_9_a_file_is_replaced_whole_or_not_at_all(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    trouble: BaseException,
    expected: type[BaseException],
) -> None:
    path = home.write(CONFIG, {"auths": {"other.example": entry()}})
    before = path.read_bytes()

    def fail(*arguments: Any, **options: Any) -> None:
        raise trouble

    monkeypatch.setattr(json if step == "dump" else os, step, fail)
    with pytest.raises(expected) as caught:
        save()
    if trouble is FULL:
        assert str(caught.value) == f"~/{CONFIG} cannot be written: No space left on device."
        assert caught.value.__cause__ is caught.value.__context__ is None
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_9_a_folder_that_cannot_be_made_is_an_error(home: Home) -> None:
    home.write(".docker", "a file")
    with pytest.raises(CredentialFileError, match="cannot be written"):
        save()


def test_9_without_a_home_folder_there_is_nowhere_to_save(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(CredentialFileError, match="Set DOCKER_CONFIG"):
        save()


def test_9_threads_that_save_at_once_lose_nothing(home: Home) -> None:
    registries = [address(f"r{number}.example") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, registries))
    assert len(document(home)["auths"]) == len(registries)


@pytest.mark.parametrize(
    ("file", "helper"),
    [
        ({"credsStore": "store"}, "store"),
        ({"credHelpers": {"registry.example": "own"}, "credsStore": "store"}, "own"),
        ({"credHelpers": {"registry.example": ""}, "credsStore": "store"}, None),
        ({"credHelpers": {"other.example": "own"}}, None),
        ({"credHelpers": {"https://Registry.Example/v2/": "own"}}, "own"),
    ],
)
def test_9_the_helper_of_the_file_keeps_the_login(
    home: Home, file: dict[str, Any], helper: str | None
) -> None:
    for name in ("own", "store"):
        home.helper(name, NOT_FOUND.replace("exit 1", "exit 0"))
    home.write(CONFIG, file | {"auths": {"registry.example": entry(password="old")}})
    kept_by = save()
    asked = {name: home.asked(name) for name in ("own", "store")}
    if helper is None:
        assert kept_by == "~/.docker/config.json"
        assert document(home)["auths"] == {"registry.example": entry()}
        assert asked == {"own": [], "store": []}
    else:
        assert kept_by == f"docker-credential-{helper}"
        assert document(home)["auths"] == {"registry.example": {}}  # and not the old password
        [stored] = asked[helper]
        assert json.loads(stored.removeprefix("store ")) == {
            "ServerURL": "registry.example",
            "Username": "robot",
            "Secret": "hunter2",
        }
    erase()
    assert document(home)["auths"] == {}
    if helper is not None:
        assert home.asked(helper)[-1] == "erase registry.example"


def test_3_4_the_helper_knows_docker_hub_by_its_old_name(home: Home) -> None:
    home.helper("store", "exit 0")
    home.write(CONFIG, {"credsStore": "store"})
    save(HUB)
    erase(HUB)
    stored, erased = home.asked("store")
    assert json.loads(stored.removeprefix("store "))["ServerURL"] == "https://index.docker.io/v1/"
    assert erased == "erase https://index.docker.io/v1/"
    assert document(home)["auths"] == {}


def test_9_a_helper_that_refuses_is_an_error_and_no_reason_to_write_a_password(home: Home) -> None:
    home.helper("store", "exit 1")
    path = home.write(CONFIG, {"credsStore": "store"})
    before = path.read_bytes()
    with pytest.raises(CredentialHelperError, match="refused"):
        save()
    assert path.read_bytes() == before


def test_9_a_login_that_the_helper_keeps_is_found_at_once(home: Home) -> None:
    mine = helpers()
    home.helper("store", NOT_FOUND)
    home.write(CONFIG, {"credsStore": "store"})
    assert find_login(REGISTRY, None, helpers=mine) is None
    home.helper("store", answer("robot", "hunter2"))
    docker_config.save(REGISTRY, LOGIN, helpers=mine)
    assert find_login(REGISTRY, None, helpers=mine) == LOGIN
    home.helper("store", NOT_FOUND)
    docker_config.erase(REGISTRY, helpers=mine)
    assert find_login(REGISTRY, None, helpers=mine) is None
