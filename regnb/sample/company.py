"""What a small company keeps in its registry: base images, services, a tool, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from regnb.sample.images import (
    Document,
    Sample,
    Step,
    artifact,
    image,
    index,
    platform_fields,
    written,
)
from regnb.sample.layers import Blob, layer

MEGABYTE = 1_000_000
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
PLATFORMS = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7")
_UNDATED = "0001-01-01T00:00:00Z"  # as cosign writes it
API_VERSIONS = ("v1.0.0", "v1.1.0", "v1.2.0", "v2.0.0")


def company() -> Iterator[Sample]:
    """All of it, in the order in which it is pushed."""
    yield from _bases()
    yield from _api()
    yield from _web()
    yield from _worker()
    yield from _platforms()


@cache
def alpine_steps(version: str = "3.20") -> tuple[Step, ...]:
    """The steps of a base image: one layer, one change of the config."""
    created = {"3.19": "2024-01-27T00:30:48.624602109Z", "3.20": "2024-09-06T12:05:36Z"}[version]
    root = layer(
        f"alpine {version}",
        {
            "bin/": b"",
            "bin/busybox": 800_000,
            "bin/sh": "/bin/busybox",
            "etc/": b"",
            "etc/os-release": f"NAME=Alpine\nVERSION_ID={version}\n".encode(),
            "lib/": b"",
            "lib/libcrypto.so.3": 2_000_000,
            "lib/libc.musl-x86_64.so.1": 600_000,
        },
    )
    return (
        Step(created, f"ADD alpine-minirootfs-{version}-x86_64.tar.gz / # buildkit", root),
        Step(created, 'CMD ["/bin/sh"]', None, {"comment": "buildkit.dockerfile.v0"}),
    )


@cache
def python_steps() -> tuple[Step, ...]:
    """A language runtime on the base image."""
    created = "2024-10-01T18:22:04.000000001Z"
    certificates = layer("certificates", {"etc/ssl/cert.pem": 220_000, "etc/ssl/zones": 400_000})
    python = layer(
        "python 3.12",
        {
            "usr/local/bin/python3.12": 6 * MEGABYTE,
            "usr/local/bin/python": "python3.12",
            "usr/local/lib/python3.12/os.py": 40_000,
            "usr/local/lib/python3.12/lib-dynload.so": 3 * MEGABYTE,
        },
    )
    pip = layer("pip", {"usr/local/lib/python3.12/site-packages/pip.py": 2 * MEGABYTE})
    return (
        *alpine_steps(),
        Step(created, "ENV PATH=/usr/local/bin:/usr/bin:/bin"),
        Step(created, "RUN /bin/sh -c apk add --no-cache ca-certificates tzdata", certificates),
        Step(created, "ENV PYTHON_VERSION=3.12.7"),
        Step(created, "RUN /bin/sh -c set -eux; make -j install; python3 --version", python),
        Step(created, "RUN /bin/sh -c python3 /tmp/get-pip.py --no-cache-dir", pip),
        Step(created, 'CMD ["python3"]'),
    )


def _about(title: str, version: str, **settings: Any) -> dict[str, Any]:
    labels = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.source": f"https://git.example.com/{title}",
        "com.example.team": title.partition("/")[0],
    }
    path = "PATH=/usr/local/bin:/usr/bin:/bin"
    return {"config": {"Env": [path], "Labels": labels, **settings}}


def _on_python() -> Mapping[str, str]:
    return {
        "org.opencontainers.image.base.name": "docker.io/library/python:3.12",
        "org.opencontainers.image.base.digest": _python_image().digest,
    }


@cache
def _python_image() -> Document:
    """The image that the team's images are built on."""
    settings = {"Env": ["PYTHON_VERSION=3.12.7"], "Cmd": ["python3"]}
    return image(python_steps(), about={"config": settings})


def _bases() -> Iterator[Sample]:
    shell = {"config": {"Cmd": ["/bin/sh"]}}
    old, new = (image(alpine_steps(version), about=shell) for version in ("3.19", "3.20"))
    yield Sample("library/alpine", old, ("3.19",))
    yield Sample("library/alpine", new, ("3.20", "3.20.3", "latest"))
    yield Sample("library/python", _python_image(), ("3.12", "3.12-alpine", "latest"))


@cache
def packages(number: int) -> Blob:
    """What pip installs for a service."""
    root = "usr/local/lib/python3.12/site-packages"
    size = (3 + number) * MEGABYTE
    return layer(f"packages {number}", {f"{root}/flask.py": 60_000, f"{root}/orm.so": size})


def _api() -> Iterator[Sample]:
    tags = {"v1.2.0": ("v1.2.0", "v1.2", "v1"), "v2.0.0": ("v2.0.0", "v2", "latest", "stable")}
    for month, version in enumerate(API_VERSIONS, start=2):
        made = _api_version(version, created=f"2025-{month:02}-11T08:{month}5:30.5+01:00")
        yield Sample("team/api", made, tags.get(version, (version,)))
    bill = Blob.of(written({"spdxVersion": "SPDX-2.3", "name": "team/api"}), SBOM)
    notes = {"org.opencontainers.image.created": "2025-05-11T09:00:00Z"}
    yield Sample("team/api", artifact(SBOM, [bill], subject=made, annotations=notes))
    yield Sample("team/api", signature(made), (made.digest.replace(":", "-") + ".sig",))


