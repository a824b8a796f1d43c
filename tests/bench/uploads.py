"""Storing blobs: ``python -m tests.bench.uploads NAME HOST@DIGEST@FILE`` stores one, by itself.

Every call stores into a repository of its own: some clients send nothing where the blob is there.
Prints the figures of `measuring.report`; what is seen are bytes.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import requests

from regnb.model.digest import Digest
from tests.bench.blobs import SIZES, noise, rows
from tests.bench.measuring import Call, report, rounds
from tests.servers import docker_registry

OCTETS = "application/octet-stream"


def regnb_put(host: str, digest: str, path: str) -> None:
    """`Blobs.put`, told the digest."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - only the client that is measured

    with Registry(host) as registry:
        registry.repository(repository()).blobs.put(path, digest=Digest(digest))


def regnb_writer(host: str, digest: str, path: str) -> None:
    """`Blobs.create`, `BlobWriter.read_from` and `BlobWriter.commit`, which hashes as well."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - as above

    with (
        open(path, "rb") as file,
        Registry(host) as registry,
        registry.repository(repository()).blobs.create() as writer,
    ):
        writer.read_from(file, on_position=lambda position: None)
        writer.commit(Digest(digest))


def oras(host: str, digest: str, path: str) -> None:
    """oras-py's `upload_blob`, told the digest."""
    from oras.provider import Registry  # noqa: PLC0415 - as above

    layer = {"digest": digest, "size": os.path.getsize(path), "mediaType": OCTETS}
    client = Registry(host, insecure=True)
    client.upload_blob(path, f"{host}/{repository()}:bench", layer).raise_for_status()


def dxf(host: str, digest: str, path: str) -> None:
    """python-dxf's `push_blob`, told the digest."""
    from dxf import DXF  # noqa: PLC0415 - as above

    with DXF(host, repository(), insecure=True) as client, open(path, "rb") as file:
        client.push_blob(data=file, digest=digest)


def curl(host: str, digest: str, path: str) -> None:
    """A POST, and ``curl -T`` with the digest known."""
    begun = requests.post(f"http://{host}/v2/{repository()}/blobs/uploads/", timeout=60)
    place = urljoin(begun.url, begun.headers["Location"])
    command = [
        "curl",
        "-sS",
        "--fail",
        "--noproxy",
        "*",
        "-T",
        path,
        "-H",
        f"Content-Type: {OCTETS}",
    ]
    subprocess.run([*command, f"{place}&digest={digest}"], check=True)


def repository() -> str:
    """A name that is not taken."""
    return f"bench/{secrets.token_hex(8)}"


CALLS: dict[str, Callable[[str, str, str], None]] = {
    "digest known: regnb": regnb_put,
    "digest known: regnb, create, read_from, commit": regnb_writer,
    "digest known: oras-py": oras,
    "digest known: python-dxf": dxf,
    "digest known: curl -T": curl,
}


def call_of(name: str, target: str) -> Call:
    """A call of `CALLS` on ``HOST@DIGEST@FILE``; what it imports is imported first."""
    host, digest, path = target.split("@")
    if "regnb" in name:
        import regnb.core.registry  # noqa: PLC0415, F401 - so that its import is not measured
    elif "oras" in name:
        import oras.provider  # noqa: PLC0415, F401 - as above
    elif "dxf" in name:
        import dxf  # noqa: PLC0415, F401 - as above

    def call() -> int:
        CALLS[name](host, digest, path)
        return os.path.getsize(path)

    return call


def measure(count: int) -> str:
    """The table of `docs/benchmarks.md` on storing blobs, of so many rounds."""
    lines = [
        "| upload | by | MB/s | seconds / regnb's | CPU s a GiB | peak grown, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for size in SIZES:
        # A registry for each size, so that its disk holds no more than it must.
        with tempfile.TemporaryDirectory() as folder, docker_registry(Path(folder)) as url:
            host = url.removeprefix("http://").rstrip("/")
            with noise(size) as file:
                digest = Digest.of(Path(file.name).read_bytes())
                target = f"{host}@{digest}@{file.name}"
                lines += rows(rounds(__name__, CALLS, target, count), size)
    return "\n".join(lines)


if __name__ == "__main__":
    os.sync()  # what others wrote is not written out during this call
    report(call_of(sys.argv[1], sys.argv[2]))
