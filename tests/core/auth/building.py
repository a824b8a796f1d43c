"""What the tests of authentication share: a registry that wants tokens, and who gives them out."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import responses
from requests import PreparedRequest

from regnb.core.auth.authenticator import Authenticator
from regnb.core.auth.flights import Flights
from regnb.core.auth.logins import Basic, Login
from regnb.core.auth.scopes import Scopes, pull
from regnb.core.transport import Transport
from regnb.core.wire.address import parse_address
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Answer
from regnb.core.wire.limits import Limits
from regnb.core.wire.outgoing import Method
from tests.core.fakes import API, URL, FakeTime

REALM = "https://auth.registry.example/token"
SERVICE = "registry.example"
ROBOT = Basic("robot", "hunter2")
PULL = pull("a")
PATIENCE = 10.0  # seconds until a test that hangs fails


def connections(
    *,
    time: FakeTime | None = None,
    limits: Limits | None = None,
    url: str = URL,
    trust_realm: Iterable[str] = (),
) -> Connections:
    return Connections(
        parse_address(url, insecure=True),
        limits=limits or Limits(),
        clock=(time or FakeTime()).clock(),
        trust_realm=trust_realm,
    )


def client(
    login: Login | Callable[[str | None], Login | None] | None = ROBOT,
    *,
    over: Connections | None = None,
    time: FakeTime | None = None,
    limits: Limits | None = None,
) -> Transport:
    """A transport with one login for everything, or one that finds a login for each repository."""
    find = login if callable(login) else lambda _: login
    used = over or connections(time=time, limits=limits)
    return Transport(used, Authenticator(used, find))


def ask(
    transport: Transport, url: str = f"{API}a/tags/list", scopes: Scopes = PULL, **more: Any
) -> Answer:
    method: Method = more.pop("method", "GET")
    return transport.exchange(method, url, limit=1000, scopes=scopes, **more)


def bearer(realm: str = REALM, **parameters: str) -> dict[str, str]:
    """The header of a 401 that wants a token."""
    pairs = {"realm": realm, "service": SERVICE, **parameters}
    line = ",".join(f'{name}="{value}"' for name, value in pairs.items())
    return {"WWW-Authenticate": f"Bearer {line}"}


def basic() -> dict[str, str]:
    return {"WWW-Authenticate": 'Basic realm="x"'}


def query(request: PreparedRequest) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(str(request.url)).query, keep_blank_values=True)


def form(request: PreparedRequest) -> list[tuple[str, str]]:
    body = request.body
    assert isinstance(body, bytes)
    return parse_qsl(body.decode(), keep_blank_values=True)


def sent(request: PreparedRequest) -> str | None:
    return request.headers.get("Authorization")


_BELOW = re.compile(re.escape(API) + ".*")
_TOKENS = re.compile(re.escape(REALM) + ".*")
Reply = tuple[int, dict[str, str], str]


def until(condition: Callable[[], bool]) -> None:
    """Wait for other threads."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def waiting(flights: Flights) -> int:
    """How many threads wait for others that are under way."""
    events: list[Any] = [flight.landed for flight in list(flights._under_way.values())]
    return sum(len(event._cond._waiters) for event in events)


@dataclass
class Peer:
    """A registry at `API` that wants tokens, and the service at `REALM` that gives them out.

    Attributes:
        web: where they answer.
        time: by which tokens end.
        lifetime: seconds that a token holds in truth.
        document: what the service says about it.
        challenge: what a 401 of the registry says.
        good: what the service lets ask, where that is not everyone.
        refuse: another answer to a request with a token that has ended.
        asked: the requests at the service.
        seen: what the requests at the registry were authorised by.
    """

    web: responses.RequestsMock
    time: FakeTime = field(default_factory=FakeTime)
    lifetime: float = math.inf
    document: dict[str, Any] = field(default_factory=lambda: {"expires_in": 300})
    challenge: dict[str, str] = field(default_factory=bearer)
    good: Collection[str | None] | None = None
    refuse: Reply | None = None
    asked: list[PreparedRequest] = field(default_factory=list)
    seen: list[str | None] = field(default_factory=list)
    _ends: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web.assert_all_requests_are_fired = False
        for method in ("GET", "HEAD", "PUT", "POST", "PATCH"):
            self.web.add_callback(method, _BELOW, self._registry)
        for method in ("GET", "POST"):
            self.web.add_callback(method, _TOKENS, self._service)

    def expire(self) -> None:
        """Take none of the tokens any more that were given out so far."""
        self._ends.clear()

    def _registry(self, request: PreparedRequest) -> Reply:
        authorization = sent(request)
        self.seen.append(authorization)
        if authorization and self._ends.get(authorization, 0) > self.time.seconds:
            return 200, {}, "{}"
        if authorization and self.refuse:
            return self.refuse
        return 401, self.challenge, ""

    def _service(self, request: PreparedRequest) -> Reply:
        self.asked.append(request)
        if self.good is not None and sent(request) not in self.good:
            return 401, {}, ""
        token = f"token-{len(self.asked)}"
        self._ends[f"Bearer {token}"] = self.time.seconds + self.lifetime
        return 200, {}, json.dumps({"token": token, **self.document})
