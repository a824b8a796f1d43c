"""Blobs on their way in: whole, streamed, chunked, mounted (OCI distribution-spec 1.1, push)."""

from __future__ import annotations

import re
from http import HTTPStatus

from regnb.sample.messages import Headers, RefusedError, Request, Response
from regnb.sample.names import ALGORITHMS, check_content, check_digest
from regnb.sample.storage import Storage, Upload

_CONTENT_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


def start(request: Request, storage: Storage, name: str) -> Response:
    """Begin an upload; ``?mount=`` or ``?digest=`` with a body end it at once."""
    _check_algorithm(request.parameter("digest-algorithm"))
    mount, digest = request.parameter("mount"), request.parameter("digest")
    if mount is not None and storage.mount(name, mount, source=request.parameter("from")):
        return _created(name, mount)
    if digest is not None:
        return _whole(request, storage, name, check_digest(digest))
    headers = _progress(name, storage.start(name))
    if minimum := request.rules.chunk_minimum:
        headers = [*headers, ("OCI-Chunk-Min-Length", str(minimum))]
    return Response(HTTPStatus.ACCEPTED, headers)


def status(request: Request, storage: Storage, name: str, identity: str) -> Response:
    """Say how far an upload is, so that it can go on after a break."""
    with storage.upload(name, identity) as upload:
        headers = _progress(name, _known(upload, identity))
        return Response(HTTPStatus.NO_CONTENT, headers)


def chunk(request: Request, storage: Storage, name: str, identity: str) -> Response:
    """Add the body to an upload."""
    with storage.upload(name, identity) as found:
        upload = _known(found, identity)
        _append(request, name, upload)
        return Response(HTTPStatus.ACCEPTED, _progress(name, upload))


def finish(request: Request, storage: Storage, name: str, identity: str) -> Response:
    """Close an upload, which may bring its last or only chunk."""
    with storage.upload(name, identity) as found:
        upload = _known(found, identity)
        digest = check_digest(request.parameter("digest"))
        _append(request, name, upload)
        return _keep(storage, name, upload, digest)


def cancel(request: Request, storage: Storage, name: str, identity: str) -> Response:
    """Forget an upload."""
    with storage.upload(name, identity) as found:
        storage.end(name, _known(found, identity))
        return Response(HTTPStatus.NO_CONTENT)


def _whole(request: Request, storage: Storage, name: str, digest: str) -> Response:
    """Take a blob in one request; nobody could go on with what a break leaves of it."""
    upload = storage.start(name)
    try:
        upload.append(request.body.pieces())
        return _keep(storage, name, upload, digest)
    finally:
        storage.end(name, upload)


def _keep(storage: Storage, name: str, upload: Upload, digest: str) -> Response:
    """End an upload, and keep its bytes if they hash to the digest."""
    storage.end(name, upload)
    check_content(upload.data, digest)
    storage.put_blob(name, bytes(upload.data), digest=digest)
    return _created(name, digest)


def _append(request: Request, name: str, upload: Upload) -> None:
    """Add the body where the upload stands.

    A Location ends in the offset that it continues at, so that a chunk sent twice is refused
    even without Content-Range.
    """
    begin = len(upload.data)
    announced = _content_range(request)
    if request.parameter("offset") not in {None, str(begin)}:
        raise _out_of_order(name, upload)
    if announced is not None and announced.start != begin:
        raise _out_of_order(name, upload)
    if upload.short and request.body.length != 0:
        minimum = request.rules.chunk_minimum
        raise _wrong_size(f"a chunk before the last has {minimum} bytes at least")
    upload.append(request.body.pieces())
    if announced is not None and announced.stop != len(upload.data):
        upload.cut(begin)
        raise _wrong_size("the body is not as long as Content-Range says")
    # One that breaks off may be gone on with, whatever came of it.
    upload.short |= 0 < len(upload.data) - begin < request.rules.chunk_minimum


def _wrong_size(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "SIZE_INVALID", message)


def _content_range(request: Request) -> range | None:
    """The positions that a chunk is meant for; a malformed header means no position at all."""
    header = request.headers.get("Content-Range")
    if header is None:
        return None
    ends = _CONTENT_RANGE.fullmatch(header)
    return range(int(ends[1]), int(ends[2]) + 1) if ends else range(-1, -1)


def _out_of_order(name: str, upload: Upload) -> RefusedError:
    return RefusedError(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "BLOB_UPLOAD_INVALID",
        f"the next chunk begins at {len(upload.data)}",
        headers=_progress(name, upload),
    )


def _known(upload: Upload | None, identity: str) -> Upload:
    if upload is None:
        message = "there is no such upload, or it has ended"
        raise RefusedError(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", message, detail=identity)
    return upload


def _check_algorithm(algorithm: str | None) -> None:
    if algorithm is not None and algorithm not in ALGORITHMS:
        message = f"supported are {', '.join(sorted(ALGORITHMS))}"
        raise RefusedError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", message, detail=algorithm)


def _progress(name: str, upload: Upload) -> Headers:
    size = len(upload.data)
    return [
        ("Location", f"/v2/{name}/blobs/uploads/{upload.id}?offset={size}"),
        # The last byte received; with none received the specification has no better way to say so.
        ("Range", f"0-{max(size - 1, 0)}"),
        ("Docker-Upload-UUID", upload.id),
    ]


def _created(name: str, digest: str) -> Response:
    headers = [
        ("Location", f"/v2/{name}/blobs/{digest}"),
        ("Docker-Content-Digest", digest),
    ]
    return Response(HTTPStatus.CREATED, headers)
