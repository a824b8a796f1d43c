"""Logging in and out: credentials for a registry, for this process or for later ones too."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from getpass import GetPassWarning, getpass

from regnb.client.client import Client
from regnb.client.connecting import connect
from regnb.core.auth import docker_config, store
from regnb.core.auth.credentials import find_login
from regnb.core.auth.logins import Basic, IdentityToken, Login, login_with
from regnb.core.registry import Registry
from regnb.core.wire.secret import Secret
from regnb.errors import AuthenticationRequiredError, printable
from regnb.model.reference import DOCKER_HUB
from regnb.progress import in_kernel


def login(
    registry: str | Client = DOCKER_HUB,
    username: str | None = None,
    password: str | None = None,
    *,
    persist: bool = False,
) -> None:
    """Log in to a registry, so that every client of it in this process is logged in from now on.

    The first of these that there is counts: the arguments; an earlier login of this process;
    `REGNB_USERNAME` and `REGNB_PASSWORD`, where `REGNB_REGISTRY` names this registry; what
    ``docker login`` or ``podman login`` left; and last, whoever sits in front of the screen is
    asked. Credentials that the registry refuses are not kept. It costs one to three requests. A
    registry that asks nobody who he is takes any credentials.

    Args:
        registry: its address, or a client of it where it needs more than that to connect.
        username: your name there.
        password: goes with it; an access token is a password to most registries. Where only this
            is missing, it is asked for.
        persist: keep the credentials for other processes and tools too, as ``docker login`` does:
            with the credential helper that Docker's config.json names, else in that file.

    Raises:
        AuthenticationRequiredError: there are no credentials and nobody who could be asked, or the
            registry refuses them.
        CredentialError: credentials are set up on this machine and cannot be had or kept.
        ValueError: `username` has a colon, or there is a password without it; or this is a folder
            or file.
        RegistryError: the registry could not be asked.
    """
    core = _core(registry)
    found = _accepted(core, _offers(core, username, password))
    if isinstance(found, Basic | IdentityToken):
        store.remember(core.address, found)
        if persist:
            docker_config.save(core.address, found)


def logout(registry: str | Client = DOCKER_HUB, *, persist: bool = False) -> None:
    """Forget a login made by `login`. No request.

    What ``docker login`` left counts again from then on, unless `persist` is set.

    Args:
        registry: its address, or a client of it.
        persist: take the login out of Docker's config.json, or the helper that it names, too.

    Raises:
        CredentialError: it cannot be taken out there.
    """
    address = _core(registry).address
    store.forget(address)
    if persist:
        docker_config.erase(address)


def _core(registry: str | Client) -> Registry:
    core = (registry if isinstance(registry, Client) else connect(registry)).core
    if not isinstance(core, Registry):
        raise ValueError(f"{printable(core.url)} is on disk: only a registry has logins.")
    return core


def _offers(core: Registry, username: str | None, password: str | None) -> Iterator[Login]:
    """Credentials to try, each found when those before it were refused."""
    if username is not None or password is not None:
        if username and password is None:
            password = _ask(core, username)[1]
        yield login_with(username or "", password or "", source="login")
        return
    if (found := find_login(core.address, None)) is not None:
        yield found
    yield login_with(*_ask(core, None), source="login")


def _accepted(core: Registry, offers: Iterator[Login]) -> Login:
    """The first of the offers that the registry takes."""
    refusal: AuthenticationRequiredError | None = None
    try:
        for offer in offers:
            refusal = _refusal(core, offer)
            if refusal is None:
                return offer
    except AuthenticationRequiredError as nobody:
        refusal = refusal or nobody
    assert refusal is not None  # there is at least one offer, or nobody to make one
    raise refusal


def _refusal(core: Registry, offer: Login) -> AuthenticationRequiredError | None:
    with core.with_credentials(lambda: offer) as trial:
        try:
            trial.ping()
        except AuthenticationRequiredError as error:
            return error
    return None


def _ask(core: Registry, username: str | None) -> tuple[str, Secret]:
    """Ask whoever sits in front of the screen."""
    try:
        if in_kernel() or sys.stdin.isatty():
            name = username or input(f"User name for {core.name}: ")
            with warnings.catch_warnings():
                warnings.simplefilter("error", GetPassWarning)  # it would show what is typed
                return name, Secret(getpass(f"Password of {name} for {core.name}: "))
    except (EOFError, NotImplementedError, GetPassWarning):
        pass  # a notebook that runs by itself has nobody to ask
    raise AuthenticationRequiredError(
        f"There are no credentials for {core.name}, and nobody who could be asked. Pass a user "
        "name and a password; or set REGNB_REGISTRY, REGNB_USERNAME and REGNB_PASSWORD; or log in "
        "with docker login or podman login first."
    )
