"""Deleting: the one way in which anything of a registry is deleted."""

from __future__ import annotations

from regnb.core.auth.scopes import Scopes
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.incoming import Answer
from regnb.errors import NotFoundError

_ANSWER = 64 * 1024
_NOT_FOUND = 404
# A proxy says so of a registry whose answer it did not get.
_LOSES_ANSWERS = frozenset({502, 504, *range(520, 525)})


def delete(transport: Transport, url: str, *, scopes: Scopes, unknown: type[NotFoundError]) -> None:
    """Delete what is at `url`. One request, and more where the connection breaks (F1).

    A deletion whose answer was lost is tried again; that there is nothing left by then is what
    was wanted, and no error.

    Raises:
        DeletionDisabledError: the registry deletes nothing (W-M10).
        NotFoundError: `unknown`, when there is no such thing.
        RegistryError: what else stands in the way.
    """
    lost = False

    def once() -> Answer:
        nonlocal lost
        try:
            answer = transport.attempt(request, limit=_ANSWER, scopes=scopes)
        except Interrupted:
            lost = True
            raise
        lost = lost or answer.status in _LOSES_ANSWERS
        return answer

    request = transport.request("DELETE", url)
    answer = transport.retries.run(once)
    if not answer.ok and not (answer.status == _NOT_FOUND and lost):
        raise failure(answer, unknown=unknown)
