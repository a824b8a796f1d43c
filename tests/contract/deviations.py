"""Where a server leaves the specification: asserted as what it does, never skipped."""

from __future__ import annotations

from typing import Any, NamedTuple


class Deviation(NamedTuple):
    """What a server does instead, and why."""

    instead: Any
    reason: str


_TAGS = 7  # as many as the repository of the listing tests has
_RANGE = "Content-Range is never looked at: bytes are added where the upload stands"
_STATE = "the state in the query of a Location is required, and must be that of the upload"
_NAMES = "no route matches such a name"
_BROKEN = "a name that no reference can have is an error that the handler does not expect"
_BEFORE = "written before version 1.1 of the specification"
_LISTING = "n and last are for the catalog only"

DOCKER_REGISTRY = {
    "manifest of an unknown repository": Deviation(["MANIFEST_UNKNOWN"], "the name is not checked"),
    "length of a 416": Deviation(100, "the blob's length stays in the header: the client waits"),
    "name Upper/case": Deviation(500, _BROKEN),
    "name -dash": Deviation(404, _NAMES),
    "name a//b": Deviation(301, "the path is tidied up, and the tidy one redirected to"),
    "name a..b": Deviation(404, _NAMES),
    "name a_-b": Deviation(404, _NAMES),
    "name bbbbbbbbbb": Deviation(500, _BROKEN),
    "path ''": Deviation(200, "the root answers, for load balancers"),
    "POST of a whole blob": Deviation(202, "the body of the POST is ignored; PUT has to bring it"),
    "digest of a sha512 blob": Deviation("sha256", "stored and named by its sha256 alone"),
    "unknown digest-algorithm": Deviation(202, _BEFORE),
    "chunk out of order": Deviation(202, _RANGE),
    "chunk sent again": Deviation(202, _RANGE),
    "chunk of another length": Deviation(202, _RANGE),
    "stale Location": Deviation(404, _STATE),
    "status of an upload without its query": Deviation(404, _STATE),
    "mount without from": Deviation(202, _BEFORE),
    "push of a tag of a wrong form": Deviation(404, "no route matches such a tag"),
    "manifest whose blobs are missing": Deviation(400, "every error of a manifest is 400"),
    "push of a sparse index": Deviation(400, "the children have to be there"),
    "manifest that is too large": Deviation(400, "every error of a manifest is 400"),
    "OCI-Subject": Deviation(None, _BEFORE),
    "OCI-Tag": Deviation([], _BEFORE),
    "order of tags": Deviation(None, "in whatever order the directory has"),
    "n of tags": Deviation(_TAGS, _LISTING),
    "last of tags": Deviation(_TAGS, _LISTING),
    "n that is no number": Deviation(200, _LISTING),
    "referrers": Deviation(404, _BEFORE),
    "DELETE of a tag": Deviation(400, "only digests are deleted"),
    "tags after DELETE of a tag": Deviation(["1", "2"], "only digests are deleted"),
    "tags of an emptied repository": Deviation(None, "an empty list is written as null"),
}

DEVIATES: dict[str, dict[str, Deviation]] = {"docker-registry": DOCKER_REGISTRY}
