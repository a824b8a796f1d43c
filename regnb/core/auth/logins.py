"""Logins: the kinds of credentials that a registry takes. None of them is ever shown or pickled."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import NoReturn

from regnb.core.wire.secret import Secret


class Login:
    """Some credentials: shows nothing of them, and refuses to be pickled (S16)."""

    __slots__ = ()

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
        ValueError: one of them is missing, or the name has a colon.
    """

    username: str
    password: str

    def __post_init__(self) -> None:
        """Refuse what the scheme cannot carry (RFC 7617)."""
        if not self.username or not self.password or ":" in self.username:
            raise ValueError("username and password go together, and the name has no colon.")

    def header(self) -> Secret:
        """The value of an ``Authorization`` header."""
        pair = f"{self.username}:{self.password}".encode()
        return Secret("Basic " + base64.b64encode(pair).decode("ascii"))


@dataclass(frozen=True, slots=True, repr=False)
class IdentityToken(Login):
    """A refresh token: exchanged for access tokens at the registry's token service (B-A17)."""

    token: str


@dataclass(frozen=True, slots=True, repr=False)
class RegistryToken(Login):
    """A bearer token that is sent to the registry as it is (B-A17)."""

    token: str

    def header(self) -> Secret:
        """The value of an ``Authorization`` header."""
        return Secret(f"Bearer {self.token}")
