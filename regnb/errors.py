"""Every exception that regnb raises on purpose.

::

    RegnbError
    ├── InvalidReferenceError (ValueError)        a name, tag or reference that the grammar refuses
    │   ├── NameUppercaseError
    │   └── NameTooLongError
    ├── InvalidDigestError (ValueError)           a digest that the grammar refuses
    │   └── UnsupportedDigestError                an algorithm that cannot be computed here
    ├── InvalidDocumentError (ValueError)         JSON or a manifest that is malformed or ambiguous
    ├── InvalidPlatformError (ValueError)         text that names no platform
    ├── PlatformRequiredError (LookupError)       one platform is needed, several or none are there
    ├── MissingExtraError (ImportError)           an optional package is not installed
    ├── TooManyReferrersError                     referrers of referrers without end
    ├── TooManyRepositoriesError (ValueError)     more than can be compared each with each
    ├── IncomparableAuditsError (ValueError)      audits of different registries, scopes or policies
    ├── BudgetSpentError                          a call that would cost more than it may
    ├── CredentialError (PermissionError)         credentials that are set up, but cannot be had
    │   ├── CredentialFileError                   a file of logins that cannot be read or written
    │   └── CredentialHelperError                 a docker-credential-* program that fails
    ├── OperationCancelledError                   another thread cancelled the call
    ├── LayoutError (ValueError)                  no OCI image layout or archive, or a damaged one
    ├── ReadOnlyError (io.UnsupportedOperation)   images on disk that are only read
    ├── StorageError (OSError)                    a file or folder that cannot be read or written
    │   ├── DiskFullError
    │   └── StorageDeniedError (PermissionError)
    ├── SavedAuditError (ValueError)              a saved audit that is damaged, or lacks a file
    │   └── NewerAuditError                       one that a newer version of regnb wrote
    ├── WorkerError                               a worker of an executor that failed
    ├── AuditUnknownError (LookupError)           a folder that holds no such audit
    ├── TransferError                             some of several images could not be moved
    ├── NotInAuditError (LookupError)             names that an audit has not seen
    ├── PlanError                                 a plan of deletions that is not carried out
    │   ├── ConfirmationError (ValueError)        its confirmation is not the number that goes
    │   ├── OtherRegistryError (ValueError)       a plan for another registry, or for none
    │   ├── PlanOutdatedError                     the registry is no longer as the plan has it
    │   └── DeletionError                         some of it could not be deleted
    └── RegistryError                             whatever a registry did or did not answer
        ├── UnreachableError (ConnectionError)    no connection
        │   ├── HostUnknownError                  the name does not resolve
        │   └── TLSError                          the certificate or the handshake was refused
        ├── RegistryTimeoutError (TimeoutError)   connected, but no answer in time
        ├── ProtocolError (ValueError)            an answer that is not what the specification says
        │   ├── NotARegistryError                 a web page, or nothing under /v2/
        │   ├── BodyTooLargeError
        │   ├── TooManyPagesError
        │   ├── RangesUnsupportedError (io.UnsupportedOperation)   only whole blobs are sent
        │   └── UnsafeRedirectError               an answer that leads where it must not
        │       └── UntrustedRealmError           a token service that is sent no credentials
        ├── VerificationError (ValueError)        bytes that are not what was asked for
        │   ├── DigestMismatchError
        │   └── SizeMismatchError
        ├── TagMovedError                         a tag that changed between two looks at it
        ├── ReferrersTagError                     a list of referrers that could not be kept right
        ├── AuthenticationRequiredError (PermissionError)   401
        ├── TokenError                            a token service that gives no token
        ├── DeniedError (PermissionError)         403
        ├── NotFoundError (LookupError)           404
        │   ├── RepositoryUnknownError
        │   ├── ManifestUnknownError
        │   ├── BlobUnknownError
        │   └── UploadUnknownError                the registry has forgotten an upload
        ├── ManifestInvalidError (ValueError)     a manifest that the registry refuses
        │   └── ManifestBlobUnknownError          it names content that the repository lacks
        ├── UploadInvalidError (ValueError)       bytes refused for their range, size or digest
        ├── RequestTooLargeError (ValueError)     413: more bytes than the registry takes
        ├── DeletionDisabledError (PermissionError)   the registry does not delete
        │   └── UntagUnsupportedError             it does not delete tags
        ├── CatalogUnsupportedError               the registry does not list its repositories
        ├── RateLimitedError                      429
        └── RegistryUnavailableError              5xx, after the retries

and, as warnings (UserWarning): ListingWarning, a listing that holds names that are none;
RegistryWarning, what a registry wants its users to know; CredentialWarning, a login in a file that
was passed over because it cannot be understood; UnverifiedTLSWarning, a certificate that is not
checked; CacheWarning, what is kept on disk between calls cannot be used.

Messages hold registry text only through `printable`, so that neither a terminal nor a log is at
its mercy, and URLs only in redacted form.
"""

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
    clean = "".join(c if c.isprintable() else " " for c in cut).strip()
    return clean + ("…" if len(raw) > limit else "")


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


