"""Failures: what a walk could not read, as rows (F11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    InvalidReferenceError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    RegistryTimeoutError,
    RegistryUnavailableError,
    RegnbError,
    TLSError,
    UnreachableError,
    printable,
)

Stage = Literal["catalog", "tags", "manifest", "config", "referrers", "blob"]

NAMES_SHOWN = 3

_LATER = (RateLimitedError, RegistryTimeoutError, RegistryUnavailableError, UnreachableError)


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that could not be read.

    Attributes:
        observed_at: when, UTC.
        stage: what was being read.
        repository: where; empty for the catalog.
        reference: the tag or digest; empty for listings.
        parent_digest: the manifest that led there; empty for tags and listings.
        status: the HTTP status, or None where there was no answer.
        code: the registry's error code, or the kind of error where it gave none.
        message: one printable line.
        retriable: whether asking again later may help.
    """

    observed_at: datetime
    stage: Stage
    repository: str = ""
    reference: str = ""
    parent_digest: str = ""
    status: int | None = None
    code: str = ""
    message: str = ""
    retriable: bool = False

    @classmethod
    def of(
        cls,
        error: RegnbError,
        *,
        observed_at: datetime,
        stage: Stage,
        repository: str = "",
        reference: str = "",
        parent_digest: str = "",
    ) -> Failure:
        """The row for an exception."""
        answer = error if isinstance(error, RegistryError) else None
        return cls(
            observed_at=observed_at,
            stage=stage,
            repository=printable(repository),
            reference=printable(reference),
            parent_digest=parent_digest,
            status=answer.status if answer else None,
            code=printable((answer and answer.code) or type(error).__name__),
            message=printable(error),
            retriable=isinstance(error, _LATER) and not isinstance(error, TLSError),
        )

    @property
    def order(self) -> tuple[str, ...]:
        """What rows are sorted by, so that the order does not depend on threads (F13)."""
        where = (self.repository, self.stage, self.reference, self.parent_digest)
        return (*where, self.code, self.message)


def not_names(of: str, refused: Sequence[str]) -> InvalidReferenceError:
    """The error for names in a listing that cannot be names of what it lists."""
    shown = ", ".join(repr(printable(name, 80)) for name in refused[:NAMES_SHOWN])
    return InvalidReferenceError(
        f"{len(refused)} of the names listed are no {of} and were not read: {shown}"
        + (", …" if len(refused) > NAMES_SHOWN else ".")
    )


def listing_status(error: RegnbError) -> str:
    """How the listing of a repository went that ended in an error."""
    if isinstance(error, NotFoundError):
        return "404"
    return "denied" if isinstance(error, DeniedError | AuthenticationRequiredError) else "error"
