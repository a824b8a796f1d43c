"""Tokens in the form that the distribution registry checks: signed JWTs that list accesses.

Seen in a run of 2.8.2: it finds the key by the header ``x5c`` (as here), ``jwk`` or ``kid``, takes
ES256 and RS256, wants ``aud`` to be one text and all times to be whole seconds, and goes on taking
a token for a minute after its ``exp``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import jwt

from tests.servers.certificates import Authority

LEEWAY = 60  # seconds
_ACCESS = re.compile(r"([a-z]+(?:\([a-z]+\))?):(.+):([^:]*)")
_ARMOR = re.compile(r"-----[A-Z ]+-----|\s")


@dataclass(frozen=True, slots=True)
class Access:
    """What may be done with one thing: ``repository:team/app:pull,push`` in a scope."""

    kind: str
    name: str
    actions: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """One part of a scope.

        Raises:
            ValueError: it has no such form.
        """
        found = _ACCESS.fullmatch(text)
        if found is None:
            raise ValueError(f"not an access: {text!r}")
        return cls(found[1], found[2], tuple(found[3].split(",")))

    def only(self, actions: Collection[str]) -> Self:
        """The part of this access that is among `actions`."""
        return replace(self, actions=tuple(each for each in self.actions if each in actions))

    def claim(self) -> dict[str, Any]:
        """As a token lists it."""
        return {"type": self.kind, "name": self.name, "actions": list(self.actions)}

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


class Signer:
    """Signs tokens.

    Attributes:
        issuer: how it calls itself.
        bundle: the certificate, in PEM, by which a registry knows its signatures.
    """

    issuer = "tokens of the tests"

    def __init__(self, folder: Path) -> None:
        """Make one whose key is written into `folder`."""
        authority = Authority(folder)
        certificate = authority.client("tokens")
        self.bundle = authority.bundle
        self._key = certificate.key.read_text()
        self._headers = {"x5c": [_ARMOR.sub("", certificate.chain.read_text())]}

    def sign(self, accesses: Iterable[Access], *, service: str, subject: str, lifetime: int) -> str:
        """A token.

        Args:
            accesses: what it allows.
            service: the registry that it is for.
            subject: the user that it is for.
            lifetime: for how many seconds from now the registry takes it, up to one less.
        """
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": service,
            "exp": now + lifetime - LEEWAY,
            "nbf": now - LEEWAY,
            "iat": now,
            "jti": str(uuid4()),
            "access": [access.claim() for access in accesses],
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers=self._headers)
