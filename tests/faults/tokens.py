"""Faults of credentials: they expire, in the words of each vendor, or come with a wrong date."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tests.faults.answers import refused
from tests.faults.fault import Exchange, Fault
from tests.faults.gates import bearer_challenge, unauthorized
from tests.faults.messages import Response, once

_EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


class Expiry(StrEnum):
    """How a registry says that credentials have expired (W-A1, B-A14)."""

    CHALLENGE = "401 with a challenge"
    BARE = "401 without a challenge"
    ECR = "403 with a text"
    ECR_PUBLIC = "400 without a challenge"


@dataclass(frozen=True, slots=True)
class TokenExpires(Fault):
    """Each value of Authorization is good for so many requests, and then never again.

    For rules that stand `ALWAYS`. Requests without Authorization pass.
    """

    uses: int
    expiry: Expiry = Expiry.CHALLENGE

    async def on_request(self, exchange: Exchange) -> Response | None:
        authorization = exchange.request.headers.get("Authorization")
        if authorization is None or exchange.site.count((self, authorization)) <= self.uses:
            return None
        await exchange.drain()
        return self._expired(exchange)

    def _expired(self, exchange: Exchange) -> Response:
        text = ("Content-Type", "text/plain; charset=utf-8")
        if self.expiry is Expiry.CHALLENGE:
            challenge = bearer_challenge(exchange.request, exchange.site, "invalid_token")
            return unauthorized(challenge)
        if self.expiry is Expiry.BARE:
            return unauthorized()
        if self.expiry is Expiry.ECR:
            return Response.of(403, _EXPIRED.encode(), text)
        return refused(400, "DENIED", _EXPIRED)


@dataclass(frozen=True, slots=True)
class SkewIssued(Fault):
    """``issued_at`` of a token is so many seconds off the clock (W-A5). For the token endpoint."""

    seconds: float

    async def on_response(self, exchange: Exchange, response: Response) -> Response:
        if response.status != 200:
            return response
        document = json.loads(b"".join([piece async for piece in response.body]))
        issued = datetime.fromisoformat(document["issued_at"]) + timedelta(seconds=self.seconds)
        document["issued_at"] = issued.isoformat().replace("+00:00", "Z")
        raw = json.dumps(document).encode()
        response.headers.set("Content-Length", str(len(raw)))
        response.body = once(raw)
        return response
