"""What passes between the HTTP server and the handlers: requests, responses, refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Any

from regnb.sample.bodies import Body
from regnb.sample.rules import Rules

Headers = Sequence[tuple[str, str]]


class RefusedError(Exception):
    """An answer of 4xx or 5xx, raised from wherever a handler finds the reason for it."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        detail: Any = None,
        headers: Headers = (),
    ) -> None:
        """Take the status and the error code that the specification gives for the case."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers

    def response(self) -> Response:
        """The refusal as the specification writes errors (OCI distribution-spec 1.1, errors)."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.detail is not None:
            error["detail"] = self.detail
        return as_json({"errors": [error]}, status=self.status, headers=self.headers)


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `headers` are looked up without regard to case, `query` holds lists.

    `rules` are those of the registry that it came to.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: Body
    rules: Rules

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return self.query.get(name, [None])[0]


@dataclass(frozen=True, slots=True)
class Response:
    """One response; for HEAD the server keeps the body back but tells its length."""

    status: HTTPStatus = HTTPStatus.OK
    headers: Headers = field(default=())
    body: bytes | memoryview = b""


def as_json(
    document: object,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Headers = (),
    media_type: str = "application/json",
) -> Response:
    """A response whose body is a JSON document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, (("Content-Type", media_type), *headers), body)
