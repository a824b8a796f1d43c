"""The endpoints of the specification: which path and method leads to which handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from regnb.sample import deleting, listing, pulling, pushing, tokens, uploading
from regnb.sample.access import Guard, scopes_of
from regnb.sample.messages import RefusedError, Request, Response
from regnb.sample.names import check_name
from regnb.sample.storage import FullError, Storage

Handler = Callable[..., Response]  # (request, storage, *the groups of the path) -> response

# A name may itself contain "manifests" or "blobs": it ends at the last such word of the path.
ROUTES: dict[str, dict[str, Handler]] = {
    "/v2/?": {"GET": pulling.base},
    "/v2/_catalog": {"GET": listing.catalog},
    "/v2/(.+)/tags/list": {"GET": listing.tags},
    "/v2/(.+)/referrers/([^/]+)": {"GET": listing.referrers},
    "/v2/(.+)/manifests/([^/]+)": {
        "GET": pulling.manifest,
        "PUT": pushing.manifest,
        "DELETE": deleting.manifest,
    },
    "/v2/(.+)/blobs/uploads/?": {"POST": uploading.start},
    "/v2/(.+)/blobs/uploads/([^/]+)": {
        "GET": uploading.status,
        "PATCH": uploading.chunk,
        "PUT": uploading.finish,
        "DELETE": uploading.cancel,
    },
    "/v2/(.+)/blobs/([^/]+)": {"GET": pulling.blob, "DELETE": deleting.blob},
}
DELETIONS = {deleting.manifest, deleting.blob}


def respond(request: Request, storage: Storage, guard: Guard | None = None) -> Response:
    """The response to a request, whatever it is; `guard` is asked before anything is told."""
    try:
        if isinstance(guard, tokens.Tokens) and request.path == tokens.PATH:
            return guard.answer(request)
        return _route(request, storage, guard)
    except RefusedError as refusal:
        return refusal.response()
    except FullError:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return RefusedError(status, "SIZE_INVALID", "the registry is full").response()


def _route(request: Request, storage: Storage, guard: Guard | None) -> Response:
    for path, methods in ROUTES.items():
        if found := re.fullmatch(path, request.path):
            name = [check_name(group) for group in found.groups()[:1]]
            if guard is not None:
                guard.admit(request, scopes_of(request, *name))
            return _handler(request, methods)(request, storage, *name, *found.groups()[1:])
    raise RefusedError(HTTPStatus.NOT_FOUND, "UNSUPPORTED", "there is no such endpoint")


def _handler(request: Request, methods: dict[str, Handler]) -> Handler:
    if not request.rules.delete:
        methods = {method: each for method, each in methods.items() if each not in DELETIONS}
    wanted = "GET" if request.method == "HEAD" else request.method
    if wanted not in methods:
        allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
        status = HTTPStatus.METHOD_NOT_ALLOWED
        message = f"{request.method} is not supported here"
        raise RefusedError(status, "UNSUPPORTED", message, headers=[("Allow", allowed)])
    return methods[wanted]
