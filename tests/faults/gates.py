"""Gates: what asks for credentials in front of a registry, and what issues tokens."""

from __future__ import annotations

import base64
import itertools
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from tests.faults.fault import Exchange, Site
from tests.faults.messages import Request, Response

SERVICE = "faults"
REALM = "token"  # the path of the token endpoint
_REPOSITORY = re.compile(r"/v2/(.+)/(?:blobs|manifests|tags|referrers)/")


class Gate(Protocol):
    """What stands in front of the registry's port."""

    def refusal(self, request: Request, site: Site) -> Response | None:
        """The answer to a request that may not pass."""

    async def issue(self, exchange: Exchange) -> Response | None:
        """The answer to a request for a token."""


def unauthorized(*challenges: str, code: str = "UNAUTHORIZED") -> Response:
    body = json.dumps({"errors": [{"code": code, "message": "authentication required"}]})
    headers = [("WWW-Authenticate", challenge) for challenge in challenges]
    return Response.of(401, body.encode(), ("Content-Type", "application/json"), *headers)


def bearer_challenge(request: Request, site: Site, error: str = "") -> str:
    """What a registry with a token endpoint answers to that request (W-A1)."""
    scope = " ".join(f"{resource}:{action}" for resource, action in needs(request))
    parts = {"realm": f"{site.registry.url}{REALM}", "service": SERVICE}
    parts |= {"scope": scope} if scope else {}
    parts |= {"error": error} if error else {}
    return "Bearer " + ",".join(f'{key}="{value}"' for key, value in parts.items())


def needs(request: Request) -> list[tuple[str, str]]:
    """Resources and their actions that a request needs, as scopes spell them (A15)."""
    if request.path == "/v2/_catalog":
        return [("registry:catalog", "*")]
    match = _REPOSITORY.match(request.path)
    if match is None:
        return []
    name = f"repository:{match[1]}"
    if request.method in ("GET", "HEAD") and "/blobs/uploads/" not in request.path:
        return [(name, "pull")]
    if request.method == "DELETE" and "/blobs/uploads/" not in request.path:
        return [(name, "delete")]
    source = request.parameter("from")
    mounted = [(f"repository:{source}", "pull")] if source else []
    return [(name, "pull,push"), *mounted]


@dataclass
class BasicGate:
    """Asks for a user and password, as Amazon's private registries do."""

    user: str
    password: str

    def refusal(self, request: Request, site: Site) -> Response | None:
        if request.headers.get("Authorization") == basic(self.user, self.password):
            return None
        return unauthorized(f'Basic realm="{site.registry.url}"')

    async def issue(self, exchange: Exchange) -> None:
        return None


@dataclass
class BearerGate:
    """Asks for a token that covers the request, and issues tokens for what they ask.

    Attributes:
        user: who gets tokens.
        password: empty: whoever asks gets tokens.
        expires_in: seconds, as told to clients; only `TokenExpires` ends a token.
    """

    user: str = ""
    password: str = ""
    expires_in: int = 300
    _issued: dict[str, frozenset[str]] = field(default_factory=dict)
    _number: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def refusal(self, request: Request, site: Site) -> Response | None:
        if request.path == f"/{REALM}":
            return None
        authorization = request.headers.get("Authorization") or ""
        granted = self._issued.get(authorization.removeprefix("Bearer "))
        if granted is None:
            return unauthorized(bearer_challenge(request, site))
        wanted = {f"{res}:{one}" for res, actions in needs(request) for one in actions.split(",")}
        if not wanted <= granted:
            return unauthorized(bearer_challenge(request, site, "insufficient_scope"))
        return None

    async def issue(self, exchange: Exchange) -> Response | None:
        if exchange.request.path != f"/{REALM}":
            return None
        fields = parse_qs(urlsplit(exchange.request.target).query)
        form = b"".join([piece async for piece in exchange.request.body])
        fields |= parse_qs(form.decode())
        if not self._knows(exchange.request, fields):
            return unauthorized()
        return self._token(" ".join(fields.get("scope", [])), exchange.site)

    def _knows(self, request: Request, fields: dict[str, list[str]]) -> bool:
        if not self.password:
            return True
        if request.method == "POST":
            return fields.get("password") == [self.password]
        return request.headers.get("Authorization") == basic(self.user, self.password)

    def _token(self, scope: str, site: Site) -> Response:
        token = f"token-{next(self._number)}"
        self._issued[token] = frozenset(
            f"{resource}:{action}"
            for resource, _, actions in (one.rpartition(":") for one in scope.split())
            for action in actions.split(",")
        )
        issued_at = datetime.fromtimestamp(site.now(), UTC).isoformat().replace("+00:00", "Z")
        body = {"token": token, "access_token": token, "expires_in": self.expires_in}
        raw = json.dumps(body | {"issued_at": issued_at}).encode()
        return Response.of(200, raw, ("Content-Type", "application/json"))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
