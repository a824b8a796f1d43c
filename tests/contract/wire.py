"""Plain HTTP to a registry: nothing of the client that we ship stands between test and server."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urljoin

import requests

from tests.contract.deviations import DEVIATES

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCTETS = "application/octet-stream"
ABSENT = "sha256:" + hashlib.sha256(b"never pushed").hexdigest()

USERS = {"alice": "s:é cret", "bob": "other"}

_number = itertools.count()


def digest_of(raw: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def described(raw: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(raw), "size": len(raw)}


@dataclass(frozen=True)
class Pushed:
    """A manifest that a registry holds, with its blobs."""

    raw: bytes
    layers: tuple[bytes, ...] = ()
    media_type: str = OCI_MANIFEST

    @property
    def digest(self) -> str:
        return digest_of(self.raw)

    @property
    def descriptor(self) -> dict[str, Any]:
        return described(self.raw, self.media_type)


@dataclass(frozen=True)
class Registry:
    """One server under test; `deviates` knows where it is known to leave the specification."""

    url: str
    server: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.headers["Accept"] = f"{OCI_INDEX}, {OCI_MANIFEST}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.session.close()

    def does(self, point: str, specified: Any) -> Any:
        """What is to be expected: what the specification says, or what this server does instead."""
        known = DEVIATES.get(self.server, {})
        return known[point].instead if point in known else specified

    def deviates(self, point: str) -> bool:
        return point in DEVIATES.get(self.server, {})

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request, to a path or to the Location of an earlier answer."""
        # Joined by hand: urljoin would tidy up the paths that are wrong on purpose.
        url = path if "://" in path else self.url + path.removeprefix("/")
        return self.session.request(method, url, allow_redirects=False, timeout=30, **options)

    def follow(self, method: str, earlier: requests.Response, **options: Any) -> requests.Response:
        """One request to the Location of an earlier answer."""
        return self.ask(method, urljoin(earlier.url, earlier.headers["Location"]), **options)

    def start(self, name: str) -> requests.Response:
        answer = self.ask("POST", f"v2/{name}/blobs/uploads/")
        assert answer.status_code == 202
        return answer

    def push_blob(self, name: str, raw: bytes) -> str:
        digest = digest_of(raw)
        answer = self.follow("PUT", self.start(name), params={"digest": digest}, data=raw)
        assert answer.status_code == 201, answer.text
        return digest

    def put(
        self, name: str, reference: str, raw: bytes, media_type: str = OCI_MANIFEST
    ) -> requests.Response:
        headers = {"Content-Type": media_type}
        path = f"v2/{name}/manifests/{reference}"
        return self.ask("PUT", path, data=raw, headers=headers)

    def push(self, name: str, document: Mapping[str, Any], reference: str | None = None) -> Pushed:
        raw = json.dumps({"schemaVersion": 2, **document}).encode()
        answer = self.put(name, reference or digest_of(raw), raw, document["mediaType"])
        assert answer.status_code == 201, answer.text
        return Pushed(raw, media_type=document["mediaType"])

    def push_image(self, name: str, *tags: str) -> Pushed:
        """An image of two layers that no other test has."""
        layers = tuple(f"{name} {next(_number)} layer {n}".encode() for n in range(2))
        diff_ids = [digest_of(layer) for layer in layers]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        raw_config = json.dumps(config).encode()
        for blob in (raw_config, *layers):
            self.push_blob(name, blob)
        document = {
            "mediaType": OCI_MANIFEST,
            "config": described(raw_config, OCI_CONFIG),
            "layers": [described(layer, OCI_LAYER) for layer in layers],
        }
        for tag in tags or (None,):
            pushed = self.push(name, document, tag)
        return Pushed(pushed.raw, layers)

    def push_referrer(
        self, name: str, subject: Mapping[str, Any], artifact_type: str, **fields: Any
    ) -> Pushed:
        """An artifact about another manifest."""
        self.push_blob(name, b"{}")
        empty = described(b"{}", OCI_EMPTY)
        document = {
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": empty,
            "layers": [empty],
            "subject": subject,
            **fields,
        }
        return self.push(name, document)


def codes(answer: requests.Response) -> list[str]:
    """The codes of an error in the specification's form."""
    return [error["code"] for error in answer.json()["errors"]]
