"""Offer: the ways to log in that a registry offers, and which of them can be taken."""

from __future__ import annotations

from collections.abc import Sequence

from regnb.core.auth.challenges import Challenge
from regnb.core.auth.token_service import TokenService
from regnb.core.wire.gate import Gate
from regnb.errors import UnsafeRedirectError

BASIC, BEARER = "basic", "bearer"


class Offer:
    """What the challenges of one answer offer."""

    __slots__ = ("_challenges", "_gate", "_services")

    def __init__(self, challenges: Sequence[Challenge] = (), *, gate: Gate) -> None:
        """Take the challenges; the gate decides which token services may be asked."""
        self._challenges = tuple(challenges)
        self._gate = gate
        self._services: dict[bool, TokenService] = {}

    def __bool__(self) -> bool:
        """Whether there is any challenge at all."""
        return bool(self._challenges)

    @property
    def basic(self) -> bool:
        """Whether a user name and a password are taken."""
        return any(challenge.scheme == BASIC for challenge in self._challenges)

    def bearer(self, name: str) -> str:
        """A parameter of the first Bearer challenge, or nothing."""
        found = (c.parameters.get(name, "") for c in self._challenges if c.scheme == BEARER)
        return next(found, "")

    def token_service(self, *, credentials: bool, needed: bool) -> TokenService | None:
        """The first token service that may be asked, if one is offered (A5, S2).

        Args:
            credentials: whether it would be sent the user's.
            needed: whether there is no other way to log in.

        Raises:
            UnsafeRedirectError: none may be asked, and one is needed.
        """
        known = self._services.get(credentials)  # the gate is not asked anew at every request
        if known is not None:
            return known
        refusal = None
        for challenge in self._challenges:
            realm = challenge.parameters.get("realm")
            if challenge.scheme == BEARER and realm:
                try:
                    realm = self._gate.realm(realm, credentials=credentials)
                except UnsafeRedirectError as error:
                    refusal = error
                else:
                    found = TokenService(realm, challenge.parameters.get("service", ""))
                    self._services[credentials] = found
                    return found
        if refusal is not None and needed:
            raise refusal
        return None
