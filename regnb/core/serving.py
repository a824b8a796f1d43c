"""Serving: a blob handed on to an HTTP client, as a WSGI response (PEP 3333)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from regnb.core.reader import BlobReader
from regnb.errors import NotFoundError, RegnbError, SizeMismatchError
from regnb.model.descriptor import Descriptor

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from regnb.core.blobs import Blobs
    from regnb.model.digest import Digest

LOGGER = logging.getLogger("regnb")
PIECE = 256 * 1024
METHODS = ("GET", "HEAD")
_JSON = "application/json"


def serve(
    blobs: Blobs, digest: Digest, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer one request with a blob; `Blobs.serve` says how."""
    method = environ["REQUEST_METHOD"]
    if method not in METHODS:
        return _refuse(start_response, HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", method)
    stream, first = None, b""
    try:
        described = blobs.stat(digest)
        unchanged = _is_unchanged(environ, described)
        if method == "GET" and not unchanged:
            stream = blobs.open(digest)
            first = stream.read1(PIECE)  # what goes wrong by now can still be told by a status
    except RegnbError as error:
        if stream is not None:
            stream.close()
        LOGGER.warning("A blob could not be served: %s", error)
        if isinstance(error, NotFoundError):
            return _refuse(start_response, HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", method)
        return _refuse(start_response, HTTPStatus.BAD_GATEWAY, "UNAVAILABLE", method)
    headers = _headers(described)
    if unchanged:
        start_response(_line(HTTPStatus.NOT_MODIFIED), headers[2:])
        return []
    start_response(_line(HTTPStatus.OK), headers)
    return [] if stream is None else _Body(stream, first, described.size)


class _Body:
    """The bytes of a blob on their way out, exactly as many as were announced."""

    def __init__(self, stream: BlobReader, first: bytes, size: int) -> None:
        self._stream = stream
        self._piece = first
        self._left = size

    def __iter__(self) -> Iterator[bytes]:
        # An error ends the response short of its Content-Length, so that nobody takes it for whole:
        # the reader holds the end of a blob back until all of it has matched the digest (W-B1).
        while self._piece:
            self._left -= len(self._piece)
            if self._left < 0:
                break
            yield self._piece
            self._piece = self._stream.read1(PIECE)
        if self._left:
            raise SizeMismatchError("The blob is not as large as the registry said.")

    def close(self) -> None:
        """Drop what was not sent; called by the WSGI server, whatever happened."""
        self._stream.close()


def _is_unchanged(environ: WSGIEnvironment, described: Descriptor) -> bool:
    tags = environ.get("HTTP_IF_NONE_MATCH", "").split(",")
    return not {tag.strip().removeprefix("W/") for tag in tags}.isdisjoint({"*", _etag(described)})


def _etag(described: Descriptor) -> str:
    return f'"{described.digest}"'


def _headers(described: Descriptor) -> list[tuple[str, str]]:
    return [
        ("Content-Length", str(described.size)),
        ("Content-Type", described.media_type),
        ("Docker-Content-Digest", str(described.digest)),
        ("ETag", _etag(described)),
    ]


def _refuse(
    start_response: StartResponse, status: HTTPStatus, code: str, method: str
) -> Iterable[bytes]:
    """An error in the form of the specification; what the registry said is for the log alone."""
    body = json.dumps({"errors": [{"code": code, "message": status.phrase}]}).encode()
    headers = [("Content-Type", _JSON), ("Content-Length", str(len(body)))]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", ", ".join(METHODS)))
    start_response(_line(status), headers)
    return [] if method == "HEAD" else [body]


def _line(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"
