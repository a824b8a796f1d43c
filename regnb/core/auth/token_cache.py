"""TokenCache: the tokens of one client."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from regnb.core.auth.authorization import Authorization
from regnb.core.auth.flights import Flights
from regnb.core.auth.logins import Login
from regnb.core.auth.scopes import Scopes, covers, resource_of
from regnb.core.auth.token_service import TokenService
from regnb.core.wire.connections import Connections
from regnb.core.wire.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks where: a token for one account is never used for another (B-A10)."""

    login: Login | None
    service: TokenService


class TokenCache:
    """The tokens of one client. Threads share it; nobody waits for a token of another kind."""

    __slots__ = ("_connections", "_flights", "_lock", "_refresh", "_shelves")

    def __init__(self, connections: Connections) -> None:
        """Hold nothing yet."""
        self._connections = connections
        self._flights = Flights()
        self._lock = threading.Lock()
        # By the resource that is asked for first, so that few are looked through at every request.
        self._shelves: dict[tuple[Account, str], tuple[Authorization, ...]] = {}
        self._refresh: dict[Account, Secret] = {}

    def token(
        self, account: Account, scopes: Scopes, *, refused: Authorization | None = None
    ) -> Authorization:
        """A token that covers `scopes`: one that is held, or a new one by one request (F9).

        Args:
            account: who asks where.
            scopes: what it is needed for.
            refused: a token that the registry does not take; never returned.

        Raises:
            RegistryError: there is none; all threads that wait for it are told.
            OperationCancelledError: another thread called `cancel`.
        """
        trial = self._connections.retries.begin()

        def work() -> Authorization:
            return self._held(account, scopes, refused) or self._fetch(account, scopes)

        while (token := self._held(account, scopes, refused)) is None:
            trial.keep_quiet()
            token = self._flights.share((account, tuple(sorted(scopes))), work)
            if token is not None:
                break
        return token

    def _held(
        self, account: Account, scopes: Scopes, refused: Authorization | None
    ) -> Authorization | None:
        now = self._connections.clock.monotonic()
        for token in self._shelves.get((account, resource_of(scopes)), ()):
            if token is not refused and token.is_fresh(now) and covers(token.scopes, scopes):
                return token
        return None

    def _fetch(self, account: Account, scopes: Scopes) -> Authorization:
        grant = account.service.grant(
            self._connections, account.login, scopes, refresh=self._refresh.get(account)
        )
        if grant.refresh is not None:
            self._refresh[account] = grant.refresh
        self._keep(account, grant.authorization)
        return grant.authorization

    def _keep(self, account: Account, token: Authorization) -> None:
        """Hold a token instead of those for which it does as well, and of those that ended."""
        shelf, now = (account, resource_of(token.scopes)), self._connections.clock.monotonic()
        with self._lock:
            others = self._shelves.pop(shelf, ())
            kept = (o for o in others if o.is_fresh(now) and not covers(token.scopes, o.scopes))
            self._shelves[shelf] = (token, *kept)
            while len(self._shelves) > self._connections.limits.tokens:
                del self._shelves[next(iter(self._shelves))]
