"""What a registry says in the body of an error, in whatever form it says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regnb.errors import InvalidDocumentError, printable
from regnb.model import strict_json


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The registry's own words, made fit to be shown.

    Attributes:
        code: the registry's error code as it was sent, or None.
        message: one printable line, possibly empty.
        detail: the ``detail`` of the first error, or None.
    """

    code: str | None = None
    message: str = ""
    detail: Any = None


def read_error_body(body: bytes) -> ErrorBody:
    """Read ``{"errors": [...]}``, ``{"details": "..."}``, plain text, a web page or nothing.

    The Content-Type is not asked: registries and proxies send JSON as text and text as JSON.
    """
    if not body.strip():
        return ErrorBody()
    if is_web_page(body):
        return ErrorBody(message="a web page")  # never raw HTML (W-E1)
    try:
        document = strict_json.loads(body)
    except InvalidDocumentError:
        return ErrorBody(message=printable(body.decode("utf-8", "replace")))
    return _from_json(document)


def is_web_page(body: bytes) -> bool:
    """Whether a body is markup where JSON was asked for."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _from_json(document: Any) -> ErrorBody:
    if not isinstance(document, dict):
        return ErrorBody(message=printable(document))
    errors = document.get("errors")
    found = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    if not found:
        loose = document.get("details") or document.get("message") or document.get("error") or ""
        return ErrorBody(message=printable(loose if isinstance(loose, str) else ""))
    code = found[0].get("code")
    return ErrorBody(
        code=printable(code, 100) if isinstance(code, str) and code else None,
        message=printable("; ".join(filter(None, map(_sentence, found)))),
        detail=found[0].get("detail"),
    )


def _sentence(error: dict[str, Any]) -> str:
    code, message = error.get("code"), error.get("message")
    return ": ".join(part for part in (code, message) if isinstance(part, str) and part)
