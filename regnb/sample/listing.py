"""Catalog, tags and referrers (OCI distribution-spec 1.1, content discovery)."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from regnb.sample.messages import Headers, RefusedError, Request, Response, as_json
from regnb.sample.names import check_digest
from regnb.sample.storage import Storage

CATALOG_LIMIT = 1000
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def catalog(request: Request, storage: Storage) -> Response:
    """List the repositories, in ASCII order; as in the distribution registry, 1000 at most."""
    size = _page_size(request, limit=CATALOG_LIMIT)
    names, headers = _page(request, storage.names(), size, order=str)
    return as_json({"repositories": names}, headers=headers)


def tags(request: Request, storage: Storage, name: str) -> Response:
    """List the tags of a repository, in the specification's lexical order: without case."""
    if not storage.knows(name):
        raise RefusedError(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "unknown repository", detail=name)
    size = _page_size(request)
    chosen, headers = _page(request, storage.tags(name), size, order=_caseless)
    return as_json({"name": name, "tags": chosen}, headers=headers)


def referrers(request: Request, storage: Storage, name: str, digest: str) -> Response:
    """List the manifests whose subject is `digest`, as an index; 200 even where there is none.

    Pages are asked for as those of tags: the specification knows only the Link that leads on.
    """
    found = {m.digest: m.descriptor() for m in storage.referrers(name, check_digest(digest))}
    applied = []
    if artifact_type := request.parameter("artifactType"):
        found = {d: each for d, each in found.items() if each.get("artifactType") == artifact_type}
        applied.append(("OCI-Filters-Applied", "artifactType"))
    page, link = _page(request, list(found), _page_size(request), order=str)
    manifests = [found[each] for each in page]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return as_json(index, media_type=OCI_INDEX, headers=[*applied, *link])


def _caseless(tag: str) -> tuple[str, str]:
    return tag.lower(), tag


def _page_size(request: Request, *, limit: int | None = None) -> int | None:
    largest = request.rules.page_size or limit
    text = request.parameter("n")
    if text is None:
        return largest
    size = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
    if size is None or (limit is not None and size > limit):
        message = "n is not a number of items" if limit is None else f"n is not in 0..{limit}"
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "PAGINATION_NUMBER_INVALID", message, detail=text
        )
    return size if largest is None else min(size, largest)


def _page(
    request: Request, items: list[str], size: int | None, *, order: Callable[[str], Any]
) -> tuple[list[str], Headers]:
    """One page of a listing and, where more follows, the Link to the next one (RFC 8288)."""
    last = request.parameter("last")
    left = sorted((i for i in items if last is None or order(i) > order(last)), key=order)
    page = left[:size]
    if not page or len(page) == len(left):
        return page, []
    following = urlencode({**request.query, "n": len(page), "last": page[-1]}, doseq=True)
    return page, [("Link", f'<{quote(request.path)}?{following}>; rel="next"')]
