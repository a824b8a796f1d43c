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

and, as warnings (UserWarning): ListingWarning, a listing that holds names that are none, or
nothing that was asked for;
RegistryWarning, what a registry wants its users to know; CredentialWarning, a login in a file that
was passed over because it cannot be understood; UnverifiedTLSWarning, a certificate that is not
checked; CacheWarning, what is kept on disk between calls cannot be used; SavedAuditWarning, one of
the audits of a folder is damaged or of a newer version.

Messages hold registry text only through `printable`, so that neither a terminal nor a log is at
its mercy, and URLs only in redacted form.
"""

from __future__ import annotations

from regnb.errors.answers import *  # noqa: F403 - every name is meant
from regnb.errors.calls import *  # noqa: F403

for _one in list(vars().values()):
    # Tracebacks and the reference call them what users import.
    if getattr(_one, "__module__", "").startswith(f"{__name__}."):
        _one.__module__ = __name__
