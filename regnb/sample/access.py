"""What a request needs to be allowed, and passwords (RFC 9110, 11; RFC 7617).

The specification leaves authentication open; scopes are those of the distribution registry.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from regnb.sample.messages import RefusedError, Request
from regnb.sample.names import check_name

# DELETE needs an action of its own even where it ends an upload.
_ACTIONS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}
BASIC = 'Basic realm="sample"'


class Guard(Protocol):
    """Who decides whether a request may go on."""

    def admit(self, request: Request, scopes: Sequence[str]) -> None:
        """Let it pass.

        Raises:
            RefusedError: 401, with the challenge that tells how to do better.
        """


def scopes_of(request: Request, name: str | None = None) -> list[str]:
    """What a request needs: ``repository:team/app:pull,push``, and for a mount its source too."""
    if name is None:
        return ["registry:catalog:*"] if request.path == "/v2/_catalog" else []
    scopes = [f"repository:{name}:{_ACTIONS.get(request.method, 'pull,push')}"]
    source = request.parameter("from") if request.method == "POST" else None
    if source:
        scopes.append(f"repository:{check_name(source)}:pull")
    return scopes


def refusal(challenge: str) -> RefusedError:
    """The 401 that asks for something else."""
    message = "authentication required"
    headers = [("WWW-Authenticate", challenge)]
    return RefusedError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", message, headers=headers)


def credentials(request: Request, scheme: str) -> str | None:
    """What stands after the scheme in Authorization."""
    given, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if given.lower() == scheme else None


class Passwords:
    """Lets users in by name and password: all of them may do everything."""

    def __init__(self, users: Mapping[str, str]) -> None:
        """Take the passwords by user."""
        self._users = dict(users)

    def admit(self, request: Request, scopes: Sequence[str]) -> None:
        """Let users pass."""
        if self.user(request) is None:
            raise refusal(BASIC)

    def user(self, request: Request) -> str | None:
        """Who sends a request, by the password that comes with it."""
        try:
            login = base64.b64decode(credentials(request, "basic") or "", validate=True).decode()
        except ValueError:
            return None
        user, _, password = login.partition(":")
        return user if self.good(user, password) else None

    def good(self, user: str, password: str) -> bool:
        """Whether a password is that of a user."""
        known = self._users.get(user)
        return known is not None and hmac.compare_digest(known.encode(), password.encode())
