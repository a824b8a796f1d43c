"""Transport: every request to a registry goes through here, and nowhere else.

It answers challenges, follows redirects and asks again what broke; `Connections` underneath sends
one request at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from regnb.core.auth.authenticator import REFUSALS, Authenticator
from regnb.core.auth.authorization import Authorization
from regnb.core.auth.scopes import Scopes
from regnb.core.notices import Notices
from regnb.core.rate_limit import LIMITS, RateLimit, read_rate_limit
from regnb.core.wire.address import Address
from regnb.core.wire.clock import Clock
from regnb.core.wire.connections import Connections
from regnb.core.wire.gate import unsafe
from regnb.core.wire.incoming import REDIRECTS, Answer, Incoming
from regnb.core.wire.outgoing import Body, Method, Outgoing, Purpose, plain_headers
from regnb.core.wire.retry import Retries
from regnb.core.wire.secret import Secret

MOST_REDIRECTS = 10
KEEPS_METHOD = frozenset({307, 308})
_OF_NOTE = LIMITS | {"warning"}


class Transport:
    """The way to one registry, safe to share among threads and across forks.

    Attributes:
        gate: what decides where a request may go.
        limits: what holds for every request.
        notices: what the registry wants its users to know.
        rate_limit: what it last said of how much more it may be asked, or None.
        requests: how many it was sent, tries that failed and redirects to other hosts included.
    """

    def __init__(self, connections: Connections, authenticator: Authenticator) -> None:
        """Connect to nothing yet."""
        self._connections = connections
        self._authenticator = authenticator
        self.gate = connections.gate
        self.limits = connections.limits
        self._headers: dict[str, dict[str, str]] = {}
        self.notices = Notices(connections.address.name)
        self.rate_limit: RateLimit | None = None
        self.requests = 0
        self._counting = threading.Lock()

    @property
    def address(self) -> Address:
        """Where the registry is."""
        return self._connections.address

    @property
    def clock(self) -> Clock:
        """What measures and waits."""
        return self._connections.clock

    @property
    def retries(self) -> Retries:
        """How patiently the client asks again."""
        return self._connections.retries

    @property
    def account(self) -> str:
        """The user name that the registry was last told; empty where it has asked for none."""
        return self._authenticator.account

    def close(self) -> None:
        """Close idle connections; a later request opens new ones."""
        self._connections.close()

    def cancel(self) -> None:
        """End what other threads are waiting for, within a second (F10).

        Their calls raise `OperationCancelledError`; calls that begin later are not touched.
        """
        self._connections.cancel()

    def exchange(
        self,
        method: Method,
        url: str,
        *,
        limit: int,
        scopes: Scopes = (),
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        attempts: int | None = None,
    ) -> Answer:
        """Ask for something small and read the whole answer.

        Redirects are followed, a challenge is answered and what breaks is tried again; whatever
        status comes in the end is the caller's to judge. This is the place behind which a leaner
        path for the ordinary case can live.

        Args:
            method: HTTP method.
            url: absolute, made of validated names only.
            limit: bytes of body; of an error, `Limits.error_body` are read at most.
            scopes: what the request needs leave for.
            accept: value of the Accept header.
            headers: further headers.
            body: sent again at every attempt.
            attempts: at most; `Limits.attempts` by default.

        Raises:
            UnreachableError: no connection, or one that broke more often than the retries allow.
            RegistryTimeoutError: no answer in time.
            ProtocolError: an answer that is too large, unreadable or leads where it must not.
            OperationCancelledError: another thread called `cancel`.
        """
        request = Outgoing(method, url, self._prepared_headers(accept, headers), body=body)
        once = partial(self.attempt, request, limit=limit, scopes=scopes)
        return self._connections.retries.run(once, attempts=attempts)

    def request(
        self,
        method: Method,
        url: str,
        *,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        purpose: Purpose = Purpose.REGISTRY,
    ) -> Outgoing:
        """A request with the headers that all have; nothing is sent."""
        prepared = self._prepared_headers(accept, headers)
        return Outgoing(method, url, prepared, body=body, purpose=purpose)

    def attempt(self, request: Outgoing, *, limit: int, scopes: Scopes) -> Answer:
        """Send a request once and read the whole answer; arguments as for `exchange`.

        A challenge is answered and redirects are followed, except where the body cannot be sent
        twice: then the answer is given back as it is, and the next attempt is authorised.

        Raises:
            Interrupted: it broke off; how to go on is the caller's to know.
            RegistryError: as for `exchange`.
        """
        found = self._ask(request, scopes)
        return found if isinstance(found, Answer) else self._connections.finish(found, limit)

    def stream(
        self,
        url: str,
        *,
        scopes: Scopes = (),
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
    ) -> Incoming | Answer:
        """GET something large: a response to read from on success, else an answer to judge.

        Raises as `exchange` does.
        """
        request = self.request("GET", url, accept=accept, headers=headers)
        return self.retries.run(partial(self.begin_stream, request, scopes=scopes))

    def begin_stream(self, request: Outgoing, *, scopes: Scopes) -> Incoming | Answer:
        """Send a GET once; raises as `attempt` does."""
        found = self._ask(request, scopes)
        if isinstance(found, Answer):
            return found
        if not found.ok:
            return self._connections.finish(found, 0)
        found.unhurried()
        return found

    def _ask(self, request: Outgoing, scopes: Scopes) -> Incoming | Answer:
        """Send one request and follow where it leads; the body of a success is not read yet."""
        at_home = self.gate.is_home(request.url)
        for _ in range(MOST_REDIRECTS + 1):
            found = self._authorised(request, scopes) if at_home else self._send(request)
            if isinstance(found, Answer) or found.status not in REDIRECTS:
                return found
            target = self._redirection(found, request)
            if target is None:
                return found
            found.discard()
            # Once abroad, always abroad: another origin must not steer authorised requests.
            at_home = at_home and self.gate.is_home(target)
            request = replace(request, url=target, purpose=Purpose.REGISTRY)
        raise unsafe(request, request.url, f"is one redirect more than {MOST_REDIRECTS}")

    def _authorised(self, request: Outgoing, scopes: Scopes) -> Incoming | Answer:
        """Send a request with what the registry wants to see, and once more where that ended."""
        used = self._authenticator.authorization(scopes)
        incoming = self._send_home(request if used is None else _with(used, request))
        if incoming.status not in REFUSALS:
            return incoming
        # The body is read first: some registries say only there that a token has ended (B-A14).
        answer = self._connections.finish(incoming, 0)
        again = self._authenticator.renewed(answer, scopes, used)
        if again is None:
            return answer
        if not _repeatable(request):
            return replace(answer, renewed=True)
        return self._send_home(_with(again, request))

    def _send_home(self, request: Outgoing) -> Incoming:
        """Send a request to the registry itself, and note what it says of itself."""
        incoming = self._send(request)
        if incoming.headers.has_any(_OF_NOTE):
            self.notices.read(incoming.headers.getlist("Warning"))
            self.rate_limit = read_rate_limit(incoming.headers) or self.rate_limit
        return incoming

    def _send(self, request: Outgoing) -> Incoming:
        with self._counting:
            self.requests += 1
        return self._connections.send(request)

    def _redirection(self, incoming: Incoming, request: Outgoing) -> str | None:
        """The URL that a redirect leads to, or None where it is not one to follow."""
        # Secret, because it may be signed: what fails later must not show it in a traceback.
        location = Secret(incoming.headers.get("Location", ""))
        if not location:
            return None
        if request.method not in {"GET", "HEAD"} and not (
            incoming.status in KEEPS_METHOD and _repeatable(request)
        ):
            return None
        try:
            return self.gate.redirect(incoming.url, location, method=request.method)
        except BaseException:
            incoming.close()
            raise

    def _prepared_headers(self, accept: str, extra: Mapping[str, str] | None) -> Mapping[str, str]:
        """The headers of a request; those without extras are made once and shared, unchanged."""
        known = self._headers.get(accept)
        if known is None:
            known = self._headers[accept] = plain_headers(accept)
        return {**known, **extra} if extra else known


def _with(authorization: Authorization, request: Outgoing) -> Outgoing:
    anonymous = authorization.login is None
    return replace(request, authorization=authorization.header, anonymous=anonymous)


def _repeatable(request: Outgoing) -> bool:
    return request.body is None or isinstance(request.body, bytes)