def _api_version(version: str, *, created: str) -> Document:
    libraries = packages(1 if version < "v2" else 2)
    code: dict[str, int | bytes | str] = {"srv/api/main.py": 90_000}
    code["srv/api/VERSION"] = version.encode()
    if version == "v2.0.0":
        code["srv/api/.wh.legacy.py"] = b""
    steps = [
        *python_steps(),
        Step(created, "WORKDIR /srv/api"),
        Step(created, "RUN /bin/sh -c pip install -r requirements.txt # buildkit", libraries),
        Step(created, "COPY . . # buildkit", layer(f"api {version}", code)),
        Step(created, "USER 1000"),
        Step(created, 'ENTRYPOINT ["python3","main.py"]'),
    ]
    about = _about(
        "team/api",
        version,
        User="1000",
        WorkingDir="/srv/api",
        Entrypoint=["python3", "main.py"],
        ExposedPorts={"8080/tcp": {}},
    )
    return image(steps, about=about, annotations=_on_python())


def signature(signed: Document, repository: str = "team/api") -> Document:
    """What cosign stores about an image."""
    payload = {
        "critical": {
            "identity": {"docker-reference": f"registry.example.com/{repository}"},
            "image": {"docker-manifest-digest": signed.digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    notes = {"dev.cosignproject.cosign/signature": "MEUCIQDsampleTgIgsample=="}
    blob = Blob.of(written(payload), SIGNATURE, annotations=notes)
    return image([Step(_UNDATED, "", blob)], platform="/")


def _web() -> Iterator[Sample]:
    assets = {"srv/web/app.js": 1_400_000, "srv/web/app.css": 300_000, "srv/web/logo.png": 90_000}
    for version, tags in {"1.0.0": ("1.0.0",), "1.1.0": ("1.1.0", "latest")}.items():
        created = f"2025-0{6 + (version > '1.0.0')}-02T16:45:00.25Z"
        steps = [
            *python_steps(),
            Step(created, "RUN /bin/sh -c pip install -r requirements.txt", packages(2)),
            Step(created, "COPY assets /srv/web # buildkit", layer("web assets", assets)),
            Step(created, "COPY web.py /srv/web", layer(version, {"srv/web/web.py": 50_000})),
        ]
        made = image(steps, about=_about("team/web", version), annotations=_on_python())
        yield Sample("team/web", made, tags)


def _worker() -> Iterator[Sample]:
    models = layer("models", {"opt/models/small.bin": 5 * MEGABYTE})
    for version in ("v0.9.0-rc.1", "v0.9.0"):
        created = "2025-03-01T00:00:00Z"
        code = layer(f"worker {version}", {"srv/worker.py": 70_000})
        steps = [
            *python_steps(),
            Step(created, "COPY models /opt/models # buildkit", models),
            Step(created, "COPY worker.py /srv # buildkit", code),
        ]
        about = _about("team/worker", version) | {"author": "Team <team@example.com>"}
        made = image(steps, about=about)
        yield Sample("team/worker", made, (version,))


def _platforms() -> Iterator[Sample]:
    tools = {version: _tool(version) for version in ("1.4.0", "1.5.0")}
    yield Sample("platform/tool", tools["1.4.0"], ("1.4.0",))
    yield Sample("platform/tool", tools["1.5.0"], ("1.5.0", "latest"))
    nested = index([(tools["1.5.0"], {}), (_python_image(), for_platform("linux/amd64"))])
    yield Sample("platform/bundle", nested, ("latest",))


def for_platform(platform: str) -> Mapping[str, Any]:
    """What the descriptor of an image says of its platform."""
    return {"platform": platform_fields(platform)}


def _tool(version: str) -> Document:
    """What buildx pushes: an image for each platform, then an attestation for each image."""
    created = f"2025-08-0{version[2]}T11:11:11.111111111Z"
    images, attestations = [], []
    for platform in PLATFORMS:
        binary = layer(f"tool {version} {platform}", {"usr/bin/tool": 700_000})
        certificates = layer("tool certificates", {"etc/ssl/cert.pem": 220_000})
        steps = [
            Step(created, "COPY /etc/ssl /etc/ssl # buildkit", certificates),
            Step(created, "COPY /out/tool /usr/bin/tool # buildkit", binary),
            Step(created, 'ENTRYPOINT ["/usr/bin/tool"]'),
        ]
        made = image(steps, platform=platform, about=_about("platform/tool", version))
        images.append((made, for_platform(platform)))
        attestations.append(_attestation(made))
    return index([*images, *attestations])


def _attestation(about: Document) -> tuple[Document, Mapping[str, Any]]:
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "tool", "digest": {"sha256": about.digest.partition(":")[2]}}],
    }
    notes = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
    blob = Blob.of(written(statement), IN_TOTO, annotations=notes)
    made = image([Step("2025-08-05T11:11:12Z", "", blob)], platform="unknown/unknown")
    reference = {
        "vnd.docker.reference.digest": about.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    }
    return made, {**for_platform("unknown/unknown"), "annotations": reference}
