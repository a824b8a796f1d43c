"""Outgoing: one request on its way to one URL."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal
from urllib.parse import quote_plus

import regnb
from regnb.core.wire.secret import Secret

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Body = bytes | Iterable[bytes]
"""Bytes that can be sent again, or pieces that are sent once, with a Content-Length beside them."""


class Purpose(Enum):
    """Why a URL is asked, which decides what may be sent there (S1 to S7)."""

    REGISTRY = "the registry itself, or where it redirects to"
    UPLOAD = "the Location of an upload"
    REALM = "the token service that a challenge names"


@dataclass(slots=True, repr=False, eq=False)
class Outgoing:
    """One request. Not to be changed; nothing enforces it, because that takes time.

    Attributes:
        method: HTTP method.
        url: absolute, without a fragment.
        headers: all but Authorization.
        authorization: sent only where the gate lets it.
        anonymous: whether no account stands behind the authorization.
        body: or None.
        purpose: what the gate judges it by.
        confided: what the body holds that nobody may see.
    """

    method: Method
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: Secret | None = None
    anonymous: bool = False
    body: Body | None = None
    purpose: Purpose = Purpose.REGISTRY
    confided: Secret | None = None

    def secrets(self) -> set[str]:
        """Every form in which an answer could give away what was sent with the request."""
        found = {str(self.confided), quote_plus(self.confided)} if self.confided else set()
        scheme, _, credentials = (self.authorization or "").partition(" ")
        found |= {credentials} if credentials else set()
        if scheme == "Basic":
            pair = base64.b64decode(credentials).decode("utf-8", "replace")
            found |= {pair, pair.partition(":")[2]}
        return found


def plain_headers(accept: str) -> dict[str, str]:
    """The headers that every request has."""
    agent = f"regnb/{regnb.__version__}"
    return {"User-Agent": agent, "Accept-Encoding": "identity", "Accept": accept}
