from __future__ import annotations

import base64
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from regnb.core.auth.auth_file import AuthFile, read_auth_file, shown
from regnb.core.auth.logins import Basic, IdentityToken, Login, RegistryToken
from regnb.core.wire.limits import Limits
from regnb.errors import CredentialFileError, CredentialHelperError, CredentialWarning
from tests.core.auth.homes import HUB, NOT_FOUND, REGISTRY, Home, address, answer, entry, helpers


def login(
    document: Any, registry: str, repository: str | None = None, *, namespaces: bool = False
) -> Login | None:
    file = AuthFile("a file", document, namespaces)
    return file.login(address(registry), repository, helpers())


def passwords(*keys: str) -> dict[str, Any]:
    """A file whose passwords are its keys."""
    return {"auths": {key: entry(password=key) for key in keys}}


@pytest.mark.parametrize(
    ("registry", "keys", "found"),
    [
        ("registry.example", ["registry.example"], 0),
        ("registry.example", ["https://registry.example/v2/"], 0),
        ("registry.example", ["http://Registry.Example"], 0),
        ("Registry.Example", ["registry.example"], 0),
        ("registry.example", ["https://registry.example", "registry.example"], 1),  # exact first
        ("registry.example", ["https://registry.example", "REGISTRY.example"], 0),  # else in order
        ("registry.example", ["registry.example:443", "registry.example"], 1),
        ("registry.example:443", ["registry.example:443", "registry.example"], 0),
        ("registry.example:443", ["registry.example"], None),
        ("registry.example", ["registry.example:443"], None),
        ("registry.example:5000", ["registry.example:5001", "registry.example"], None),
        ("registry.example", ["registry.example.evil.example", "sub.registry.example"], None),
        ("docker.io", ["https://index.docker.io/v1/"], 0),
        ("docker.io", ["registry-1.docker.io"], 0),
        ("docker.io", ["index.docker.io"], 0),
        ("registry-1.docker.io", ["docker.io"], 0),
        ("docker.io", ["docker.io", "https://index.docker.io/v1/"], 1),  # as docker login writes
        ("docker.io", ["hub.docker.io", "docker.io:443"], None),
        ("https://h.example/a", ["h.example", "h.example/a"], 1),
        ("https://h.example/a", ["h.example/b", "h.example/ab"], None),
        ("https://h.example/a", ["https://h.example/a/v2/"], 0),
        ("https://h.example/a", ["h.example"], 0),
        ("[::1]:5000", ["[::1]:5000"], 0),
        ("registry.example", [], None),
    ],
)
def test_s22_a_key_speaks_for_its_registry_alone(
    registry: str, keys: list[str], found: int | None
) -> None:
    expected = None if found is None else Basic("robot", keys[found])
    assert login(passwords(*keys), registry) == expected
    assert login(passwords(*keys), registry, "a/b") == expected


@pytest.mark.parametrize(
    ("repository", "keys", "found"),
    [
        ("a/b", ["quay.io", "quay.io/a", "quay.io/a/b"], 2),
        ("a/b", ["quay.io", "quay.io/a"], 1),
        ("a/b", ["quay.io", "quay.io/c"], 0),
        ("a/b", ["quay.io/a/b/c", "quay.io/b"], None),
        ("ab", ["quay.io/a"], None),
        ("b", ["quay.io/a"], None),
        ("a", ["quay.io/ab", "quay.io/A"], None),
        ("a", ["https://quay.io/a/"], 0),
        ("a", ["https://quay.io/v2/"], 0),
        ("a", ["quay.io/v2"], None),  # a namespace of that name
        ("v2/x", ["quay.io/v2"], 0),
        (None, ["quay.io/a", "quay.io"], 1),
        (None, ["quay.io/a"], None),
    ],
)
def test_s22_a_namespace_is_matched_at_slashes(
    repository: str | None, keys: list[str], found: int | None
) -> None:
    expected = None if found is None else Basic("robot", keys[found])
    assert login(passwords(*keys), "quay.io", repository, namespaces=True) == expected


