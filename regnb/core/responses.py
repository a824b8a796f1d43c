"""From an answer to the exception that says what to do, and from a body to JSON."""

from __future__ import annotations

from typing import Any

from regnb.core.auth.advice import about_401
from regnb.core.auth.challenges import parse_challenges
from regnb.core.rate_limit import read_rate_limit
from regnb.core.wire.error_body import ErrorBody, is_web_page, read_error_body
from regnb.core.wire.incoming import Answer
from regnb.core.wire.redaction import redact
from regnb.errors import (
    AuthenticationRequiredError,
    DeletionDisabledError,
    DeniedError,
    InvalidDocumentError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestUnknownError,
    NotARegistryError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    RepositoryUnknownError,
    RequestTooLargeError,
    UploadInvalidError,
    UploadUnknownError,
    printable,
)
from regnb.model import strict_json

# A HEAD may be refused where a GET is not, and has no body that says why (W-T7, W-E4).
HEAD_MAY_BE_REFUSED = frozenset({400, 403, 405, 501})
_REQUEST_ID_HEADERS = ("X-Request-Id", "X-Amzn-Requestid", "X-Ms-Correlation-Request-Id", "Cf-Ray")
_SERVER_ERRORS = range(500, 600)
_CLIENT_ERRORS = range(400, 500)
_UNAUTHORIZED, _NOT_FOUND, _METHOD_NOT_ALLOWED, _RANGE_NOT_SATISFIABLE = 401, 404, 405, 416
_WRITES = frozenset({"POST", "PUT", "PATCH"})
_TOO_LARGE = "request body too large"  # how distribution says 413, with a 400 (W-M2)

_BY_STATUS: dict[int, type[RegistryError]] = {
    401: AuthenticationRequiredError,
    403: DeniedError,
    413: RequestTooLargeError,
    429: RateLimitedError,
}
# What a 404 means whatever the endpoint.
_MISSING: dict[str | None, type[RegistryError]] = {
    "NAME_UNKNOWN": RepositoryUnknownError,
    "BLOB_UPLOAD_UNKNOWN": UploadUnknownError,
    "MANIFEST_BLOB_UNKNOWN": ManifestBlobUnknownError,
}
# What the registry has against the bytes that it was sent (B-E5).
_REFUSED: dict[str | None, type[RegistryError]] = {
    "MANIFEST_INVALID": ManifestInvalidError,
    "MANIFEST_UNVERIFIED": ManifestInvalidError,
    "TAG_INVALID": ManifestInvalidError,
    "MANIFEST_BLOB_UNKNOWN": ManifestBlobUnknownError,
    "BLOB_UPLOAD_INVALID": UploadInvalidError,
    "RANGE_INVALID": UploadInvalidError,
    "SIZE_INVALID": UploadInvalidError,
    "DIGEST_INVALID": UploadInvalidError,
}

# The first that fits counts.
_ADVICE: dict[type[RegistryError], str] = {
    DeniedError: (
        "This account may not do that; log in with one that may, or ask the registry's owner for "
        "access."
    ),
    RepositoryUnknownError: "Check the name; it may also be hidden from this account.",
    ManifestUnknownError: "Check the tag or digest; tags.all() lists the repository's tags.",
    UploadUnknownError: "Begin the upload anew.",
    NotFoundError: "Check the name and the digest.",
    ManifestBlobUnknownError: "Push what the manifest names first.",
    ManifestInvalidError: "The registry does not take this manifest.",
    UploadInvalidError: "The registry does not take these bytes; begin the upload anew.",
    RequestTooLargeError: "That is more than the registry, or a proxy in front of it, takes.",
    DeletionDisabledError: (
        "The registry does not delete; whoever runs it may allow that in its configuration."
    ),
    RegistryUnavailableError: "The registry is in trouble; try again later.",
    ProtocolError: "That is no answer that a registry gives; check the address.",
    RegistryError: "The registry does not take this request.",
}


