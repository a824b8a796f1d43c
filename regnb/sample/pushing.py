"""PUT of manifests (OCI distribution-spec 1.1, push)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from regnb.sample.messages import RefusedError, Request, Response
from regnb.sample.names import check_content, check_digest, is_tag
from regnb.sample.storage import Manifest, Storage

MANIFEST_LIMIT = 4 << 20
TAGS_LIMIT = 100
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}", re.ASCII)
FOREIGN_LAYERS = (
    "application/vnd.docker.image.rootfs.foreign.",
    "application/vnd.oci.image.layer.nondistributable.",
)


def manifest(request: Request, storage: Storage, name: str, reference: str) -> Response:
    """Take a manifest under a tag or a digest; ``?tag=`` adds tags to one pushed by digest."""
    raw = _read(request)
    tags = _tags(request, reference)
    algorithm = "sha256"
    if ":" in reference:
        check_content(raw, check_digest(reference))
        algorithm = reference.partition(":")[0]
    received = Manifest.read(raw, _media_type(request), algorithm=algorithm)
    _check_shape(received)
    _check_blobs(storage, name, received.document)
    storage.put_manifest(name, received, tags=tags)
    headers = [
        ("Location", f"/v2/{name}/manifests/{received.digest}"),
        ("Docker-Content-Digest", received.digest),
        *(("OCI-Tag", tag) for tag in request.query.get("tag", [])),
    ]
    if received.subject:
        headers.append(("OCI-Subject", received.subject))
    return Response(HTTPStatus.CREATED, headers)


def _read(request: Request) -> bytes:
    raw = bytearray()
    for piece in request.body.pieces():
        raw += piece
        if len(raw) > MANIFEST_LIMIT:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            message = f"a manifest has {MANIFEST_LIMIT} bytes at most"
            raise RefusedError(status, "SIZE_INVALID", message)
    return bytes(raw)


def _tags(request: Request, reference: str) -> list[str]:
    by_digest = ":" in reference
    tags = request.query.get("tag", []) if by_digest else [reference]
    if len(tags) > TAGS_LIMIT:
        status = HTTPStatus.REQUEST_URI_TOO_LONG
        raise RefusedError(status, "TAG_INVALID", f"{TAGS_LIMIT} tags at most")
    for tag in tags:
        if not is_tag(tag):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "TAG_INVALID", "not a tag", detail=tag)
    return tags


def _media_type(request: Request) -> str:
    text: str = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if not _MEDIA_TYPE.fullmatch(text):
        raise _invalid("a manifest needs its media type as Content-Type")
    return text


def _invalid(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", message)


def _check_shape(received: Manifest) -> None:
    """Refuse what two clients could read as two different things (image-spec CVE-2021-41190)."""
    document = received.document
    if not document:
        raise _invalid("a manifest is a JSON object")
    if document.get("mediaType", received.media_type) != received.media_type:
        raise _invalid("mediaType is not the Content-Type")
    if "manifests" in document and {"config", "layers", "fsLayers", "blobs"} & document.keys():
        raise _invalid("a manifest is either an image or an index")
    for descriptor in _descriptors(document, "subject", "config", "layers", "manifests"):
        check_digest(str(descriptor.get("digest")))


def _check_blobs(storage: Storage, name: str, document: Mapping[str, Any]) -> None:
    """Config and layers must have been pushed; an index may lack manifests (a sparse one)."""
    missing = [
        descriptor["digest"]
        for descriptor in _descriptors(document, "config", "layers")
        if not str(descriptor.get("mediaType")).startswith(FOREIGN_LAYERS)
        and storage.blob(name, descriptor["digest"]) is None
    ]
    if missing:
        message = f"{len(missing)} blobs are not in {name}"
        status = HTTPStatus.NOT_FOUND
        raise RefusedError(status, "MANIFEST_BLOB_UNKNOWN", message, detail=missing)


def _descriptors(document: Mapping[str, Any], *fields: str) -> Iterator[Mapping[str, Any]]:
    for field in fields:
        value = document.get(field)
        for descriptor in value if isinstance(value, list) else [value]:
            if isinstance(descriptor, dict):
                yield descriptor
            elif descriptor is not None:
                raise _invalid(f"{field} is not made of descriptors")
