"""Authenticator: what to send along with a request, as far as the registry has asked for it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial

from regnb.core.auth import store
from regnb.core.auth.authorization import Authorization
from regnb.core.auth.challenges import Challenge, parse_challenges
from regnb.core.auth.logins import TOKEN_USER, Basic, IdentityToken, Login, RegistryToken
from regnb.core.auth.offer import Offer
from regnb.core.auth.scopes import Scopes, covers, repository_of, widened
from regnb.core.auth.token_cache import Account, TokenCache
from regnb.core.wire.address import Address
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Answer
from regnb.core.wire.outgoing import Outgoing, plain_headers
from regnb.core.wire.redaction import redact
from regnb.errors import AuthenticationRequiredError, RegistryError

FindLogin = Callable[[str | None], Login | None]
"""The credentials for a repository of one registry (None: for the registry itself), if any."""

UNAUTHORIZED = 401
REFUSALS = frozenset({400, UNAUTHORIZED, 403})
"""Statuses by which registries say that they do not take what a request was authorised by."""
# ECR says so with a 403 and ECR Public with a 400, both without a challenge (B-A14).
_ENDED = re.compile(rb"token (?:is|has) expired", re.IGNORECASE)


class Authenticator:
    """Answers the challenges of one registry. Threads share it."""

    def __init__(
        self,
        connections: Connections,
        find: FindLogin,
        *,
        forget: Callable[[], object] = lambda: None,
    ) -> None:
        """Hold credentials back until the registry asks for them.

        Args:
            connections: over which tokens are asked for.
            find: called once the registry has refused a request, and never before; again with
                every refusal, because credentials end and others are stored meanwhile.
            forget: called before `find` where credentials that it gave are refused, once for each.
        """
        self._connections = connections
        self._find = find
        self._forget = forget
        self._refused: set[Login] = set()
        self._offer = Offer(gate=connections.gate)
        self._logins: dict[str | None, Login | None] = {}
        self._stored = store.last_change()
        self._wider: dict[Scopes, Scopes] = {}
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._tokens = TokenCache(self._connections)

    @property
    def account(self) -> str:
        """The user name of the login that was last found; empty where none was looked for."""
        login = next((one for one in reversed(self._logins.values()) if one is not None), None)
        return "" if login is None else (getattr(login, "username", "") or TOKEN_USER)

    def authorization(self, scopes: Scopes) -> Authorization | None:
        """What to send a request with; None as long as the registry has not asked for anything.

        No request as long as a token is held that will do, else one (F9).

        Raises:
            RegistryError: a token is needed, and there is none.
        """
        if self._process != os.getpid():
            self._start()  # F12: threads of the parent may hold locks that no one here releases
        if not self._offer:
            return None
        repository = repository_of(scopes)
        return self._log_in(repository, self._login(repository), self._asked(scopes))

    def renewed(
        self, answer: Answer, scopes: Scopes, used: Authorization | None
    ) -> Authorization | None:
        """What to send a request with that was refused, or None where that would change nothing.

        Args:
            answer: that refused it, with a status of `REFUSALS`.
            scopes: of the request.
            used: what the request was sent with.

        Raises:
            RegistryError: a token is needed, and there is none.
        """
        if used is None and answer.status != UNAUTHORIZED:
            return None
        offer = self._learn(answer)
        repository = repository_of(scopes)
        login = self._look_again(repository, refused=None if used is None else used.password)
        if used is not None and used.login == login and self._is_final(answer, offer, used):
            return None
        again = self._log_in(repository, login, self._asked(scopes, offer.bearer("scope")), used)
        if again is None or (used is not None and again.header == used.header):
            return None
        return again

    def _learn(self, answer: Answer) -> Offer:
        """What an answer itself offers, which is taken note of."""
        gate, found = self._connections.gate, _challenges(answer)
        if found or (answer.status == UNAUTHORIZED and not self._offer):
            self._offer = Offer(found or self._ping(), gate=gate)
        return Offer(found, gate=gate)

    def _ping(self) -> list[Challenge]:
        """The challenges of the registry's front door: a 401 elsewhere may have none (B-A14)."""
        home, limits = self._connections.address.api, self._connections.limits
        request = Outgoing("GET", home, plain_headers("application/json"))
        fetch = partial(
            self._connections.fetch, request, limit=limits.page, total=limits.metadata_total
        )
        try:
            answer = self._connections.retries.run(fetch)
        except RegistryError:
            return []  # the 401 that led here says more than what is wrong with this request
        return _challenges(answer)

    def _is_final(self, answer: Answer, offer: Offer, used: Authorization) -> bool:
        """Whether a new token for the same login would be refused as well."""
        if answer.status == UNAUTHORIZED and not _lacks_scope(offer, used):
            return False
        # What an account may do can have changed since the token was granted (B-A15).
        now = self._connections.clock.monotonic()
        return not used.is_old(now) and _ENDED.search(answer.body) is None

    def _asked(self, scopes: Scopes, hint: str = "") -> Scopes:
        """What to ask for when `scopes` are needed, given what the registry says it wants."""
        asked = widened(scopes, hint) if hint else self._wider.get(scopes, scopes)
        if asked != scopes:
            if len(self._wider) >= self._connections.limits.tokens:
                self._wider.clear()
            self._wider[scopes] = asked
        return asked

    def _login(self, repository: str | None) -> Login | None:
        # Whoever has logged out must not be seen logged in by a client that was there before.
        if self._stored != (stored := store.last_change()):
            self._stored = stored
            self._logins.clear()
        if repository not in self._logins:
            return self._look_again(repository)
        return self._logins[repository]

    def _look_again(self, repository: str | None, *, refused: Login | None = None) -> Login | None:
        """The login that is found now, after one that was refused."""
        if refused is not None and refused not in self._refused:
            self._refused.add(refused)
            self._forget()
        found = self._logins[repository] = self._find(repository)
        return found

    def _log_in(
        self,
        repository: str | None,
        login: Login | None,
        scopes: Scopes,
        refused: Authorization | None = None,
    ) -> Authorization | None:
        """Answer with a login, or with a newer one where the token service refuses it.

        Passwords that credential helpers hand out may hold for an hour only.
        """
        try:
            return self._authorize(login, scopes, refused)
        except AuthenticationRequiredError as error:
            refusal = error
        # Outside of the except block, so that what was tried in vain is let go.
        found = self._look_again(repository, refused=login)
        if found == login:
            raise refusal
        return self._authorize(found, scopes, refused)

    def _authorize(
        self, login: Login | None, scopes: Scopes, refused: Authorization | None
    ) -> Authorization | None:
        """Exactly one answer to what the registry offers: Bearer if possible, else Basic (W-A3)."""
        if isinstance(login, RegistryToken):
            return Authorization(login.header(), login)
        offer = self._offer
        pair = login if isinstance(login, Basic) and offer.basic else None
        service = offer.token_service(credentials=login is not None, needed=pair is None)
        if service is not None:
            return self._tokens.token(Account(login, service), scopes, refused=refused)
        if isinstance(login, IdentityToken) and offer.basic:
            raise _no_password(self._connections.address)
        return Authorization(pair.header(), pair) if pair is not None else None


def _challenges(answer: Answer) -> list[Challenge]:
    return parse_challenges(answer.headers.getlist("WWW-Authenticate"))


def _lacks_scope(offer: Offer, used: Authorization) -> bool:
    """Whether a token was refused for want of what it was asked for already (B-A12)."""
    wanted = tuple(offer.bearer("scope").split())
    return offer.bearer("error") == "insufficient_scope" and covers(used.scopes, wanted)


def _no_password(address: Address) -> AuthenticationRequiredError:
    return AuthenticationRequiredError(
        f"The credentials found for {address.name} are an identity token, and the registry takes "
        f"only a user name and a password: pass username= and password=, or run docker login "
        f"{address.name} again.",
        status=UNAUTHORIZED,
        url=redact(address.api),
    )
