"""Moving whole images: ``python -m tests.bench.images NAME JSON`` moves one, in its own process.

Prints the figures of `measuring.report`; what is seen are bytes of layers.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urljoin

from tests.bench.measuring import Call, Figures, middle, ratio, report, rounds
from tests.bench.seeding import Seeder
from tests.servers import docker_registry

MIB = 1024 * 1024
LAYERS = 8
LAYER_SIZE = 32 * MIB
REPOSITORY, TAG = "bench/images", "eight"


@dataclass(frozen=True)
class Job:
    """Where the image is: in one registry, and in a layout on disk; and where it may go."""

    host: str
    other: str
    layout: str
    digests: list[str]
    size: int

    def files(self) -> list[Path]:
        folder = Path(self.layout) / "blobs" / "sha256"
        return [folder / digest.partition(":")[2] for digest in self.digests]


def fresh() -> str:
    """A repository that nobody has pushed to."""
    return f"bench/{uuid.uuid4().hex}"


def regnb_pull(job: Job, folder: str) -> int:
    """`Image.pull`, which verifies, and sees to it that all is on disk."""
    import regnb  # noqa: PLC0415 - only the client that is measured

    with regnb.connect(job.host) as registry:
        table = registry[f"{REPOSITORY}:{TAG}"].pull(f"{folder}/layout", progress=False)
    return int(table["size"][(table["kind"] == "layer") & (table["action"] == "transfer")].sum())


def skopeo_pull(job: Job, folder: str) -> int:
    """``skopeo copy`` into a layout; it verifies."""
    skopeo(f"docker://{job.host}/{REPOSITORY}:{TAG}", f"oci:{folder}/layout:{TAG}")
    blobs = Path(folder, "layout", "blobs", "sha256")
    return sum((blobs / digest.partition(":")[2]).stat().st_size for digest in job.digests)


def oras_pull(job: Job, folder: str) -> int:
    """oras-py's `download_blob` for each layer; it verifies nothing."""
    from oras.provider import Registry  # noqa: PLC0415 - as above

    registry = Registry(job.host, insecure=True)
    for number, digest in enumerate(job.digests):
        registry.download_blob(f"{job.host}/{REPOSITORY}", digest, f"{folder}/{number}")
    return written(folder)


def dxf_pull(job: Job, folder: str) -> int:
    """python-dxf's `pull_blob` for each layer, which verifies."""
    from dxf import DXF  # noqa: PLC0415 - as above

    with DXF(job.host, REPOSITORY, insecure=True) as repository:
        for number, digest in enumerate(job.digests):
            with open(f"{folder}/{number}", "wb") as file:
                for chunk in repository.pull_blob(digest):
                    assert isinstance(chunk, bytes)
                    file.write(chunk)
    return written(folder)


def curl_pull(job: Job, folder: str) -> int:
    """One ``curl`` for all layers, one after the other; it verifies nothing."""
    command = ["curl", "-sS", "--noproxy", "*"]
    for number, digest in enumerate(job.digests):
        url = f"http://{job.host}/v2/{REPOSITORY}/blobs/{digest}"
        command += ["-o", f"{folder}/{number}", url]
    subprocess.run(command, check=True)
    return written(folder)


def regnb_push(job: Job, folder: str) -> int:
    """`Client.push` of the layout."""
    import regnb  # noqa: PLC0415 - as above

    with regnb.connect(job.host) as registry:
        table = registry.push(job.layout, f"{fresh()}:{TAG}", progress=False)
    return int(table["size"][(table["kind"] == "layer") & (table["action"] == "transfer")].sum())


def skopeo_push(job: Job, folder: str) -> int:
    """``skopeo copy`` of the layout."""
    skopeo(f"oci:{job.layout}:{TAG}", f"docker://{job.host}/{fresh()}:{TAG}")
    return sum(file.stat().st_size for file in job.files())


def oras_push(job: Job, folder: str) -> int:
    """oras-py's `upload_blob` for each layer."""
    from oras.container import Container  # noqa: PLC0415 - as above
    from oras.oci import NewLayer  # noqa: PLC0415 - as above
    from oras.provider import Registry  # noqa: PLC0415 - as above

    registry, name = Registry(job.host, insecure=True), fresh()
    for file in job.files():
        layer = NewLayer(str(file), is_dir=False)
        answer = registry.upload_blob(str(file), Container(f"{job.host}/{name}:{TAG}"), layer)
        assert answer.status_code in {200, 201}, answer.status_code
    return sum(file.stat().st_size for file in job.files())


def dxf_push(job: Job, folder: str) -> int:
    """python-dxf's `push_blob` for each layer, which hashes first."""
    from dxf import DXF  # noqa: PLC0415 - as above

    with DXF(job.host, fresh(), insecure=True) as repository:
        pushed = [repository.push_blob(str(file)) for file in job.files()]
    assert pushed == job.digests
    return sum(file.stat().st_size for file in job.files())


def curl_push(job: Job, folder: str) -> int:
    """``curl -T`` for each layer, whose digest is known."""
    import requests  # noqa: PLC0415 - as above

    name = fresh()
    for digest, file in zip(job.digests, job.files(), strict=True):
        start = requests.post(f"http://{job.host}/v2/{name}/blobs/uploads/", timeout=30)
        location = urljoin(start.url, start.headers["Location"])
        command = ["curl", "-sS", "--noproxy", "*", "-f", "-o", os.devnull, "-T", str(file)]
        subprocess.run([*command, f"{location}&digest={digest}"], check=True)
    return sum(file.stat().st_size for file in job.files())


