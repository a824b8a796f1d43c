"""Docker's config.json, written to as ``docker login`` and ``docker logout`` do."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from regnb.core.auth.auth_file import CREDENTIAL_FIELDS, AuthFile, read_auth_file, shown
from regnb.core.auth.credentials import docker_config
from regnb.core.auth.helper import HELPERS, Helpers, Kept
from regnb.core.auth.keys import normal, registry_keys, server
from regnb.core.auth.logins import TOKEN_USER, IdentityToken
from regnb.core.wire.address import Address
from regnb.core.wire.secret import Secret
from regnb.errors import CredentialFileError

_changing = threading.Lock()


def save(address: Address, login: Kept, *, helpers: Helpers = HELPERS) -> str:
    """Keep a login for later processes and other tools.

    Where the file names a helper for the registry, the helper keeps it and the file says so;
    otherwise it is in the file, readable by its owner alone.

    Returns:
        What keeps it now, in words: the helper or the file.

    Raises:
        CredentialFileError: the file is malformed, or cannot be read or written.
        CredentialHelperError: the helper is missing or refuses.
    """
    with _changing:
        path = _path()
        auth_file = _read(path, helpers)
        key = server(registry_keys(address)[0])
        helper = _helper(auth_file, address)
        if helper:
            helpers.store(helper, key, login, named_by=auth_file.source)
        _enter(auth_file.document, key, None if helper else login)
        _write(path, auth_file)
    return f"docker-credential-{helper}" if helper else auth_file.source


def erase(address: Address, *, helpers: Helpers = HELPERS) -> None:
    """Keep no login for a registry any more, in the file or in the helper that it names.

    What is kept for another registry, or for a prefix or namespace of this one, stays.

    Raises:
        CredentialFileError: the file is malformed, or cannot be read or written.
        CredentialHelperError: the helper is missing or refuses.
    """
    with _changing:
        path = _path()
        auth_file = _read(path, helpers)
        key = registry_keys(address)[0]
        if _remove(auth_file.document, key):
            _write(path, auth_file)
        if helper := _helper(auth_file, address):
            helpers.erase(helper, server(key), named_by=auth_file.source)


def _path() -> Path:
    path = docker_config()
    if path is None:
        raise CredentialFileError("There is no home folder to keep logins in. Set DOCKER_CONFIG.")
    return path


def _read(path: Path, helpers: Helpers) -> AuthFile:
    return read_auth_file(path, limits=helpers.limits) or AuthFile(shown(path), {})


def _helper(auth_file: AuthFile, address: Address) -> str:
    own = auth_file.own_helper(address)
    return (auth_file.store if own is None else own) or ""


def _enter(document: dict[str, Any], key: str, login: Kept | None) -> None:
    """Set the entry of a registry; None means that the store has its login."""
    auths = document.get("auths") or {}
    old = auths.get(key) or {}
    entry = {name: value for name, value in old.items() if name not in CREDENTIAL_FIELDS}
    if isinstance(login, IdentityToken):
        # The pair without a password is what other tools expect beside a token.
        entry |= {"auth": _encoded(TOKEN_USER, ""), "identitytoken": login.token}
    elif login is not None:
        entry |= {"auth": _encoded(login.username, login.password)}
    document["auths"] = {**auths, key: entry}


def _remove(document: dict[str, Any], key: str) -> bool:
    """Drop every entry that means a registry, however it is spelled; whether there was one."""
    auths = document.get("auths") or {}
    kept = {spelling: entry for spelling, entry in auths.items() if normal(spelling) != key}
    if len(kept) == len(auths):
        return False
    document["auths"] = kept
    return True


def _encoded(username: str, password: str) -> Secret:
    return Secret(base64.b64encode(f"{username}:{password}".encode()).decode("ascii"))


def _write(path: Path, auth_file: AuthFile) -> None:
    """Replace the file at once or not at all; a link to it stays a link."""
    trouble = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(Path(os.path.realpath(path)), auth_file)
    except OSError as error:
        trouble = str(error.strerror)
    if trouble:
        raise CredentialFileError(f"{auth_file.source} cannot be written: {trouble}.")


def _replace(path: Path, auth_file: AuthFile) -> None:
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(auth_file.document, file, indent="\t", ensure_ascii=False)
            file.flush()
            os.fsync(number)
        _keep_owner(path, name)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    _settle(path.parent)


def _keep_owner(path: Path, name: str) -> None:
    # Else root, in a container say, would lock people out of their own file.
    if os.name != "nt" and path.exists():
        before = path.stat()
        with suppress(PermissionError):
            os.chown(name, before.st_uid, before.st_gid)


def _settle(folder: Path) -> None:
    """Have the new name survive a power cut, where the system can."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
