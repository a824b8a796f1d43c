"""GET and HEAD of manifests and blobs (OCI distribution-spec 1.1, pull)."""

from __future__ import annotations

from http import HTTPStatus

from regnb.sample.messages import Headers, RefusedError, Request, Response, as_json
from regnb.sample.names import check_digest
from regnb.sample.ranges import wanted
from regnb.sample.storage import Manifest, Storage


def unknown(storage: Storage, name: str, code: str, what: str) -> RefusedError:
    """The 404 for something that is not there, which may be the repository itself."""
    if not storage.knows(name):
        return RefusedError(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "unknown repository", detail=name)
    return RefusedError(HTTPStatus.NOT_FOUND, code, f"not in {name}", detail=what)


def find_manifest(storage: Storage, name: str, reference: str) -> Manifest:
    """A manifest by tag or digest, or the refusal that fits."""
    if ":" in reference:
        check_digest(reference)
    manifest = storage.manifest(name, reference)
    if manifest is None:
        raise unknown(storage, name, "MANIFEST_UNKNOWN", reference)
    return manifest


def base(request: Request, storage: Storage) -> Response:
    """Say that this is a registry."""
    return as_json({})


def manifest(request: Request, storage: Storage, name: str, reference: str) -> Response:
    """Send a manifest by tag or digest."""
    found = find_manifest(storage, name, reference)
    headers = [*_identity(found.digest), ("Content-Type", found.media_type)]
    if _unchanged(request, found.digest):
        return Response(HTTPStatus.NOT_MODIFIED, headers)
    return Response(HTTPStatus.OK, headers, found.raw)


def blob(request: Request, storage: Storage, name: str, digest: str) -> Response:
    """Send a blob, or a range of it."""
    content = storage.blob(name, check_digest(digest))
    if content is None:
        raise unknown(storage, name, "BLOB_UNKNOWN", digest)
    headers = [
        *_identity(digest),
        ("Content-Type", "application/octet-stream"),
        ("Accept-Ranges", "bytes"),
    ]
    if _unchanged(request, digest):
        return Response(HTTPStatus.NOT_MODIFIED, headers)
    chosen = _range(request, digest, len(content))
    if chosen is None:
        return Response(HTTPStatus.OK, headers, content)
    headers.append(("Content-Range", f"bytes {chosen[0]}-{chosen[-1]}/{len(content)}"))
    part = memoryview(content)[chosen.start : chosen.stop]
    return Response(HTTPStatus.PARTIAL_CONTENT, headers, part)


def _range(request: Request, digest: str, size: int) -> range | None:
    # RFC 9110: Range means nothing to HEAD, and nothing if the validator of If-Range differs.
    condition = request.headers.get("If-Range")
    if request.method != "GET" or condition not in {None, f'"{digest}"'}:
        return None
    return wanted(request.headers.get("Range"), size)


def _identity(digest: str) -> Headers:
    return [("Docker-Content-Digest", digest), ("ETag", f'"{digest}"')]


def _unchanged(request: Request, digest: str) -> bool:
    header = request.headers.get("If-None-Match", "")
    known = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return bool(known & {digest, "*"})
