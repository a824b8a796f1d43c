"""The memory of a process that moves one large blob; run by itself, it is that process."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from random import Random

from regnb.client.connecting import connect
from regnb.model.manifest import parse_manifest
from regnb.model.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from regnb.store.names import REF_NAME
from tests.bench.measuring import Figures, alone, report
from tests.servers import docker_registry
from tests.store.building import described, entry, hand_made

MODULE = "tests.faults.growing"
MIB = 1 << 20
IMAGE = "team/app:1.0"
CONFIG = b'{"architecture": "amd64", "os": "linux"}'


def growth(size: int) -> tuple[Figures, Figures]:
    """What it costs to push a blob of so many bytes to docker-registry, and to pull it."""
    with tempfile.TemporaryDirectory() as name, docker_registry(Path(name) / "registry") as url:
        source, target = Path(name) / "source", Path(name) / "target"
        lay(source, size)
        pushed = alone(MODULE, "push", url, str(source))
        pulled = alone(MODULE, "pull", url, str(target))
        assert names(target) == names(source)
    return pushed, pulled


def lay(folder: Path, size: int) -> None:
    """A layout of one image with one layer, of noise that is written again and again."""
    piece, sha = Random(size).randbytes(MIB), hashlib.sha256()
    hand_made(folder, blobs=[CONFIG])
    with (folder / "layer").open("wb") as file:
        for _ in range(size // MIB):
            file.write(piece)
            sha.update(piece)
    (folder / "layer").rename(folder / "blobs/sha256" / sha.hexdigest())
    layer = {"mediaType": OCI_LAYER, "digest": f"sha256:{sha.hexdigest()}", "size": size}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(CONFIG, OCI_CONFIG),
        "layers": [layer],
    }
    manifest = parse_manifest(json.dumps(document).encode())
    (folder / "blobs/sha256" / manifest.digest.encoded).write_bytes(manifest.raw)
    index = {"schemaVersion": 2, "manifests": [entry(manifest, **{REF_NAME: "1.0"})]}
    (folder / "index.json").write_text(json.dumps(index))


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("blobs/sha256/*")}


def moved(work: str, url: str, folder: str) -> int:
    with connect(url) as client:
        if work == "push":
            return len(client.push(folder, IMAGE, progress=False))
        return len(client[IMAGE].pull(folder, progress=False))


if __name__ == "__main__":
    report(lambda: moved(*sys.argv[1:]))
