"""Authorization: what is sent along with a request, on whose behalf, and how long it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regnb.core.auth.logins import Login
from regnb.core.auth.scopes import Scopes
from regnb.core.wire.secret import Secret

RENEWED_EARLY = 5.0
"""Seconds before its end that a token is replaced, so that it does not end on the way (W-A5)."""
_SHORT = 10.0


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Authorization:
    """What a request is authorised by. Each one is equal only to itself.

    Attributes:
        header: the value of an ``Authorization`` header.
        login: what it was got for; None where nobody in particular asks.
        scopes: what it was asked for; less may have been granted.
        obtained: when it came, on the monotonic clock.
        lifetime: seconds that it holds; infinitely many where nothing says when it ends.
    """

    header: Secret
    login: Login | None
    scopes: Scopes = ()
    obtained: float = 0.0
    lifetime: float = math.inf

    @property
    def password(self) -> Login | None:
        """The login, where it is sent itself and no token that was got for it."""
        return self.login if self.lifetime == math.inf else None

    def is_fresh(self, now: float) -> bool:
        """Whether it may still be sent."""
        early = RENEWED_EARLY if self.lifetime > _SHORT else 0.0
        return now < self.obtained + self.lifetime - early

    def is_old(self, now: float) -> bool:
        """Whether more than half of its lifetime is over (B-A15)."""
        return now - self.obtained > self.lifetime / 2
