"""AuthFile: one file in which Docker or the container tools keep logins."""

from __future__ import annotations

import base64
import errno
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnb.core.auth.helper import Helpers
from regnb.core.auth.keys import namespace_keys, normal, registry_keys, server
from regnb.core.auth.logins import TOKEN_USER, IdentityToken, Login, RegistryToken, login_with
from regnb.core.wire.address import Address
from regnb.core.wire.limits import Limits
from regnb.core.wire.secret import Secret
from regnb.errors import CredentialFileError, CredentialWarning, printable
from regnb.model.strict_json import loads

CREDENTIAL_FIELDS = ("auth", "username", "password", "identitytoken", "registrytoken")
"""The members of an entry below ``auths`` that hold credentials."""


@dataclass(frozen=True, slots=True, repr=False)
class AuthFile:
    """What one file says. Shows nothing of it (S16).

    Attributes:
        source: what messages call the file.
        document: the file's JSON object.
        namespaces: whether keys may name a namespace of a registry, as those of the container
            tools do and Docker's do not.
    """

    source: str
    document: dict[str, Any]
    namespaces: bool = False

    def __repr__(self) -> str:
        """Where it is."""
        return f"AuthFile({self.source!r})"

    def login(self, address: Address, repository: str | None, helpers: Helpers) -> Login | None:
        """The login for a repository (None: for the registry itself), if the file leads to one.

        The registry's own helper in ``credHelpers`` comes first, then ``auths``, then
        ``credsStore``, which an empty entry in ``auths`` stands for as well.

        Warns:
            CredentialWarning: the entry in ``auths`` cannot be understood, and is passed over.

        Raises:
            CredentialHelperError: a helper that the file names for this registry fails.
        """
        own = self.own_helper(address)
        login = self._ask(own, address, helpers) or self._entered(address, repository)
        # Docker's way to keep one registry out of the store is an empty name in credHelpers.
        if login is None and own != "":
            login = self._ask(self.store, address, helpers)
        return login

    @property
    def store(self) -> str | None:
        """The helper of all registries that have none of their own."""
        return self.document.get("credsStore")

    def own_helper(self, address: Address) -> str | None:
        """The helper of this registry alone; empty where the file says that it has none."""
        found = self._look_up("credHelpers", registry_keys(address))
        return found if isinstance(found, str) else None

    def _ask(self, helper: str | None, address: Address, helpers: Helpers) -> Login | None:
        if not helper:
            return None
        keys = registry_keys(address)
        given = (helpers.get(helper, server(key), named_by=self.source) for key in keys)
        return next((login for login in given if login is not None), None)

    def _entered(self, address: Address, repository: str | None) -> Login | None:
        keys = namespace_keys(address, repository) if self.namespaces else registry_keys(address)
        login, understood = _login(self._look_up("auths", keys), self.source)
        if not understood:
            warnings.warn(
                f"The login for {printable(address.name, 200)} in {self.source} is not the base64 "
                "form of user:password, and was passed over. Log in again to replace it.",
                CredentialWarning,
                stacklevel=2,
            )
        return login

    def _look_up(self, section: str, keys: tuple[str, ...]) -> Any:
        """The value of the first of these keys that the section has, however it is spelled."""
        values = self.document.get(section) or {}
        for key in keys:
            # Where two spellings mean one registry, the one that the tool itself writes counts.
            exact = (key, server(key)) if self.namespaces else (server(key), key)
            for spelling in (*exact, *(other for other in values if normal(other) == key)):
                if spelling in values:
                    return values[spelling]
        return None


def read_auth_file(
    path: Path, *, limits: Limits, namespaces: bool = False, flat: bool = False
) -> AuthFile | None:
    """Read one file; None where there is none, or none to be seen from here.

    Args:
        path: where it is.
        limits: `Limits.auth_file` bounds it.
        namespaces: whether it is one of the container tools, whose keys may name namespaces.
        flat: whether the whole document is what others have below ``auths``.

    Raises:
        CredentialFileError: it cannot be read, or is malformed.
    """
    # Nor in a folder that is closed to this user, as the container tools leave one below /run.
    if not os.path.exists(path):
        return None
    source = shown(path)
    return AuthFile(source, _parsed(source, lambda: _read(path, limits), flat=flat), namespaces)


def parse_auth_text(text: Secret, source: str, *, limits: Limits) -> AuthFile:
    """Understand the text of a file in Docker's form that is kept elsewhere than in a file.

    Raises:
        CredentialFileError: it is malformed.
    """
    return AuthFile(source, _parsed(source, lambda: _bounded(os.fsencode(text), limits)))


def shown(path: Path) -> str:
    """A path as messages show it: below the home folder it begins with ``~``."""
    text, home = str(path), os.path.expanduser("~")
    inside = os.path.isabs(home) and text.startswith(home.rstrip("/") + os.sep)
    return printable("~" + text[len(home.rstrip("/")) :] if inside else text)


def _read(path: Path, limits: Limits) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(limits.auth_file + 1), limits)


def _bounded(raw: bytes, limits: Limits) -> bytes:
    if len(raw) > limits.auth_file:
        raise OSError(errno.EFBIG, f"it has more than {limits.auth_file:,} bytes")
    return raw


def _parsed(source: str, read: Callable[[], bytes], *, flat: bool = False) -> dict[str, Any]:
    try:
        return _document(read(), flat=flat)
    except OSError as error:
        trouble = f"cannot be read: {error.strerror}"
    except ValueError:  # whose text and frames hold some of the file's
        trouble = "is malformed: it must be JSON, in the form that docker login writes"
    raise CredentialFileError(f"{source} {trouble}. Correct it, or pass username= and password=.")


def _document(raw: bytes, *, flat: bool) -> dict[str, Any]:
    """The document of a file, of which every part that is ever read has the right form."""
    document = loads(raw) if raw.strip() else {}
    document = {"auths": document} if flat else document
    if not isinstance(document, dict):
        raise ValueError("no object")
    auths, named = document.get("auths") or {}, document.get("credHelpers") or {}
    if not isinstance(auths, dict) or not isinstance(named, dict):
        raise ValueError("a section is no object")
    texts = [document.get("credsStore"), *named.values()]
    for entry in auths.values():
        if not isinstance(entry, dict | None):
            raise ValueError("an entry is no object")
        texts += [(entry or {}).get(field) for field in CREDENTIAL_FIELDS]
    if not all(isinstance(text, str | None) for text in texts):
        raise ValueError("a value is no text")
    return document


def _login(entry: dict[str, Any] | None, source: str) -> tuple[Login | None, bool]:
    """The login of an entry, None where it is empty; and whether the entry was understood."""
    field = (entry or {}).get
    try:
        if token := field("registrytoken"):
            return RegistryToken(token, source), True
        if token := field("identitytoken"):
            return IdentityToken(token, source, username=_username(entry)), True
        if auth := field("auth"):
            return login_with(*_pair(auth), source=source), True
        if field("username") or field("password"):
            return login_with(field("username") or "", field("password") or "", source=source), True
    except ValueError:
        return None, False
    return None, True


def _username(entry: dict[str, Any] | None) -> str:
    """The name beside an identity token, or nothing."""
    field = (entry or {}).get
    username = _pair(auth)[0] if (auth := field("auth")) else field("username") or ""
    return "" if username == TOKEN_USER else username


def _pair(auth: str) -> tuple[str, str]:
    """User and password, parted at the first colon: a password may hold others."""
    text = base64.b64decode("".join(auth.split()), validate=True).decode("utf-8")
    username, colon, password = text.partition(":")
    if not colon:
        raise ValueError("no colon")
    return username, password.rstrip("\0")
