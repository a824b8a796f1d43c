"""What a call cannot do, whatever a registry answers; and all warnings."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

SHOWN_TEXT = 1024


def printable(text: object, limit: int = SHOWN_TEXT) -> str:
    """Text from a registry as one line without control characters, cut at `limit` characters."""
    raw = str(text)
    cut = raw[:limit]
    # Everything that Python itself would escape: controls, bidi marks, lone surrogates.
    clean = cut if cut.isprintable() else "".join(c if c.isprintable() else " " for c in cut)
    return clean.strip() + ("…" if len(raw) > limit else "")


class RegnbError(Exception):
    """Whatever regnb raises on purpose."""


class InvalidReferenceError(RegnbError, ValueError):
    """A repository name, tag or reference that the grammar refuses."""


class NameUppercaseError(InvalidReferenceError):
    """A repository path with an upper-case letter."""


class NameTooLongError(InvalidReferenceError):
    """A repository path of more than 255 characters."""


class InvalidDigestError(RegnbError, ValueError):
    """A digest that the grammar refuses."""


class UnsupportedDigestError(InvalidDigestError):
    """A digest whose algorithm cannot be computed here, so that nothing can be verified by it."""


class InvalidDocumentError(RegnbError, ValueError):
    """A JSON document, manifest or config that is malformed, ambiguous or too deep."""


class InvalidPlatformError(RegnbError, ValueError):
    """Text that is not ``os/architecture[/variant]``."""


class PlatformRequiredError(RegnbError, LookupError):
    """One platform is needed where there are several, or none such; the message lists them."""


class MissingExtraError(RegnbError, ImportError):
    """An optional package is not installed; the message holds the command that installs it."""


class TooManyRepositoriesError(RegnbError, ValueError):
    """More repositories than can be compared each with each; the message says how to narrow."""


class IncomparableAuditsError(RegnbError, ValueError):
    """Audits that asked for different things, so that what they differ in says nothing."""


class BudgetSpentError(RegnbError):
    """A call would cost more requests than it was given; ``partial`` holds what it has found."""

    partial: Sequence[str] = ()


class TooManyReferrersError(RegnbError):
    """More referrers of referrers than anyone makes on purpose; reading stopped there."""


class CredentialError(RegnbError, PermissionError):
    """Credentials for a registry are set up but cannot be had: going on without would mislead."""


class CredentialFileError(CredentialError):
    """A file of logins that is malformed, or cannot be read or written; names it, not its text."""


class CredentialHelperError(CredentialError):
    """A ``docker-credential-*`` program that is missing or fails; its output is not shown."""


class CredentialWarning(UserWarning):
    """A login in a file was passed over: it is not the base64 form of a user and a password."""


class CacheWarning(UserWarning):
    """What is kept on disk to save requests cannot be used, or had to be begun anew."""


class OperationCancelledError(RegnbError):
    """Another thread cancelled the call; what was done stays done."""


class LayoutError(RegnbError, ValueError):
    """A folder or file that is no OCI image layout and no archive of images, or a damaged one."""


class ReadOnlyError(RegnbError, io.UnsupportedOperation):
    """An archive can be read, and not written to; from images on disk nothing is deleted."""


class StorageError(RegnbError, OSError):
    """A file or folder that cannot be read or written; what was there before is still there."""


class DiskFullError(StorageError):
    """No space is left; what has arrived is kept, to go on from."""


class StorageDeniedError(StorageError, PermissionError):
    """This account may not read or write there."""


class SavedAuditError(RegnbError, ValueError):
    """A saved audit that is damaged or lacks a file; the message names it."""


class NewerAuditError(SavedAuditError):
    """A saved audit that a newer version of regnb wrote: update."""


class WorkerError(RegnbError):
    """A worker of an executor failed, and not because of what the registry answered."""


class AuditUnknownError(RegnbError, LookupError):
    """A folder that holds no such audit; the message says which it holds."""


class TransferError(RegnbError):
    """Some of several images could not be moved; the others are where they should be.

    Attributes:
        errors: what stood in the way, by tag or digest.
        table: what was done all the same, as the call would have returned it.
    """

    table: Any = None

    def __init__(self, message: str, *, errors: Mapping[str, RegnbError] | None = None) -> None:
        """Take the sentence that says what to do, and the errors behind it."""
        super().__init__(message)
        self.errors = errors or {}


class NotInAuditError(RegnbError, LookupError):
    """Tags, digests or repositories that an audit has not seen; ``names`` holds all of them."""

    names: Sequence[str] = ()


class PlanError(RegnbError):
    """A plan of deletions is not carried out, or not wholly."""


class ConfirmationError(PlanError, ValueError):
    """What was confirmed is not the number that would go; the message tells it."""


class OtherRegistryError(PlanError, ValueError):
    """A plan for another registry, or one that knows no registry any more."""


class PlanOutdatedError(PlanError):
    """The registry is no longer as the plan has it; nothing was deleted.

    Attributes:
        names: tags and digests that moved, vanished, or came to need what goes.
    """

    names: Sequence[str] = ()


class DeletionError(PlanError):
    """Some of what a plan deletes could not be deleted; the rest is gone.

    Attributes:
        log: what was done and what was not, as the call would have returned it.
    """

    log: Any = None


class SavedAuditWarning(UserWarning):
    """One of the audits of a folder cannot be used; the others can."""


class ListingWarning(UserWarning):
    """A listing holds what cannot be what it lists, or is gone; or nothing that was asked for."""


class RegistryWarning(UserWarning):
    """What a registry wants its users to know; it changes nothing (distribution-spec, warnings)."""


class UnverifiedTLSWarning(UserWarning):
    """The certificate of a registry is not checked, because the caller said so."""
