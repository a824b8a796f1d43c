"""The grammar of names, tags and digests (OCI distribution-spec 1.1, pull; image-spec, digests)."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus

from regnb.sample.messages import RefusedError

_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_NAME_LIMIT = 255
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+")
_ENCODED = {
    "sha256": re.compile(r"sha256:[a-f0-9]{64}"),
    "sha512": re.compile(r"sha512:[a-f0-9]{128}"),
}
ALGORITHMS = frozenset(_ENCODED)


def digest_of(raw: bytes | bytearray, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def is_tag(text: str) -> bool:
    """Whether a text follows the grammar of tags."""
    return _TAG.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Give back a repository name, or refuse it with 400."""
    if len(name) > _NAME_LIMIT or not _NAME.fullmatch(name):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "NAME_INVALID", "invalid repository name")
    return name


def check_digest(text: str | None) -> str:
    """Give back a well-formed digest, of whatever algorithm, or refuse it with 400."""
    digest = _DIGEST.fullmatch(text or "")
    if digest is None or not _ENCODED.get(digest[1], _DIGEST).fullmatch(digest[0]):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "not a digest", detail=text)
    return digest[0]


def check_content(raw: bytes | bytearray, digest: str) -> None:
    """Refuse bytes that do not hash to their digest, or whose digest cannot be computed here."""
    algorithm = digest.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", f"{algorithm} is not supported"
        )
    if digest_of(raw, algorithm) != digest:
        message = "the content does not match the digest"
        raise RefusedError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", message, detail=digest)