@pytest.mark.parametrize("key", ["quay.io/a", "https://quay.io/a", "quay.io/a/b"])
def test_s22_a_namespace_in_a_file_of_docker_speaks_for_nobody_else(key: str) -> None:
    for repository in (None, "a", "a/b", "b"):
        assert login(passwords(key), "quay.io", repository) is None


def test_3_3_docker_hub_has_namespaces_under_each_of_its_names() -> None:
    file = passwords("docker.io/library", "https://index.docker.io/v1/", "docker.io")
    assert login(file, "docker.io", "library/a", namespaces=True) == Basic(
        "robot", "docker.io/library"
    )
    assert login(file, "docker.io", "other/a", namespaces=True) == Basic("robot", "docker.io")
    file = passwords("index.docker.io/library")
    assert login(file, "docker.io", "library/a", namespaces=True) is not None


KEY = json.dumps({"type": "service_account", "private_key": "-----BEGIN: x\n"})


def encoded(text: str | bytes) -> dict[str, str]:
    raw = text.encode() if isinstance(text, str) else text
    return {"auth": base64.b64encode(raw).decode()}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (encoded("robot:hunter2"), Basic("robot", "hunter2")),
        (encoded("robot:a:b:"), Basic("robot", "a:b:")),
        (encoded("robot:hunter2\0\0"), Basic("robot", "hunter2")),
        (encoded("robot: pass wörd "), Basic("robot", " pass wörd ")),
        (encoded(f"_json_key:{KEY}"), Basic("_json_key", KEY)),
        (encoded("_json_key_base64:e30="), Basic("_json_key_base64", "e30=")),
        (encoded("oauth2accesstoken:ya29.x"), Basic("oauth2accesstoken", "ya29.x")),
        (encoded("robot$team+ci:x$y"), Basic("robot$team+ci", "x$y")),
        (encoded("org+name:x"), Basic("org+name", "x")),
        (encoded("$oauthtoken:x"), Basic("$oauthtoken", "x")),
        (encoded("AWS:x"), Basic("AWS", "x")),
        ({"auth": "cm9ib3Q6\r\naHVudGVyMg==\n"}, Basic("robot", "hunter2")),
        ({"username": "robot", "password": "p:w"}, Basic("robot", "p:w")),
        (encoded("a:b") | {"username": "c", "password": "d"}, Basic("a", "b")),
        ({"auth": "", "username": "c", "password": "d"}, Basic("c", "d")),
        ({"identitytoken": "t"}, IdentityToken("t")),
        (
            encoded("00000000-0000-0000:") | {"identitytoken": "t"},
            IdentityToken("t", username="00000000-0000-0000"),
        ),
        ({"username": "a", "identitytoken": "t"}, IdentityToken("t", username="a")),
        (encoded("<token>:x") | {"identitytoken": "t"}, IdentityToken("t")),
        (encoded("<token>:t"), IdentityToken("t")),
        ({"username": "<token>", "password": "t"}, IdentityToken("t")),
        ({"registrytoken": "t"}, RegistryToken("t")),
        (encoded("a:b") | {"registrytoken": "t", "identitytoken": "u"}, RegistryToken("t")),
        ({}, None),
        (None, None),
        ({"auth": ""}, None),
        ({"auth": None, "email": "me@example.com"}, None),
    ],
)  # fmt: skip
def test_3_3_b_a17_what_an_entry_holds(written: Any, found: Login | None) -> None:
    got = login({"auths": {"registry.example": written}}, "registry.example")
    assert got == found
    assert got is None or got.source == "a file"


@pytest.mark.parametrize(
    "written",
    [
        encoded("hunter2"),
        encoded("hunter2:"),
        encoded(":hunter2"),
        encoded(b"hunter2:\xff"),
        encoded("hunter2:\0"),
        {"auth": "hunter2:hunter2"},
        {"auth": "hünter2"},
        {"auth": "cm9ib3Q6*aHVudGVyMg=="},
        {"auth": "aHVudGVyMjp4eA"},  # without its padding
        {"username": "hunter2"},
        {"password": "hunter2"},
        {"username": "hunter2:", "password": "x"},
        {"registrytoken": "hunter2\r\nX: y"},
    ],
)
def test_3_3_what_is_no_login_is_passed_over_with_a_warning(written: Any, home: Home) -> None:
    home.helper("x", answer("robot", "kept"))
    file = {"auths": {"registry.example": written, "other.example": entry()}}
    with pytest.warns(CredentialWarning, match=r"registry\.example in a file") as caught:
        assert login(file, "registry.example") is None
    assert "hunter2" not in str(caught[0].message)
    with pytest.warns(CredentialWarning):
        assert login(file | {"credsStore": "x"}, "registry.example") == Basic("robot", "kept")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert login(file, "other.example") == Basic("robot", "hunter2")


