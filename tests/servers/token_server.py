"""A token server: what the realm of a registry's Bearer challenge leads to.

It speaks both forms that registries use: GET with Basic, and POST of a form as in OAuth 2. It
writes down what it is asked, and what it answers can be changed while it runs.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Any

from tests.servers.certificates import Certificate
from tests.servers.http_server import Answer, Asked, HttpServer
from tests.servers.programs import PATIENCE
from tests.servers.tokens import Access, Signer

ANONYMOUS = ""
Grants = Callable[[str, Access], Collection[str]]  # (user, access) -> the actions granted
DENIED = Answer.of({"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}, 401)


def pull_for_all(user: str, access: Access) -> Collection[str]:
    """Everything for those with a password, ``pull`` for those without."""
    return access.actions if user else {"pull"}


class TokenServer(HttpServer):
    """Gives out tokens that the distribution registry takes.

    Attributes:
        realm: the URL to ask for tokens.
        service: the registry that they are for.
        signer: who signs them.
        users: passwords by user.
        refresh_tokens: users by refresh token; those that a test puts in are good as well.
        grants: which actions of an access a user gets; no action, and the access is left out.
        lifetime: for how many seconds a registry takes a token, up to one less.
        spoiled: how many of the next tokens no registry takes, since their time is over.
        rotates: whether a refresh token is answered with a new one.
        post: what every POST is answered with, for servers that know GET only.
        edit: changes the document of an answer before it goes out.
        script: what the next requests are answered with, whatever they ask.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        tls: Certificate | None = None,
    ) -> None:
        """Listen at once, with a key that is written into `folder`."""
        super().__init__(self._respond, tls=tls)
        self.realm = f"{self.url}token"
        self.service = "registry.example"
        self.signer = Signer(folder)
        self.users = dict(users or {})
        self.refresh_tokens: dict[str, str] = {}
        self.grants: Grants = pull_for_all
        self.lifetime = 300
        self.spoiled = 0
        self.rotates = False
        self.post: Answer | None = None
        self.edit: Callable[[dict[str, Any]], Any] = lambda document: document
        self.script: deque[Answer] = deque()
        self._answering = Event()
        self._answering.set()
        self._lock = Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the block runs requests are written down, but not yet answered."""
        self._answering.clear()
        try:
            yield
        finally:
            self._answering.set()

    def _respond(self, asked: Asked) -> Answer:
        self._answering.wait(PATIENCE)
        with self._lock:
            if self.script:
                return self.script.popleft()
            if asked.method == "POST" and self.post:
                return self.post
            return self._granted(asked) if asked.method == "POST" else self._got(asked)

    def _got(self, asked: Asked) -> Answer:
        user, password = asked.login or (ANONYMOUS, None)
        if password is not None and self.users.get(user) != password:
            return DENIED
        scopes = " ".join(asked.query.get("scope", [])).split()
        document = self._document(user, scopes)
        document["token"] = document["access_token"]
        if asked.query.get("offline_token") == ["true"]:
            document["refresh_token"] = self._refresh_token(user)
        return Answer.of(self.edit(document))

    def _granted(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in asked.form.items()}
        user = self._owner(form)
        if user is None:
            return DENIED
        document = self._document(user, form.get("scope", "").split())
        if form.get("access_type") == "offline" or (self.rotates and "refresh_token" in form):
            document["refresh_token"] = self._refresh_token(user)
        return Answer.of(self.edit(document))

    def _owner(self, form: Mapping[str, str]) -> str | None:
        """Whose grant a form is; None where it is none."""
        if form.get("grant_type") == "refresh_token":
            return self.refresh_tokens.get(form.get("refresh_token", ""))
        user = form.get("username", ANONYMOUS)
        good = form.get("grant_type") == "password" and self.users.get(user) == form.get("password")
        return user if good and user in self.users else None

    def _refresh_token(self, user: str) -> str:
        token = secrets.token_urlsafe(16)
        self.refresh_tokens[token] = user
        return token

    def _document(self, user: str, scopes: Collection[str]) -> dict[str, Any]:
        asked = [Access.read(scope) for scope in scopes]
        granted = [access.only(self.grants(user, access)) for access in asked]
        accesses = [access for access in granted if access.actions]
        over = self.spoiled > 0
        self.spoiled -= over
        lifetime = -1 if over else self.lifetime
        token = self.signer.sign(accesses, service=self.service, subject=user, lifetime=lifetime)
        return {
            "access_token": token,
            "scope": " ".join(map(str, accesses)),
            "expires_in": self.lifetime,
            "issued_at": datetime.now(UTC).isoformat(),
        }
