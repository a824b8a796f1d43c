"""Logins: the kinds of credentials that a registry takes. None of them is ever shown or pickled."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import NoReturn

from regnb.core.wire.secret import Secret

TOKEN_USER = "<token>"
"""The user name by which auth files and helpers say that the password is an identity token."""

# Half a surrogate pair: what no encoding carries.
_UNSENDABLE = re.compile(r"[\ud800-\udfff]")
_VISIBLE = re.compile(r"[!-~]+")


class Login:
    """Some credentials: shows nothing of them, and refuses to be pickled (S16).

    Attributes:
        source: where they were found, in words that a message may show; no part of the identity.
    """

    __slots__ = ()

    source: str

    def __repr__(self) -> str:
        """Three stars."""
        return f"{type(self).__name__}(***)"

    def __reduce__(self) -> NoReturn:
        """Refuse."""
        raise TypeError("Credentials are not pickled; pass them again where they are needed.")


@dataclass(frozen=True, slots=True, repr=False)
class Basic(Login):
    """A user name and a password.

    Raises:
        ValueError: one of them is missing, the name has a colon, or one is no whole Unicode text.
    """

    username: str
    password: str
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse what the scheme cannot carry (RFC 7617)."""
        if not self.username or not self.password or ":" in self.username:
            raise ValueError("username and password go together, and the name has no colon.")
        if _UNSENDABLE.search(self.username) or _UNSENDABLE.search(self.password):
            raise ValueError("username and password must be Unicode text.")

    def header(self) -> Secret:
        """The value of an ``Authorization`` header."""
        pair = f"{self.username}:{self.password}".encode()
        return Secret("Basic " + base64.b64encode(pair).decode("ascii"))


@dataclass(frozen=True, slots=True, repr=False)
class IdentityToken(Login):
    """A refresh token: exchanged for access tokens at the registry's token service (B-A17).

    Attributes:
        token: sent to the token service only.
        source: as for any login.
        username: where it is known; token services that take no refresh tokens take both together
            as name and password (W-A8).

    Raises:
        ValueError: the token is empty, the name has a colon, or one is no whole Unicode text.
    """

    token: str
    source: str = field(default="", compare=False)
    username: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what no form can carry, and names that `Basic` refuses."""
        if not self.token or _UNSENDABLE.search(self.token + self.username):
            raise ValueError("An identity token is Unicode text.")
        if ":" in self.username:
            raise ValueError("A user name has no colon.")


@dataclass(frozen=True, slots=True, repr=False)
class RegistryToken(Login):
    """A bearer token that is sent to the registry as it is (B-A17).

    Raises:
        ValueError: the token holds what no header can carry (S20).
    """

    token: str
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse spaces, controls and everything beyond ASCII."""
        if not _VISIBLE.fullmatch(self.token):
            raise ValueError("A registry token is visible ASCII without spaces.")

    def header(self) -> Secret:
        """The value of an ``Authorization`` header."""
        return Secret(f"Bearer {self.token}")


def login_with(username: str, secret: str, *, source: str) -> Basic | IdentityToken:
    """A password, or the identity token that the user name ``<token>`` announces (B-A17).

    Raises:
        ValueError: they make no login; the message holds neither.
    """
    if username == TOKEN_USER:
        return IdentityToken(secret, source)
    return Basic(username, secret, source)