def test_3_3_the_order_within_a_file(home: Home) -> None:
    for name in ("own", "store"):
        home.helper(name, answer("robot", f"from {name}"))
    file: dict[str, Any] = {"auths": {"registry.example": entry(password="from auths")}}
    file |= {"credHelpers": {"registry.example": "own"}, "credsStore": "store"}
    assert login(file, "registry.example") == Basic("robot", "from own")
    assert home.asked("store") == []
    home.helper("own", NOT_FOUND)
    assert login(file, "registry.example") == Basic("robot", "from auths")
    assert home.asked("store") == []
    del file["credHelpers"]
    assert login(file, "registry.example") == Basic("robot", "from auths")
    file["auths"] = {"registry.example": {}}
    assert login(file, "registry.example") == Basic("robot", "from store")
    del file["auths"]
    assert login(file, "registry.example") == Basic("robot", "from store")
    home.helper("store", NOT_FOUND)
    assert login(file, "registry.example") is None


def test_3_3_an_empty_helper_keeps_a_registry_out_of_the_store(home: Home) -> None:
    home.helper("store", answer("robot", "from store"))
    file = {"credHelpers": {"registry.example": ""}, "credsStore": "store"}
    assert login(file, "registry.example") is None
    assert login(file, "other.example") == Basic("robot", "from store")


@pytest.mark.parametrize("file", [{"credHelpers": {"registry.example": "x"}}, {"credsStore": "x"}])
@pytest.mark.parametrize("script", ["exit 1", None])
def test_3_3_a_failing_helper_of_this_registry_is_an_error(
    home: Home, file: dict[str, Any], script: str | None
) -> None:
    if script:
        home.helper("x", script)
    file = file | {"auths": {"registry.example": {}}}
    with pytest.raises(CredentialHelperError, match="which a file names"):
        login(file, "registry.example")


def test_3_3_a_failing_helper_of_another_registry_is_none(home: Home) -> None:
    home.helper("x", "exit 1")
    file = {"credHelpers": {"other.example": "x", "registry.example.evil.example": "x"}}
    assert login(file, "registry.example") is None
    assert home.asked("x") == []


@pytest.mark.parametrize(
    ("registry", "key", "servers"),
    [
        ("registry.example", "https://registry.example/v2/", ["registry.example"]),
        ("registry.example:5000", "registry.example:5000", ["registry.example:5000"]),
        ("docker.io", "https://index.docker.io/v1/", ["https://index.docker.io/v1/"]),
        ("docker.io", "docker.io", ["https://index.docker.io/v1/"]),
        ("index.docker.io", "index.docker.io", ["https://index.docker.io/v1/"]),
        ("https://h.example/a", "h.example", ["h.example/a", "h.example"]),
    ],
)
def test_3_4_a_helper_is_asked_by_the_name_that_docker_uses(
    home: Home, registry: str, key: str, servers: list[str]
) -> None:
    home.helper("x", NOT_FOUND)
    login({"credHelpers": {key: "x"}}, registry)
    assert home.asked("x") == [f"get {server}" for server in servers]


def read(path: Path, **options: Any) -> AuthFile | None:
    return read_auth_file(path, limits=Limits(), **options)


def test_3_3_a_missing_file_is_none(home: Home) -> None:
    assert read(home.path / "nowhere.json") is None
    assert read(home.path / "no folder" / "config.json") is None
    assert read(home.write("file", "x") / "config.json") is None
    (home.path / "link").symlink_to("nowhere")
    assert read(home.path / "link") is None


