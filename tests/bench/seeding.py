"""A registry of many small images, pushed over HTTP."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urljoin

import requests

LAYERS = 7
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Seeder:
    """Pushes images of seven layers, a config of 4.5 kB and a manifest of 1.6 kB."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.trust_env = False

    def fill(self, *, repositories: int, tags: int) -> None:
        """Push `tags` different images into each of `repositories` repositories."""
        for number in range(repositories):
            name = f"bench/repository-{number:04d}"
            layers = [self.blob(name, f"layer {position}".encode()) for position in range(LAYERS)]
            for tag in range(tags):
                self.image(name, f"v1.{tag}.0", layers)

    def image(self, name: str, tag: str, layers: list[dict[str, Any]]) -> None:
        """Push one image over layers that are there already."""
        config = self.blob(name, self.config(f"{name}:{tag}"))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {**config, "mediaType": CONFIG},
            "layers": [{**layer, "mediaType": LAYER} for layer in layers],
            "annotations": {
                "org.opencontainers.image.title": f"{name}:{tag}",
                "padding": "." * 240,
            },
        }
        self.send(
            "PUT",
            f"{self.url}/v2/{name}/manifests/{tag}",
            data=json.dumps(manifest).encode(),
            headers={"Content-Type": MANIFEST},
        )

    def blob(self, name: str, data: bytes) -> dict[str, Any]:
        """Push one blob; what a descriptor says of it."""
        digest = digest_of(data)
        start = self.send("POST", f"{self.url}/v2/{name}/blobs/uploads/")
        location = urljoin(start.url, start.headers["Location"])
        self.send("PUT", f"{location}&digest={digest}", data=data)
        return {"digest": digest, "size": len(data)}

    @staticmethod
    def config(title: str) -> bytes:
        """An image config with a history, of about the usual size."""
        steps = [
            {"created": "2026-01-01T00:00:00Z", "created_by": f"RUN step {n} " + "x" * 420}
            for n in range(LAYERS)
        ]
        diff_ids = [digest_of(f"layer {n}".encode()) for n in range(LAYERS)]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Labels": {"title": title}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": steps,
        }
        return json.dumps(config).encode()

    def send(self, method: str, url: str, **arguments: Any) -> requests.Response:
        response = self.session.request(method, url, timeout=30, **arguments)
        response.raise_for_status()
        return response
