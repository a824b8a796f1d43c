"""Bearer tokens, given out and asked for by the same registry (RFC 6750).

The endpoint is that of the distribution registry's token server: GET with Basic, or POST of a form
as in OAuth 2 (RFC 6749, 4.3 and 6). A token is a random word that this registry remembers.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from regnb.sample.access import BASIC, Passwords, credentials, refusal
from regnb.sample.messages import RefusedError, Request, Response, as_json

PATH = "/token"
SERVICE = "sample"
FORM_LIMIT = 1 << 16
FORM_FIELDS = 100
_SCOPE = re.compile(r"([a-z]+:[^\s\"]+):([a-z*,]+)")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


class Tokens:
    """Lets in whoever has a token for what the request needs, and changes passwords for tokens."""

    def __init__(
        self, passwords: Passwords, *, lifetime: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with no token; each is good for `lifetime` seconds."""
        self._passwords = passwords
        self._lifetime = lifetime
        self._clock = clock
        self._issued: dict[str, tuple[float, frozenset[str]]] = {}
        self._refreshing: dict[str, str] = {}

    def forget(self) -> None:
        """Take no token any more that was given out so far; refresh tokens stay good."""
        self._issued = {}

    def admit(self, request: Request, scopes: Sequence[str]) -> None:
        """Let pass who has a good token for all of the scopes."""
        token = credentials(request, "bearer")
        if token is None:
            raise refusal(_challenge(request, scopes))
        end, held = self._issued.get(token, (0.0, frozenset[str]()))
        if end <= self._clock():
            raise refusal(_challenge(request, scopes, error="invalid_token"))
        if not held.issuperset(_split(scopes)):
            raise refusal(_challenge(request, scopes, error="insufficient_scope"))

    def answer(self, request: Request) -> Response:
        """Answer a request to the token endpoint.

        Raises:
            RefusedError: the password or the refresh token is not good, or the method is another.
        """
        if request.method == "GET":
            fields = {name: " ".join(values) for name, values in request.query.items()}
            user = self._passwords.user(request)
        elif request.method == "POST":
            fields = _form(request)
            user = self._owner(fields)
        else:
            allow = [("Allow", "GET, POST")]
            status = HTTPStatus.METHOD_NOT_ALLOWED
            raise RefusedError(status, "UNSUPPORTED", "GET or POST it is", headers=allow)
        if user is None:
            raise refusal(BASIC)
        document = self._issue(fields.get("scope", "").split())
        if fields.get("offline_token") == "true" or fields.get("access_type") == "offline":
            document["refresh_token"] = self._refresh(user)
        return as_json(document)

    def _owner(self, form: Mapping[str, str]) -> str | None:
        if form.get("grant_type") == "refresh_token":
            return self._refreshing.get(form.get("refresh_token", ""))
        user = form.get("username", "")
        good = self._passwords.good(user, form.get("password", ""))
        return user if good and form.get("grant_type") == "password" else None

    def _issue(self, scopes: Sequence[str]) -> dict[str, Any]:
        token = secrets.token_urlsafe()
        self._issued[token] = self._clock() + self._lifetime, _split(scopes)
        return {
            "token": token,
            "access_token": token,
            "expires_in": self._lifetime,
            "issued_at": datetime.now(UTC).isoformat(),
        }

    def _refresh(self, user: str) -> str:
        token = secrets.token_urlsafe()
        self._refreshing[token] = user
        return token


def _challenge(request: Request, scopes: Sequence[str], *, error: str | None = None) -> str:
    # As the client wrote it, so that a proxy before this registry stands before its tokens too.
    host = request.headers.get("Host", "")
    if not _HOST.fullmatch(host):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", "not a Host")
    fields = {"realm": f"http://{host}{PATH}", "service": SERVICE}
    fields |= {"scope": " ".join(scopes)} if scopes else {}
    fields |= {"error": error} if error else {}
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in fields.items())


def _split(scopes: Sequence[str]) -> frozenset[str]:
    """Scopes of one action each; what is none allows nothing."""
    found = [match for scope in scopes if (match := _SCOPE.fullmatch(scope))]
    return frozenset(f"{match[1]}:{action}" for match in found for action in match[2].split(","))


def _form(request: Request) -> dict[str, str]:
    raw = bytearray()
    for piece in request.body.pieces():
        raw += piece
        if len(raw) > FORM_LIMIT:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise RefusedError(status, "SIZE_INVALID", f"a form has {FORM_LIMIT} bytes at most")
    try:
        fields = parse_qs(raw.decode(), max_num_fields=FORM_FIELDS)
    except ValueError as error:
        message = "the form is malformed"
        raise RefusedError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", message) from error
    return {name: values[0] for name, values in fields.items()}
