"""DELETE of tags, manifests and blobs (OCI distribution-spec 1.1, content management)."""

from __future__ import annotations

from http import HTTPStatus

from regnb.sample.messages import Request, Response
from regnb.sample.names import check_digest
from regnb.sample.pulling import unknown
from regnb.sample.storage import Storage


def manifest(request: Request, storage: Storage, name: str, reference: str) -> Response:
    """Take away a tag, or by digest a manifest and all tags on it."""
    if ":" in reference:
        gone = storage.delete_manifest(name, check_digest(reference))
    else:
        gone = storage.delete_tag(name, reference)
    if not gone:
        raise unknown(storage, name, "MANIFEST_UNKNOWN", reference)
    return Response(HTTPStatus.ACCEPTED)


def blob(request: Request, storage: Storage, name: str, digest: str) -> Response:
    """Take a blob away from one repository; manifests that need it stay."""
    if not storage.delete_blob(name, check_digest(digest)):
        raise unknown(storage, name, "BLOB_UNKNOWN", digest)
    return Response(HTTPStatus.ACCEPTED)