class ListingWarning(UserWarning):
    """A listing holds what cannot be what it lists, or is gone; that was left out."""


class RegistryWarning(UserWarning):
    """What a registry wants its users to know; it changes nothing (distribution-spec, warnings)."""


class UnverifiedTLSWarning(UserWarning):
    """The certificate of a registry is not checked, because the caller said so."""


class RegistryError(RegnbError):
    """Whatever a registry did or did not answer.

    Attributes:
        status: the HTTP status, or None where there was no answer.
        code: the registry's own error code, for example ``MANIFEST_UNKNOWN``, or None.
        detail: the registry's ``detail`` value, or None.
        method: the HTTP method, or None.
        url: the URL asked for, without credentials or signatures, or None.
        request_id: what the registry calls this request in its own log, or None.
        retry_after: seconds after which the registry would be asked again, or None.
        partial: what a listing had brought before it broke off, or None.
    """

    partial: Sequence[str] | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        detail: Any = None,
        method: str | None = None,
        url: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Take the sentence that says what to do, and the facts around it."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.method = method
        self.url = url
        self.request_id = request_id
        self.retry_after = retry_after


class UnreachableError(RegistryError, ConnectionError):
    """No connection to the registry, or one that broke more often than the retries allow."""


class HostUnknownError(UnreachableError):
    """The registry's name does not resolve."""


class TLSError(UnreachableError):
    """The registry's certificate or the handshake was refused."""


class RegistryTimeoutError(RegistryError, TimeoutError):
    """The registry was reached but did not answer in time."""


class ProtocolError(RegistryError, ValueError):
    """An answer that is not what the specification says."""


class NotARegistryError(ProtocolError):
    """The host answers, but not as a registry: a web page, say."""


class BodyTooLargeError(ProtocolError):
    """A body above its cap; reading stopped there."""


class TooManyPagesError(ProtocolError):
    """A listing that does not end; reading stopped there."""


class RangesUnsupportedError(ProtocolError, io.UnsupportedOperation):
    """The registry sends only whole blobs, so that none can be read from its middle on."""


class UnsafeRedirectError(ProtocolError):
    """A redirect or Link that leads where it must not."""


class UntrustedRealmError(UnsafeRedirectError):
    """A token service that is not evidently the registry's, so that no credentials went there."""


class VerificationError(RegistryError, ValueError):
    """Bytes that are not what was asked for; they were thrown away."""


class DigestMismatchError(VerificationError):
    """The bytes do not hash to their digest."""


class SizeMismatchError(VerificationError):
    """The bytes are more or fewer than their descriptor says."""


class TagMovedError(RegistryError):
    """A tag that changed between two looks at it."""


class ReferrersTagError(RegistryError):
    """The list of referrers under a tag could not be brought in step with what was done."""


class AuthenticationRequiredError(RegistryError, PermissionError):
    """401: no credentials, or credentials that were refused."""


class TokenError(RegistryError):
    """The registry's token service gave no token, for another reason than who asked."""


class DeniedError(RegistryError, PermissionError):
    """403: known, but not allowed."""


class NotFoundError(RegistryError, LookupError):
    """404."""


class RepositoryUnknownError(NotFoundError):
    """The registry has no such repository, or hides it."""


class ManifestUnknownError(NotFoundError):
    """The repository has no such tag or manifest."""


class BlobUnknownError(NotFoundError):
    """The repository has no such blob."""


class UploadUnknownError(NotFoundError):
    """The registry knows nothing of an upload, or no longer: begin a new one."""


class ManifestInvalidError(RegistryError, ValueError):
    """A manifest or tag that the registry refuses."""


class ManifestBlobUnknownError(ManifestInvalidError):
    """A manifest that names blobs or manifests that the repository lacks: push those first."""


class UploadInvalidError(RegistryError, ValueError):
    """Bytes that the registry refuses for their range, their size or their digest."""


class RequestTooLargeError(RegistryError, ValueError):
    """413: more bytes than the registry takes at once."""


class DeletionDisabledError(RegistryError, PermissionError):
    """The registry does not delete; its configuration may allow it."""


class UntagUnsupportedError(DeletionDisabledError):
    """The registry does not delete tags, only manifests with all their tags, if at all."""


class CatalogUnsupportedError(RegistryError):
    """The registry does not list its repositories; name them instead."""


class RateLimitedError(RegistryError):
    """429, after the retries or with a wait that is too long."""


class RegistryUnavailableError(RegistryError):
    """A 5xx answer, after the retries."""