@pytest.mark.parametrize("text", ["", " \n", "{}", '{"auths": null}', '{"credHelpers": null}'])
def test_3_3_an_empty_file_holds_nothing(home: Home, text: str) -> None:
    file = read(home.write("config.json", text))
    assert file is not None
    assert file.login(REGISTRY, None, helpers()) is None


MALFORMED = [
    "hunter2",
    '"hunter2"',
    '["hunter2"]',
    '{"auths": "hunter2"}',
    '{"auths": ["hunter2"]}',
    '{"auths": {"registry.example": "hunter2"}}',
    '{"auths": {"other.example": {"auth": ["hunter2"]}}}',
    '{"auths": {"registry.example": {"identitytoken": 5}}}',
    '{"credHelpers": "hunter2"}',
    '{"credHelpers": {"registry.example": {"hunter2": 1}}}',
    '{"credsStore": ["hunter2"]}',
    '{"auths": {}, "auths": {"hunter2": {}}}',
    '{"auths": {"hunter2": {}}',
    '{"x": NaN, "hunter2": 1}',
    '{"x": "\\ud800 hunter2"}',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", MALFORMED)
def test_3_3_a_malformed_file_is_an_error_that_names_it_and_not_its_content(
    home: Home, text: str
) -> None:
    path = home.write(".docker/config.json", text)
    with pytest.raises(CredentialFileError, match=r"^~/\.docker/config\.json is malf") as caught:
        read(path)
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value, PermissionError)


def test_3_3_a_file_that_is_not_utf8_is_malformed(home: Home) -> None:
    path = home.write("config.json", "")
    path.write_bytes(b'{"hunter2\xff": 1}')
    with pytest.raises(CredentialFileError, match="is malformed"):
        read(path)


def test_s9_a_file_is_bounded(home: Home) -> None:
    path = home.write("config.json", '{"x": "' + "y" * 991 + '"}')
    assert read_auth_file(path, limits=Limits(auth_file=1000)) is not None
    with pytest.raises(CredentialFileError, match="has more than 999 bytes"):
        read_auth_file(path, limits=Limits(auth_file=999))
    with pytest.raises(CredentialFileError, match="has more than 1,048,576 bytes"):
        read(Path("/dev/zero"))


def test_3_3_a_file_that_cannot_be_read_is_an_error(home: Home) -> None:
    (home.path / "config.json").mkdir()
    with pytest.raises(CredentialFileError, match="cannot be read: Is a directory"):
        read(home.path / "config.json")


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that everybody may enter, seen by a user who owns nothing."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else for a while")
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        os.seteuid(0)


def test_3_3_a_file_that_is_closed_to_this_user_is_an_error(nobody: Path) -> None:
    (nobody / "auth.json").touch(0o600)
    os.seteuid(65534)
    with pytest.raises(CredentialFileError, match="cannot be read: Permission denied"):
        read(nobody / "auth.json")


def test_3_3_what_lies_in_a_folder_that_is_closed_to_this_user_is_none(nobody: Path) -> None:
    (nobody / "containers").mkdir(0o700)
    (nobody / "containers" / "auth.json").touch()
    os.seteuid(65534)
    assert read(nobody / "containers" / "auth.json") is None


def test_3_3_the_oldest_file_is_flat(home: Home) -> None:
    path = home.write(".dockercfg", {"https://index.docker.io/v1/": entry() | {"email": "x"}})
    file = read(path, flat=True)
    assert file is not None
    assert file.login(HUB, None, helpers()) == Basic("robot", "hunter2")
    path.write_text('["hunter2"]')
    with pytest.raises(CredentialFileError, match="malformed"):
        read(path, flat=True)


def test_s16_a_file_shows_only_where_it_is(home: Home) -> None:
    path = home.write(".docker/config.json", {"auths": {"registry.example": entry()}})
    file = read(path)
    assert repr(file) == "AuthFile('~/.docker/config.json')"


def test_paths_are_shown_from_the_home_folder(home: Home) -> None:
    assert shown(home.path / "x") == "~/x"
    assert shown(Path(f"{home.path}-other/x")) == f"{home.path}-other/x"
    assert shown(Path("/run/a\x1b[31m\n")) == "/run/a [31m"
