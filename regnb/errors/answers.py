"""What a registry did or did not answer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from regnb.errors.calls import RegnbError


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