def failure(answer: Answer, *, unknown: type[NotFoundError]) -> RegistryError:
    """The exception for an answer that is no success.

    Args:
        answer: with any status outside of 200 to 299.
        unknown: what a 404 means at this endpoint; a repository that the registry calls unknown
            is a `RepositoryUnknownError` everywhere.
    """
    said = read_error_body(answer.body)
    kind = _kind(answer, said, unknown)
    shown = redact(answer.url)
    words = "; ".join(filter(None, (_scope_refused(answer), said.message or said.code)))
    what = f"{answer.method} {shown} was answered {answer.status}" + (
        f" ({words})" if words else ""
    )
    return kind(
        f"{what}. {_advice(kind, answer)}",
        status=answer.status,
        code=said.code,
        detail=said.detail,
        method=answer.method,
        url=shown,
        request_id=_request_id(answer),
        retry_after=answer.retry_after,
    )


def recast(error: RegistryError, kind: type[RegistryError], sentence: str) -> RegistryError:
    """The same facts as an error of another kind, whose message begins with a sentence."""
    return kind(
        f"{sentence} {error}",
        status=error.status,
        code=error.code,
        detail=error.detail,
        method=error.method,
        url=error.url,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )


def _kind(answer: Answer, said: ErrorBody, unknown: type[NotFoundError]) -> type[RegistryError]:
    """By status first, then by method and code (W-E3)."""
    status = answer.status
    if status == _NOT_FOUND:
        return _MISSING.get(said.code, unknown)
    if _scope_refused(answer) is not None:
        return DeniedError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in _SERVER_ERRORS:
        return RegistryUnavailableError
    return _refusal(answer, said) if status in _CLIENT_ERRORS else ProtocolError


def _refusal(answer: Answer, said: ErrorBody) -> type[RegistryError]:
    """What the registry has against what it was asked to do, or to take."""
    if answer.method == "DELETE":
        refused = answer.status == _METHOD_NOT_ALLOWED or said.code == "UNSUPPORTED"
        return DeletionDisabledError if refused else RegistryError
    if answer.method not in _WRITES:
        return RegistryError
    if answer.status == _RANGE_NOT_SATISFIABLE:
        return UploadInvalidError
    if isinstance(said.detail, str) and _TOO_LARGE in said.detail:
        return RequestTooLargeError
    return _REFUSED.get(said.code, RegistryError)


def _scope_refused(answer: Answer) -> str | None:
    """What a 401 says that means 403: logged in, but not for this (E4). None for others."""
    if answer.status != _UNAUTHORIZED:
        return None
    for challenge in parse_challenges(answer.headers.getlist("WWW-Authenticate")):
        if challenge.parameters.get("error") == "insufficient_scope":
            return printable(challenge.parameters.get("error_description", ""))
    return None


def _advice(kind: type[RegistryError], answer: Answer) -> str:
    if answer.status == _UNAUTHORIZED and not (kind is DeniedError and answer.authorised):
        return about_401(answer)
    if kind is RateLimitedError:
        return _how_to_slow_down(answer)
    return next(text for base, text in _ADVICE.items() if issubclass(kind, base))


def _how_to_slow_down(answer: Answer) -> str:
    known = read_rate_limit(answer.headers)
    limit = "" if known is None else f"It counts {known}. "
    wait = "" if answer.retry_after is None else f" {answer.retry_after:,.0f} seconds"
    return f"{limit}Wait{wait} before asking again, or log in if the limit is for anonymous use."


def _request_id(answer: Answer) -> str | None:
    values = (answer.headers.get(name) for name in _REQUEST_ID_HEADERS)
    return next((printable(value, 200) for value in values if value), None)


def read_json(answer: Answer) -> Any:
    """The JSON body of a success.

    Raises:
        NotARegistryError: the body is a web page.
        ProtocolError: it is no JSON, or JSON that is ambiguous or too deep (S10).
    """
    try:
        return strict_json.loads(answer.body)
    except InvalidDocumentError as error:
        reason = str(error)
    if is_web_page(answer.body):
        raise not_a_registry(answer, "answered with a web page")
    shown = redact(answer.url)
    raise ProtocolError(
        f"{answer.method} {shown} was answered with JSON that cannot be read: {printable(reason)} "
        "Ask whoever runs the registry.",
        status=answer.status,
        method=answer.method,
        url=shown,
    )


def not_a_registry(answer: Answer, what: str) -> NotARegistryError:
    """The error for a host that answers, but not as a registry."""
    shown = redact(answer.url)
    return NotARegistryError(
        f"{shown} {what}, so that no registry is there. Check the address: it is the host of the "
        "registry, which often differs from that of its web page.",
        status=answer.status,
        method=answer.method,
        url=shown,
    )
