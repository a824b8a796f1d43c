"""Helper: the ``docker-credential-*`` programs, which keep logins or make them as they are needed.

The protocol is that of docker-credential-helpers: a verb as the argument, the registry or a JSON
document on standard input, a JSON document on standard output.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from dataclasses import dataclass, field
from typing import Any

from regnb.core.auth.child import Answer, run
from regnb.core.auth.logins import TOKEN_USER, Basic, IdentityToken, login_with
from regnb.core.wire.clock import Clock
from regnb.core.wire.limits import Limits
from regnb.core.wire.secret import Secret
from regnb.errors import CredentialHelperError, printable
from regnb.model.strict_json import loads

_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_NOT_FOUND = b"credentials not found in native keychain"

Kept = Basic | IdentityToken
"""The kinds of login that a helper can keep."""


@dataclass(slots=True)
class _Memory:
    """How a helper answered for one registry; the lock is held while it is asked."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    login: Kept | None = None
    failure: str = ""
    until: float = float("-inf")


class Helpers:
    """The credential helpers of this machine. Threads share it.

    What one gave is used again for five minutes: some ask a cloud or a person, and others hand out
    passwords that expire.
    """

    def __init__(self, *, limits: Limits | None = None, clock: Clock | None = None) -> None:
        """Run nothing yet."""
        self.limits = limits or Limits()
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._memories: dict[tuple[str, str], _Memory] = {}

    def get(self, name: str, server: str, *, named_by: str) -> Kept | None:
        """The login that a helper has for a server; None where it has none.

        Args:
            name: of the helper, what follows ``docker-credential-``.
            server: ``host[:port]``, or what Docker calls Docker Hub.
            named_by: the file that names the helper, in words.

        Raises:
            CredentialHelperError: the name is none, or the program is missing or fails.
        """
        with self._lock:
            memory = self._memories.setdefault((name, server), _Memory())
        with memory.lock:  # one thread asks, the others wait for its answer
            if self._clock.monotonic() >= memory.until:
                self._renew(memory, name, server, named_by)
            login, failure = memory.login, memory.failure
        if failure:
            raise CredentialHelperError(failure)
        return login

    def store(self, name: str, server: str, login: Kept, *, named_by: str) -> None:
        """Have a helper keep a login.

        Raises:
            CredentialHelperError: the name is none, or the program is missing or fails.
        """
        answer = self._run(name, "store", _document(server, login), named_by)
        self.forget(server)
        if answer.status != 0:
            raise _failure(name, named_by, f'refused to "store" (exit status {answer.status})')

    def erase(self, name: str, server: str, *, named_by: str) -> None:
        """Have a helper drop its login for a server; one that it does not have is no error.

        Raises:
            CredentialHelperError: the name is none, or the program is missing or fails.
        """
        answer = self._run(name, "erase", Secret(server), named_by)
        self.forget(server)
        if answer.status != 0 and not _knows_none(answer):
            raise _failure(name, named_by, f'refused to "erase" (exit status {answer.status})')

    def forget(self, server: str) -> None:
        """Ask again for a server at the next `get`: what was given no longer holds."""
        with self._lock:
            for key in [key for key in self._memories if key[1] == server]:
                del self._memories[key]

    def _renew(self, memory: _Memory, name: str, server: str, named_by: str) -> None:
        memory.login, memory.failure = None, ""
        try:
            memory.login = self._ask(name, server, named_by)
        except CredentialHelperError as error:
            memory.failure = str(error)  # and no more of it: its frames may hold what was printed
        lasts = self.limits.helper_memory if memory.login else self.limits.helper_memory_of_none
        memory.until = self._clock.monotonic() + lasts

    def _ask(self, name: str, server: str, named_by: str) -> Kept | None:
        answer = self._run(name, "get", Secret(server), named_by)
        if answer.status != 0:
            if _knows_none(answer):
                return None
            trouble = f"failed for {printable(server, 200)} (exit status {answer.status})"
            raise _failure(name, named_by, trouble)
        try:
            return _login(answer, name)
        except ValueError:
            raise _failure(name, named_by, "printed something else than a login") from None

    def _run(self, name: str, verb: str, text: Secret, named_by: str) -> Answer:
        program = _find(name, named_by)
        answer = run((program, verb), text, limits=self.limits, clock=self._clock)
        if answer.trouble:
            raise _failure(name, named_by, answer.trouble)
        return answer


HELPERS = Helpers()
"""The helpers as every registry of this process shares them."""


def _find(name: str, named_by: str) -> str:
    """The absolute path of a helper, looked up once and never in a relative folder."""
    if not _NAME.fullmatch(name):
        raise CredentialHelperError(
            f"{named_by} names a credential helper that cannot be one: a name has letters, "
            "digits, dots, hyphens and underscores. Correct the file."
        )
    program = f"docker-credential-{name}" + (".exe" if os.name == "nt" else "")
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = shutil.which(program, path=os.pathsep.join(f for f in folders if os.path.isabs(f)))
    if path is None or not os.path.isabs(path):
        raise _failure(name, named_by, "is not on PATH")
    return path


def _failure(name: str, named_by: str, trouble: str) -> CredentialHelperError:
    return CredentialHelperError(
        f"docker-credential-{printable(name, 80)}, which {named_by} names, {trouble}. "
        "Run it in a terminal to see why, or pass username= and password=."
    )


def _knows_none(answer: Answer) -> bool:
    return bytes(answer.output).strip() == _NOT_FOUND


def _login(answer: Answer, name: str) -> Kept | None:
    """The login in what a helper printed; ValueError where it is none."""
    document = loads(bytes(answer.output))
    if not isinstance(document, dict):
        raise ValueError("no object")
    username, secret = _text(document, "Username"), _text(document, "Secret")
    if not username and not secret:
        return None  # how some say that they have none
    return login_with(username, secret, source=f"docker-credential-{name}")


def _text(document: dict[str, Any], field_name: str) -> Secret:
    value = document.get(field_name, "")
    if not isinstance(value, str):
        raise ValueError("no text")
    return Secret(value)


def _document(server: str, login: Kept) -> Secret:
    pair = (
        (TOKEN_USER, login.token)
        if isinstance(login, IdentityToken)
        else (login.username, login.password)
    )
    return Secret(json.dumps({"ServerURL": server, "Username": pair[0], "Secret": pair[1]}))
