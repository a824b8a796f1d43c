"""Reading blobs: ``python -m tests.bench.blobs NAME HOST@DIGEST`` reads one, in its own process.

Prints the figures of `measuring.report`; what is seen are bytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from regnb.model.digest import Digest
from tests.bench.measuring import Call, Figures, middle, ratio, report, rounds
from tests.bench.seeding import Seeder
from tests.servers import docker_registry

MIB = 1024 * 1024
SIZES = (64 * MIB, 1024 * MIB)
REPOSITORY = "bench/blobs"
BUFFER = 256 * 1024


def regnb_fetch(host: str, digest: str, path: str, *, commit: bool) -> int:
    """`Blobs.fetch` into a `Part`; verified, and on request safe on disk under its own name."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - only the client that is measured
    from regnb.store.part import Part  # noqa: PLC0415 - as above

    with Registry(host) as registry:
        blobs = registry.repository(REPOSITORY).blobs
        blob = blobs.stat(Digest(digest))
        with Part(Path(f"{path}.parts"), blob, Path(path)) as part:
            blobs.fetch(blob, part)
            if commit:
                part.commit()
            return part.offset


def regnb_file(host: str, digest: str, path: str) -> int:
    """`Blobs.open`, copied into a file; every byte is verified."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - as above

    with Registry(host) as registry:
        blobs = registry.repository(REPOSITORY).blobs
        with blobs.open(Digest(digest)) as blob, open(path, "wb") as file:
            shutil.copyfileobj(blob, file, BUFFER)
    return os.path.getsize(path)


def regnb_buffer(host: str, digest: str, path: str) -> int:
    """`BlobReader.readinto`, again and again into the same buffer; every byte is verified."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - as above

    buffer, seen = bytearray(BUFFER), 0
    with (
        Registry(host) as registry,
        registry.repository(REPOSITORY).blobs.open(Digest(digest)) as blob,
    ):
        while count := blob.readinto(buffer):
            seen += count
    return seen


def oras_file(host: str, digest: str, path: str) -> int:
    """oras-py's `download_blob`, which verifies nothing."""
    from oras.provider import Registry  # noqa: PLC0415 - as above

    Registry(host, insecure=True).download_blob(f"{host}/{REPOSITORY}", digest, path)
    return os.path.getsize(path)


def dxf_file(host: str, digest: str, path: str) -> int:
    """python-dxf's `pull_blob`, which verifies."""
    from dxf import DXF  # noqa: PLC0415 - as above

    with DXF(host, REPOSITORY, insecure=True) as repository, open(path, "wb") as file:
        for chunk in repository.pull_blob(digest):
            assert isinstance(chunk, bytes)
            file.write(chunk)
    return os.path.getsize(path)


def curl(host: str, digest: str, path: str, *, keep: bool) -> int:
    """``curl -o``, which verifies nothing."""
    url = f"http://{host}/v2/{REPOSITORY}/blobs/{digest}"
    target = path if keep else os.devnull
    command = ["curl", "-sS", "--noproxy", "*", "-o", target, "-w", "%{size_download}", url]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


def skopeo(host: str, digest: str, path: str) -> int:
    """``skopeo copy`` of the image whose only layer the blob is; it verifies."""
    encoded = digest.partition(":")[2]
    source = f"docker://{host}/{REPOSITORY}:{encoded[:12]}"
    command = ["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false"]
    subprocess.run([*command, source, f"dir:{path}"], check=True)
    return os.path.getsize(f"{path}/{encoded}")


OTHERS = ("curl", "skopeo")
"""Programs: what they need of memory is not seen from here."""
CALLS: dict[str, Callable[[str, str, str], int]] = {
    "to a file: regnb": partial(regnb_fetch, commit=False),
    "to a file: regnb, and safe on disk": partial(regnb_fetch, commit=True),
    "to a file: regnb, copied from its stream": regnb_file,
    "to a file: oras-py": oras_file,
    "to a file: python-dxf": dxf_file,
    "to a file: skopeo copy": skopeo,
    "to a file: curl -o": partial(curl, keep=True),
    "read only: regnb, readinto": regnb_buffer,
    "read only: curl -o /dev/null": partial(curl, keep=False),
}


def call_of(name: str, target: str, path: str) -> Call:
    """A call of `CALLS` on ``HOST@DIGEST``; what it imports is imported first."""
    host, _, digest = target.partition("@")
    if "regnb" in name:
        import regnb.core.registry  # noqa: PLC0415 - so that its import is not measured
        import regnb.store.part  # noqa: PLC0415, F401 - as above
    elif "oras" in name:
        import oras.provider  # noqa: PLC0415, F401 - as above
    elif "dxf" in name:
        import dxf  # noqa: PLC0415, F401 - as above
    return lambda: CALLS[name](host, digest, path)


def measure(count: int) -> str:
    """The table of `docs/benchmarks.md` on reading blobs, of so many rounds."""
    lines = [
        "| blob | by | MB/s | seconds / regnb's | CPU s a GiB | peak grown, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    names = [name for name in CALLS if "skopeo" not in name or shutil.which("skopeo")]
    with tempfile.TemporaryDirectory() as folder, docker_registry(Path(folder)) as url:
        host = url.removeprefix("http://").rstrip("/")
        for size in SIZES:
            digest = push(url, size)
            lines += rows(rounds(__name__, names, f"{host}@{digest}", count), size)
    return "\n".join(lines)


def push(url: str, size: int) -> str:
    """Store a blob of noise, and an image that consists of it; gives its digest."""
    from regnb.core.registry import Registry  # noqa: PLC0415 - not measured here

    with noise(size) as file, Registry(url) as registry:
        digest = registry.repository(REPOSITORY).blobs.put(file.name).digest
    layer = {"digest": str(digest), "size": size}
    Seeder(url).image(REPOSITORY, digest.encoded[:12], [layer])
    return str(digest)


@contextmanager
def noise(size: int) -> Iterator[IO[bytes]]:
    """A file of so many bytes that cannot be compressed."""
    block = os.urandom(MIB - 8)
    with tempfile.NamedTemporaryFile() as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "big") + block)
        file.flush()
        yield file


def rows(measured: dict[str, list[Figures]], size: int) -> list[str]:
    """The rows of one size: medians, and ratios to what regnb needs in the same round."""
    rows = []
    for name, figures in measured.items():
        assert {f["seen"] for f in figures} == {size}, f"{name} did not move {size:,} bytes"
        kind, _, client = name.partition(": ")
        ours = next(f for other, f in measured.items() if other.startswith(f"{kind}: regnb"))
        grown = "" if client.startswith(OTHERS) else f"{middle(figures, 'grown') / 1e6:.1f}"
        speed = size / middle(figures, "wall") / 1e6
        rows.append(
            f"| {size // MIB:,} MiB, {kind} | {client} | {speed:,.0f} "
            f"| {ratio(figures, ours, 'wall')} "
            f"| {middle(figures, 'cpu') * 1024 * MIB / size:.2f} | {grown} |"
        )
    return rows


if __name__ == "__main__":
    os.sync()  # what others wrote is not written out during this call
    with tempfile.TemporaryDirectory() as folder:
        report(call_of(sys.argv[1], sys.argv[2], f"{folder}/blob"))
