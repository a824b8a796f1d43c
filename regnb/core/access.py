"""Access: challenges of a 401, and the credentials that answer them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from urllib3 import HTTPHeaderDict

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=[\s,]|$)")
# An unquoted value may hold more than a token: registries write realm=https://... so (W-A2).
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))(?=[\s,]|$)')
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_NEXT_ELEMENT = re.compile(r"[^,]*,?")


class Secret(str):
    """Text that shows only as ``***`` where objects are shown: in dumps and tracebacks (S16)."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Three stars."""
        return "'***'"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a registry offers.

    Attributes:
        scheme: in lower case, ``basic`` or ``bearer`` as a rule.
        parameters: by lower-case name; the first of two equal names counts.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Read all ``WWW-Authenticate`` values, several challenges to a line or not (RFC 9110)."""
    found: list[Challenge] = []
    for value in values:
        position, current = 0, None
        while position < len(value):
            if current and (match := _PARAMETER.match(value, position)):
                text = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
                current.parameters.setdefault(match[1].lower(), text)
            elif match := _SCHEME.match(value, position):
                current = Challenge(match[1].lower())
                found.append(current)
                match = _TOKEN68.match(value, match.end()) or match
            else:
                match = _NEXT_ELEMENT.match(value, position)
            position = max(match.end() if match else 0, position + 1)
    return found


@dataclass(frozen=True, slots=True, repr=False)
class Basic:
    """A user name and a password. Shows nothing of them, and refuses to be pickled."""

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

    def __repr__(self) -> str:
        """Three stars."""
        return "Basic(***)"

    def __reduce__(self) -> NoReturn:
        """Refuse."""
        raise TypeError("Credentials are not pickled; pass them again where they are needed.")


class Access:
    """The credentials for one registry, and whether it has asked for them."""

    __slots__ = ("_credentials", "authorization")

    def __init__(self, credentials: Basic | None) -> None:
        """Hold credentials back until the registry asks for them."""
        self._credentials = credentials
        self.authorization: Secret | None = None

    def learn(self, headers: HTTPHeaderDict) -> bool:
        """Read the challenges of a 401; True when asking again with credentials makes sense."""
        if self._credentials is None:
            return False
        offered = {c.scheme for c in parse_challenges(headers.getlist("WWW-Authenticate"))}
        if "basic" not in offered:
            return False
        self.authorization = self._credentials.header()
        return True