def regnb_copy(job: Job, folder: str) -> int:
    """`regnb.copy` between two registries."""
    import regnb  # noqa: PLC0415 - as above

    with regnb.connect(job.host) as one, regnb.connect(job.other) as other:
        target = other[f"{fresh()}:{TAG}"]
        table = regnb.copy(one[f"{REPOSITORY}:{TAG}"], target, progress=False)
    return int(table["size"][(table["kind"] == "layer") & (table["action"] == "transfer")].sum())


def skopeo_copy(job: Job, folder: str) -> int:
    """``skopeo copy`` between two registries."""
    skopeo(f"docker://{job.host}/{REPOSITORY}:{TAG}", f"docker://{job.other}/{fresh()}:{TAG}")
    return sum(file.stat().st_size for file in job.files())


def skopeo(source: str, target: str) -> None:
    command = ["skopeo", "--insecure-policy", "copy", "-q"]
    command += ["--src-tls-verify=false"] if source.startswith("docker:") else []
    command += ["--dest-tls-verify=false"] if target.startswith("docker:") else []
    with tempfile.TemporaryDirectory() as nowhere:
        # What it remembers of earlier rounds would let it mount instead of copying.
        own = {"_CONTAINERS_ROOTLESS_UID": "1000", "XDG_DATA_HOME": nowhere}
        subprocess.run([*command, source, target], check=True, env={**os.environ, **own})


def written(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).iterdir())


OTHERS = ("curl", "skopeo")
"""Programs: what they need of memory is not seen from here."""
CALLS: dict[str, Callable[[Job, str], int]] = {
    "pull: regnb": regnb_pull,
    "pull: skopeo copy": skopeo_pull,
    "pull: oras-py": oras_pull,
    "pull: python-dxf": dxf_pull,
    "pull: curl -o": curl_pull,
    "push: regnb": regnb_push,
    "push: skopeo copy": skopeo_push,
    "push: oras-py": oras_push,
    "push: python-dxf": dxf_push,
    "push: curl -T": curl_push,
    "copy: regnb": regnb_copy,
    "copy: skopeo copy": skopeo_copy,
}


def call_of(name: str, job: Job, folder: str) -> Call:
    """A call of `CALLS`; what it imports is imported first."""
    if "regnb" in name:
        import regnb  # noqa: PLC0415, F401 - so that its import is not measured
    elif "oras" in name:
        import oras.provider  # noqa: PLC0415, F401 - as above
    elif "dxf" in name:
        import dxf  # noqa: PLC0415, F401 - as above
    return lambda: CALLS[name](job, folder)


def measure(count: int) -> str:
    """The table of `docs/benchmarks.md` on images, of so many rounds."""
    lines = [
        f"{LAYERS} layers of {LAYER_SIZE // MIB} MiB",
        "",
        "| image | by | MB/s | seconds / regnb's | CPU s a GiB | peak grown, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    names = [name for name in CALLS if "skopeo" not in name or shutil.which("skopeo")]
    with (
        tempfile.TemporaryDirectory() as folder,
        docker_registry(Path(folder, "one")) as one,
        docker_registry(Path(folder, "other")) as other,
    ):
        job = prepare(one, other, Path(folder, "layout"))
        lines += _rows(rounds(__name__, names, json.dumps(asdict(job)), count), job.size)
    return "\n".join(lines)


def prepare(one: str, other: str, layout: Path) -> Job:
    """Store an image of noise in a registry, and in a layout that does not say where it is from."""
    import regnb  # noqa: PLC0415 - not measured here

    seeder = Seeder(one)
    # Gzip, and of noise: what is called gzip and is not, skopeo would compress.
    noise = [gzip.compress(os.urandom(LAYER_SIZE), compresslevel=0) for _ in range(LAYERS)]
    layers = [seeder.blob(REPOSITORY, data) for data in noise]
    seeder.image(REPOSITORY, TAG, layers)
    host, elsewhere = (url.removeprefix("http://").rstrip("/") for url in (one, other))
    with regnb.connect(host) as registry:
        source = registry[f"{REPOSITORY}:{TAG}"]
        regnb.copy(source, regnb.connect(f"oci:{layout}")[f"{REPOSITORY}:{TAG}"], progress=False)
    digests = [layer["digest"] for layer in layers]
    return Job(host, elsewhere, str(layout), digests, sum(map(len, noise)))


def _rows(measured: dict[str, list[Figures]], size: int) -> list[str]:
    rows = []
    for name, figures in measured.items():
        assert {f["seen"] for f in figures} == {size}, f"{name} did not move {size:,} bytes"
        kind, _, client = name.partition(": ")
        grown = "" if client.startswith(OTHERS) else f"{middle(figures, 'grown') / 1e6:.1f}"
        rows.append(
            f"| {kind} | {client} | {size / middle(figures, 'wall') / 1e6:,.0f} "
            f"| {ratio(figures, measured[f'{kind}: regnb'], 'wall')} "
            f"| {middle(figures, 'cpu') * 1024 * MIB / size:.2f} | {grown} |"
        )
    return rows


if __name__ == "__main__":
    os.sync()  # what others wrote is not written out during this call
    with tempfile.TemporaryDirectory() as scratch:
        report(call_of(sys.argv[1], Job(**json.loads(sys.argv[2])), scratch))
