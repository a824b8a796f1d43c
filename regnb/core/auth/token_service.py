"""TokenService: where a registry sends its clients for tokens.

Asked by GET as the token specification of distribution says, or, with a refresh token, by POST
(its OAuth2 form).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

from regnb.core.auth.advice import how_to_log_in
from regnb.core.auth.grant import Grant, read_grant
from regnb.core.auth.logins import Basic, IdentityToken, Login
from regnb.core.auth.scopes import Scopes
from regnb.core.wire.address import origin
from regnb.core.wire.connections import Connections
from regnb.core.wire.error_body import read_error_body
from regnb.core.wire.gate import unsafe
from regnb.core.wire.incoming import REDIRECTS, Answer
from regnb.core.wire.outgoing import Outgoing, Purpose, plain_headers
from regnb.core.wire.redaction import redact
from regnb.core.wire.secret import Secret
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    RateLimitedError,
    RegistryError,
    TokenError,
)

CLIENT = "regnb"
MOST_REDIRECTS = 5
# How services without the POST form answer it: ACR, Artifactory, GCR and others (W-A8).
_NO_POST = frozenset({400, 401, 404, 405})
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY_REQUESTS = 400, 401, 403, 429


@dataclass(frozen=True, slots=True, repr=False)
class TokenService:
    """A token service, as a challenge names it.

    Attributes:
        realm: its URL.
        name: what it calls the registry; may be empty.
    """

    realm: str
    name: str

    def grant(
        self,
        connections: Connections,
        login: Login | None,
        scopes: Scopes,
        *,
        refresh: Secret | None = None,
    ) -> Grant:
        """Ask for a token. One request, or two where a refresh token is not taken.

        What breaks is tried again as any other request is (F1 to F4).

        Args:
            connections: to ask over; their gate has let the realm pass.
            login: whom to ask for, or None to ask for nobody in particular.
            scopes: what to ask for; less may be granted, which the registry then tells (B-A12).
            refresh: the newest refresh token; by default that of `login`.

        Raises:
            AuthenticationRequiredError: the credentials are refused, or missing.
            DeniedError: they are not allowed that.
            RateLimitedError: the service wants to be left alone.
            TokenError: there is no token for another reason.
            RegistryError: no connection, or an answer that is too large.
        """
        answer = None
        if isinstance(login, IdentityToken):
            answer = self._post(connections, refresh or Secret(login.token), scopes)
        if answer is None or (answer.status in _NO_POST and _basic(login)):
            answer = self._get(connections, login, scopes)
        if not answer.ok:
            raise _failure(answer, login, connections.address.name)
        grant = read_grant(answer.body, login=login, scopes=scopes, clock=connections.clock)
        if grant is None:
            raise _error(TokenError, answer, "That answer holds no token.")
        return grant

    def _get(self, connections: Connections, login: Login | None, scopes: Scopes) -> Answer:
        request = Outgoing(
            "GET",
            self._url(login, scopes),
            plain_headers("application/json"),
            authorization=_basic(login),
            purpose=Purpose.REALM,
        )
        return connections.retries.run(partial(_follow, connections, request))

    def _post(self, connections: Connections, refresh: Secret, scopes: Scopes) -> Answer:
        request = self._refresh(refresh, scopes)
        return connections.retries.run(partial(_fetch, connections, request))

    def _url(self, login: Login | None, scopes: Scopes) -> Secret:
        """The realm, its own query kept, and what the specification adds to it (A6)."""
        query = [("account", login.username)] if isinstance(login, Basic) else []
        query += [("scope", scope) for scope in scopes]
        query += [("service", self.name)] if self.name else []
        if not query:
            return Secret(self.realm)
        return Secret(self.realm + ("&" if "?" in self.realm else "?") + urlencode(query))

    def _refresh(self, refresh: Secret, scopes: Scopes) -> Outgoing:
        """The request that sends a refresh token (A8)."""
        form = {
            "client_id": CLIENT,
            "grant_type": "refresh_token",
            "refresh_token": refresh,
            "scope": " ".join(scopes),
            "service": self.name,
        }
        body = urlencode(form).encode()
        headers = {
            **plain_headers("application/json"),
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
        }
        return Outgoing(
            "POST", self.realm, headers, body=body, purpose=Purpose.REALM, confided=refresh
        )


def _basic(login: Login | None) -> Secret | None:
    """What a GET is authorised by: nothing, where there is no user name."""
    if isinstance(login, IdentityToken) and login.username:
        login = Basic(login.username, login.token)
    return login.header() if isinstance(login, Basic) else None


def _fetch(connections: Connections, request: Outgoing) -> Answer:
    limits = connections.limits
    return connections.fetch(request, limit=limits.token, total=limits.token_total)


def _follow(connections: Connections, request: Outgoing) -> Answer:
    """Ask once, and follow redirects as long as they stay at the token service (B-A16)."""
    for _ in range(MOST_REDIRECTS + 1):
        answer = _fetch(connections, request)
        location = Secret(answer.headers.get("Location", ""))
        if answer.status not in REDIRECTS or not location:
            return answer
        target = connections.gate.redirect(answer.url, location, method="GET")
        if origin(target) != origin(request.url):
            raise unsafe(request, target, "is not where the token service is")
        request = replace(request, url=target)
    raise unsafe(request, request.url, f"is one redirect more than {MOST_REDIRECTS}")


def _failure(answer: Answer, login: Login | None, registry: str) -> RegistryError:
    """The exception for an answer that is no success."""
    refused = answer.status == _UNAUTHORIZED or (
        answer.status == _BAD_REQUEST and answer.method == "POST"
    )
    if answer.status == _TOO_MANY_REQUESTS:
        return _error(RateLimitedError, answer, "Wait before asking again.")
    if login is None and answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
        return _error(AuthenticationRequiredError, answer, how_to_log_in(registry))
    if refused:
        place = f" from {login.source}" if login and login.source else ""
        advice = (
            f"The token service of {registry} refused the credentials{place}; check them, or leave "
            "them out to ask for what is public."
        )
        return _error(AuthenticationRequiredError, answer, advice)
    if answer.status == _FORBIDDEN:
        advice = (
            "This account may not do that; log in with one that may, or ask the registry's owner."
        )
        return _error(DeniedError, answer, advice)
    advice = f"Without a token {registry} cannot be asked; try again later, or ask its owner."
    return _error(TokenError, answer, advice)


def _error(kind: type[RegistryError], answer: Answer, advice: str) -> RegistryError:
    said = read_error_body(answer.body) if not answer.ok else None
    words = (said.message or said.code) if said else None
    shown = redact(answer.url)
    what = f"{answer.method} {shown} was answered {answer.status}"
    return kind(
        f"{what} ({words}). {advice}" if words else f"{what}. {advice}",
        status=answer.status,
        code=said.code if said else None,
        method=answer.method,
        url=shown,
        retry_after=answer.retry_after,
    )
