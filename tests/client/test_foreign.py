"""S1: where else a manifest says that its layers lie is shown, and never asked."""

from __future__ import annotations

import json
from typing import Any

import regnb
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from regnb.sample import serve
from tests.core.samples import CONFIG, LAYER, descriptor
from tests.servers.http_server import Answer, HttpServer

FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"


def manifest(url: str) -> bytes:
    layers: list[dict[str, Any]] = [
        descriptor(OCI_LAYER, LAYER),
        {**descriptor(FOREIGN, b"elsewhere"), "urls": [url, f"{url}again"]},
        {**descriptor(OCI_LAYER, LAYER), "urls": [url]},
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, CONFIG),
        "layers": layers,
    }
    return json.dumps(document).encode()


def test_s1_no_question_leads_to_the_urls_of_a_layer() -> None:
    challenge = Answer(401, {"WWW-Authenticate": 'Bearer realm="http://127.0.0.1/token"'})
    with HttpServer(lambda _: challenge) as trap, serve(fill=None) as served:
        for blob in (CONFIG, LAYER):
            served.storage.put_blob("team/app", blob, digest=Digest.of(blob))
        with regnb.connect(served.url, username="ada", password="hunter2") as client:
            client["team/app"].core.manifests.put(manifest(f"{trap.url}layer"), tags=["1"])
            image = client["team/app:1"]
            assert len(image.layers()) == 3
            image.history()
            image.config()
            client["team/app"].tags(details=True, progress=False)
            assert len(client.audit(progress=False).blobs) > 1
        assert trap.asked == []
