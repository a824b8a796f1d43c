"""Grant: what a token service answers, with lifetimes that make sense whatever it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from regnb.core.auth.authorization import Authorization
from regnb.core.auth.logins import Login
from regnb.core.auth.scopes import Scopes
from regnb.core.wire.clock import Clock
from regnb.core.wire.secret import Secret
from regnb.errors import InvalidDocumentError
from regnb.model import strict_json

DEFAULT_LIFETIME = 60.0
SHORTEST_LIFETIME = 0.1
"""Seconds; what says less would have ended before it is sent, and counts as saying nothing."""

LONGEST_LIFETIME = 12 * 3600.0
_SENDABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """A token, and the refresh token that came with it.

    Attributes:
        authorization: made of the token.
        refresh: to be sent the next time instead of the one before (A9), or None.
    """

    authorization: Authorization
    refresh: Secret | None


def read_grant(body: bytes, *, login: Login | None, scopes: Scopes, clock: Clock) -> Grant | None:
    """Read the answer of a token service; None where it holds no token that can be sent.

    ``access_token`` counts before ``token`` (A10).
    """
    document = _document(body)
    token = _text(document, "access_token") or _text(document, "token")
    if token is None or not _SENDABLE.fullmatch(token):
        return None
    seconds = lifetime(document.get("expires_in"), document.get("issued_at"), now=clock.now())
    authorization = Authorization(
        Secret(f"Bearer {token}"),
        login,
        scopes,
        obtained=clock.monotonic(),
        lifetime=seconds,
    )
    return Grant(authorization, _text(document, "refresh_token"))


def lifetime(expires_in: object, issued_at: object, *, now: float) -> float:
    """Seconds from now that a token holds; odd values are made up for (W-A5, W-A6).

    Args:
        expires_in: seconds after `issued_at`, as it was sent.
        issued_at: a date. One that is missing, in the future or so far back that the token would
            have ended already, comes from a clock that is wrong: then the token begins now.
        now: seconds since 1970.
    """
    seconds = _seconds(expires_in)
    age = now - _date(issued_at, otherwise=now)
    return seconds - age if 0 <= age <= seconds - SHORTEST_LIFETIME else seconds


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = strict_json.loads(body)
    except InvalidDocumentError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(document: Mapping[str, Any], name: str) -> Secret | None:
    value = document.get(name)
    return Secret(value) if isinstance(value, str) and value else None


def _seconds(value: object) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return DEFAULT_LIFETIME
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DEFAULT_LIFETIME
    return min(value, LONGEST_LIFETIME) if value >= SHORTEST_LIFETIME else DEFAULT_LIFETIME


def _date(value: object, *, otherwise: float) -> float:
    try:
        date = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return otherwise
    if date is None:
        return otherwise
    # The specification wants UTC; a date without a zone is taken as that.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
