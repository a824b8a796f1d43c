"""Authenticator: what to send along with a request, as far as the registry has asked for it."""

from __future__ import annotations

from collections.abc import Callable

from regnb.core.auth.challenges import parse_challenges
from regnb.core.auth.logins import Basic, Login
from regnb.core.auth.scopes import Scopes
from regnb.core.wire.connections import Connections
from regnb.core.wire.incoming import Incoming
from regnb.core.wire.secret import Secret

FindLogin = Callable[[str | None], Login | None]
"""The credentials for a repository of one registry (None: for the registry itself), if any."""


class Authenticator:
    """Answers the challenges of one registry. Threads share it."""

    __slots__ = ("_authorization", "_connections", "_find")

    def __init__(self, connections: Connections, find: FindLogin) -> None:
        """Hold credentials back until the registry asks for them.

        Args:
            connections: over which tokens are asked for.
            find: called at the first challenge, and never before.
        """
        self._connections = connections
        self._find = find
        self._authorization: Secret | None = None

    def authorization(self, scopes: Scopes) -> Secret | None:
        """The ``Authorization`` for a request, or None as long as none was asked for."""
        return self._authorization

    def challenged(self, incoming: Incoming, scopes: Scopes, used: Secret | None) -> bool:
        """Learn from an answer that refused a request; True where asking again makes sense.

        Args:
            incoming: the answer, a 401 as a rule; its body has not been read.
            scopes: of the request.
            used: the ``Authorization`` that the request carried.
        """
        if used is not None:
            return False
        login = self._find(None)
        if not isinstance(login, Basic):
            return False
        offered = {c.scheme for c in parse_challenges(incoming.headers.getlist("WWW-Authenticate"))}
        if "basic" not in offered:
            return False
        self._authorization = login.header()
        return True
