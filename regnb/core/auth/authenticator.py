"""Authenticator: what to send along with a request, as far as the registry has asked for it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial

from regnb.core.auth.authorization import Authorization
from regnb.core.auth.challenges import Challenge, parse_challenges
from regnb.core.auth.logins import Basic, Login, RegistryToken
from regnb.core.auth.scopes import Scopes, covers, repository_of, widened
from regnb.core.auth.token_cache import Account, TokenCache
from regnb.core.auth.token_service import TokenService
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Answer
from regnb.core.wire.outgoing import Outgoing, plain_headers
from regnb.errors import AuthenticationRequiredError, RegistryError, UnsafeRedirectError

FindLogin = Callable[[str | None], Login | None]
"""The credentials for a repository of one registry (None: for the registry itself), if any."""

BASIC, BEARER = "basic", "bearer"
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
        self._challenges: tuple[Challenge, ...] = ()
        self._logins: dict[str | None, Login | None] = {}
        self._wider: dict[Scopes, Scopes] = {}
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._tokens = TokenCache(self._connections)

    def authorization(self, scopes: Scopes) -> Authorization | None:
        """What to send a request with; None as long as the registry has not asked for anything.

        No request as long as a token is held that will do, else one (F9).

        Raises:
            RegistryError: a token is needed, and there is none.
        """
        if self._process != os.getpid():
            self._start()  # F12: threads of the parent may hold locks that no one here releases
        if not self._challenges:
            return None
        repository = repository_of(scopes)
        return self._log_in(repository, self._login(repository), self._asked(scopes, None))

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
        bearer = self._learn(answer) if answer.status == UNAUTHORIZED else None
        repository = repository_of(scopes)
        login = self._look_again(repository, refused=None if used is None else used.password)
        if used is not None and used.login == login and self._is_final(answer, bearer, used):
            return None
        again = self._log_in(repository, login, self._asked(scopes, bearer), used)
        if again is None or (used is not None and again.header == used.header):
            return None
        return again

    def _learn(self, answer: Answer) -> Challenge | None:
        """Take note of how to log in; the Bearer challenge of the answer itself, if it has one."""
        found = parse_challenges(answer.headers.getlist("WWW-Authenticate"))
        if found or not self._challenges:
            self._challenges = tuple(found or self._ping())
        return next((one for one in found if one.scheme == BEARER), None)

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
        return parse_challenges(answer.headers.getlist("WWW-Authenticate"))

    def _is_final(self, answer: Answer, bearer: Challenge | None, used: Authorization) -> bool:
        """Whether a new token for the same login would be refused as well."""
        if answer.status == UNAUTHORIZED and not (bearer and _lacks_scope(bearer, used)):
            return False
        # What an account may do can have changed since the token was granted (B-A15).
        now = self._connections.clock.monotonic()
        return not used.is_old(now) and _ENDED.search(answer.body) is None

    def _asked(self, scopes: Scopes, bearer: Challenge | None) -> Scopes:
        """What to ask for when `scopes` are needed, given what the registry says it wants."""
        hint = bearer.parameters.get("scope") if bearer else None
        asked = widened(scopes, hint) if hint else self._wider.get(scopes, scopes)
        if asked != scopes:
            if len(self._wider) >= self._connections.limits.tokens:
                self._wider.clear()
            self._wider[scopes] = asked
        return asked

    def _login(self, repository: str | None) -> Login | None:
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
        offered = any(challenge.scheme == BASIC for challenge in self._challenges)
        pair = login if isinstance(login, Basic) and offered else None
        service = self._service(login, otherwise=pair is not None)
        if service is not None:
            return self._tokens.token(Account(login, service), scopes, refused=refused)
        return Authorization(pair.header(), pair) if pair is not None else None

    def _service(self, login: Login | None, *, otherwise: bool) -> TokenService | None:
        """The first token service that may be asked, if any is offered (A5, S2).

        Args:
            login: what it would be sent.
            otherwise: whether there is another way to log in.

        Raises:
            UnsafeRedirectError: none may be asked, and there is no other way.
        """
        refusal = None
        for challenge in self._challenges:
            realm = challenge.parameters.get("realm")
            if challenge.scheme == BEARER and realm:
                try:
                    asked = self._connections.gate.realm(realm, credentials=login is not None)
                except UnsafeRedirectError as error:
                    refusal = error
                else:
                    return TokenService(asked, challenge.parameters.get("service", ""))
        if refusal is not None and not otherwise:
            raise refusal
        return None


def _lacks_scope(bearer: Challenge, used: Authorization) -> bool:
    """Whether a token was refused for want of what it was asked for already (B-A12)."""
    wanted = tuple(bearer.parameters.get("scope", "").split())
    return bearer.parameters.get("error") == "insufficient_scope" and covers(used.scopes, wanted)
