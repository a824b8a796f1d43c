"""What is rarer, and breaks what expects the usual: old formats, charts, times, layers."""

from __future__ import annotations

from collections.abc import Iterator

from regnb.sample.company import alpine_steps, for_platform
from regnb.sample.hostile import markup
from regnb.sample.images import (
    DOCKER_LIST,
    OCI_MANIFEST,
    Sample,
    Step,
    document,
    image,
    index,
    written,
)
from regnb.sample.layers import OCI_LAYER_GZIP, Blob, Files, gzip, layer, tar
from regnb.sample.names import digest_of

CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

# The layer that Docker wrote for each step without files: a gzip of 1,024 zeros.
EMPTY_LAYER = Blob(
    OCI_LAYER_GZIP,
    "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4",
    32,
    bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000"),
    "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
)
FOREIGN_LAYER = Blob(
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    digest_of(b"a base that only its vendor may hand out"),
    1_500_000_000,
    None,
    digest_of(b"the same, uncompressed"),
    {"urls": ["https://layers.example.com/windows-base.tar.gz"]},
)


def oddities() -> Iterator[Sample]:
    """All of them, in the order in which they are pushed."""
    yield from _docker()
    yield _chart()
    yield from _times()
    yield from _layers()
    yield Sample("odd/markup", markup(), ("latest",))


def _docker() -> Iterator[Sample]:
    created = "2019-03-07T22:19:53.447205048Z"
    nop = "/bin/sh -c #(nop) "
    made = {}
    for platform in ("linux/amd64", "linux/arm64/v8"):
        root = layer(f"legacy {platform}", {"bin/sh": 900_000, "etc/passwd": b"root:x:0:0\n"})
        steps = [
            Step(created, f"{nop}ADD file:38bc6b51693b13d84a63e281403e2f6d0218c44b in / ", root),
            Step(created, f'{nop} CMD ["/bin/sh"]'),
        ]
        about = {"docker_version": "18.06.1-ce", "config": {"Cmd": ["/bin/sh"]}}
        made[platform] = image(steps, platform=platform, about=about, docker=True)
    children = [(child, for_platform(platform)) for platform, child in made.items()]
    yield Sample("legacy/docker", made["linux/amd64"], ("amd64",))
    yield Sample("legacy/docker", index(children, media_type=DOCKER_LIST), ("latest",))


def _chart() -> Sample:
    about = {"name": "api", "version": "2.0.0", "apiVersion": "v2", "description": "The API"}
    files: Files = {"Chart.yaml": b"name: api\nversion: 2.0.0\n", "values.yaml": 4_000}
    archive = Blob.of(gzip(tar("chart", files)), CHART)
    config = Blob.of(written(about), CHART_CONFIG)
    # Helm sets no artifactType: the media type of the config says what it is.
    fields = {"config": config.descriptor(), "layers": [archive.descriptor()]}
    made = document(OCI_MANIFEST, fields, blobs=[config, archive])
    return Sample("charts/api", made, ("2.0.0",))


def _times() -> Iterator[Sample]:
    times = {
        "zero": "0001-01-01T00:00:00Z",
        "epoch": "1970-01-01T00:00:00Z",
        "future": "2106-02-07T06:28:15Z",  # the last second of 32 bits
    }
    for tag, created in times.items():
        files = layer(tag, {f"app/{tag}": 12_000})
        yield Sample("odd/times", image([Step(created, f"bazel build //{tag}", files)]), (tag,))


def _layers() -> Iterator[Sample]:
    created = "2016-06-23T20:31:12Z"
    empty = Step(created, "/bin/sh -c true", EMPTY_LAYER)
    yield Sample("odd/layers", image([*alpine_steps("3.19"), empty, empty]), ("empty",))
    own = layer("windows app", {"Files/app.exe": 150_000})
    steps = [
        Step(created, "Apply image 10.0.17763.1", FOREIGN_LAYER),
        Step(created, "cmd /S /C #(nop) COPY app.exe C:\\", own),
    ]
    made = image(steps, platform="windows/amd64", docker=True)
    yield Sample("odd/layers", made, ("foreign",))
