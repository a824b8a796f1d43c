"""From an answer to the exception that says what to do, and from a body to JSON."""

from __future__ import annotations

from typing import Any

from regnb.core.auth.challenges import parse_challenges
from regnb.core.error_body import is_web_page, read_error_body
from regnb.core.wire.incoming import Answer
from regnb.core.wire.redaction import redact
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    InvalidDocumentError,
    ManifestUnknownError,
    NotARegistryError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RegistryUnavailableError,
    RepositoryUnknownError,
    printable,
)
from regnb.model import strict_json

_REQUEST_ID_HEADERS = ("X-Request-Id", "X-Amzn-Requestid", "X-Ms-Correlation-Request-Id", "Cf-Ray")
_CODE_OF_NO_REPOSITORY = "NAME_UNKNOWN"
_SERVER_ERRORS = range(500, 600)
_CLIENT_ERRORS = range(400, 500)

_ADVICE: dict[type[RegistryError], str] = {
    DeniedError: "This account may not do that; ask the registry's owner for access.",
    RepositoryUnknownError: "Check the name; it may also be hidden from this account.",
    ManifestUnknownError: "Check the tag or digest; tags.all() lists the repository's tags.",
    NotFoundError: "Check the name and the digest.",
    RateLimitedError: "Wait before asking again, or log in if the limit is for anonymous use.",
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
    kind = _kind(answer.status, said.code, unknown)
    shown = redact(answer.url)
    words = said.message or said.code
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


def _kind(status: int, code: str | None, unknown: type[NotFoundError]) -> type[RegistryError]:
    by_status: dict[int, type[RegistryError]] = {
        401: AuthenticationRequiredError,
        403: DeniedError,
        404: RepositoryUnknownError if code == _CODE_OF_NO_REPOSITORY else unknown,
        429: RateLimitedError,
    }
    if status in by_status:
        return by_status[status]
    if status in _SERVER_ERRORS:
        return RegistryUnavailableError
    return RegistryError if status in _CLIENT_ERRORS else ProtocolError


def _advice(kind: type[RegistryError], answer: Answer) -> str:
    if kind is AuthenticationRequiredError:
        return _how_to_log_in(answer)
    return next(text for base, text in _ADVICE.items() if issubclass(kind, base))


def _how_to_log_in(answer: Answer) -> str:
    offered = {c.scheme for c in parse_challenges(answer.headers.getlist("WWW-Authenticate"))}
    if "basic" in offered:
        if answer.authorised:
            return "The registry refused this user name or password; check them."
        return "The registry wants to know who asks; pass username= and password=."
    if "bearer" in offered:
        return (
            "The registry asks for token authentication, which this version of regnb does not "
            "support yet."
        )
    return "The registry does not say how to log in; ask its owner."


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
