"""Credentials: the places that a login may come from, in their order; the first one counts.

1. a login made by `regnb.login` in this process;
2. ``REGNB_USERNAME`` and ``REGNB_PASSWORD``, for the registry in ``REGNB_REGISTRY`` alone;
3. ``DOCKER_AUTH_CONFIG``, the text of a Docker file; then the file in ``REGISTRY_AUTH_FILE``;
4. ``$DOCKER_CONFIG/config.json``, by default ``~/.docker/config.json``;
5. ``$XDG_RUNTIME_DIR/containers/auth.json``, by default ``/run/containers/<uid>/auth.json``;
6. ``$XDG_CONFIG_HOME/containers/auth.json``, by default ``~/.config/containers/auth.json``;
7. ``~/.dockercfg``.

Nothing is merged: what the first place says is the login. A place that is set up but broken is an
error and not a reason to go on, since asking without the login that somebody meant to use would
only mislead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from regnb.core.auth import store
from regnb.core.auth.auth_file import AuthFile, parse_auth_text, read_auth_file
from regnb.core.auth.helper import HELPERS, Helpers
from regnb.core.auth.keys import normal, registry_keys, server
from regnb.core.auth.logins import Login, login_with
from regnb.core.wire.address import Address
from regnb.core.wire.limits import Limits
from regnb.core.wire.secret import Secret
from regnb.errors import CredentialError

Given = Callable[[], Login | tuple[str, str] | None]
"""What a caller may give in place of credentials: a function that has them, or None."""


def finder(
    address: Address,
    *,
    username: str | None = None,
    password: str | None = None,
    credentials: Given | None = None,
) -> Callable[[str | None], Login | None]:
    """How to find the login for a repository of a registry: what was given, else what is set up.

    Args:
        address: of the registry.
        username: given by the caller.
        password: goes with it.
        credentials: called every time that the registry refuses; None from it means nobody.

    Raises:
        ValueError: the user name and password make no login, or are given in two ways.
    """
    if username is None and password is None:
        if credentials is None:
            return partial(find_login, address)
        return lambda _: _from_function(credentials)
    if credentials is not None:
        raise ValueError("Give username and password, or credentials, not both.")
    login = login_with(username or "", password or "", source="the arguments")
    return lambda _: login


def _from_function(credentials: Given) -> Login | None:
    found = credentials()
    if found is None or isinstance(found, Login):
        return found
    return login_with(*found, source="the credentials function")


def find_login(
    address: Address, repository: str | None, *, helpers: Helpers = HELPERS
) -> Login | None:
    """The login for a repository of a registry (None: for the registry itself), if there is one.

    No request; reads some small files, and runs a credential helper where one of them names it.

    Warns:
        CredentialWarning: an entry cannot be understood, and is passed over.

    Raises:
        CredentialError: credentials are set up for this registry but cannot be had.
    """
    for login in _logins(address, repository, helpers):
        if login is not None:
            return login
    return None


def forget(address: Address, *, helpers: Helpers = HELPERS) -> None:
    """Ask the helpers again for a registry: it says that the credentials they gave expired."""
    for key in registry_keys(address):
        helpers.forget(server(key))


def docker_config() -> Path | None:
    """Docker's own file, whether it exists or not; None where there is no home folder."""
    folder = os.environ.get("DOCKER_CONFIG")
    return Path(folder, "config.json") if folder else _at_home(".docker", "config.json")


def _logins(address: Address, repository: str | None, helpers: Helpers) -> Iterator[Login | None]:
    yield store.recall(address)
    yield _from_variables(address)
    for auth_file in _auth_files(helpers.limits):
        if auth_file is not None:
            yield auth_file.login(address, repository, helpers)


def _from_variables(address: Address) -> Login | None:
    if normal(_variable("REGNB_REGISTRY").strip()) not in registry_keys(address):
        return None
    if not _variable("REGNB_USERNAME") and not _variable("REGNB_PASSWORD"):
        return None
    source = "REGNB_USERNAME and REGNB_PASSWORD"
    try:
        return login_with(_variable("REGNB_USERNAME"), _variable("REGNB_PASSWORD"), source=source)
    except ValueError:  # raised below: its frames hold the password
        pass
    raise CredentialError(
        f"{source} make no login: both are needed, as Unicode text, and a user name has no colon. "
        "Correct or unset them."
    )


def _variable(name: str) -> Secret:
    return Secret(os.environ.get(name, ""))


def _auth_files(limits: Limits) -> Iterator[AuthFile | None]:
    """The files in their order, each read when its turn comes."""
    if text := _variable("DOCKER_AUTH_CONFIG"):
        yield parse_auth_text(text, "DOCKER_AUTH_CONFIG", limits=limits)
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield read_auth_file(Path(named), limits=limits, namespaces=True)
    if path := docker_config():
        yield read_auth_file(path, limits=limits)
    for path in (_runtime_auth_json(), _config_auth_json()):
        if path:
            yield read_auth_file(path, limits=limits, namespaces=True)
    if path := _at_home(".dockercfg"):
        yield read_auth_file(path, limits=limits, flat=True)


def _runtime_auth_json() -> Path | None:
    if folder := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(folder, "containers", "auth.json")
    if os.name == "nt":
        return None
    return Path("/run/containers", str(os.getuid()), "auth.json")


def _config_auth_json() -> Path | None:
    if folder := os.environ.get("XDG_CONFIG_HOME"):
        return Path(folder, "containers", "auth.json")
    return _at_home(".config", "containers", "auth.json")


def _at_home(*parts: str) -> Path | None:
    home = os.path.expanduser("~")
    # Without one it stays "~", which is no place to take a password from.
    return Path(home, *parts) if os.path.isabs(home) else None
