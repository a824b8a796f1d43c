"""What nobody looks after: an outdated base, layers stored twice, what lost its image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from regnb.sample.company import (
    MEGABYTE,
    SBOM,
    alpine_steps,
    for_platform,
    packages,
    python_steps,
    signature,
)
from regnb.sample.images import Document, Sample, Step, artifact, image, index, written
from regnb.sample.layers import Blob, layer, repacked

_LABELS = {
    "org.opencontainers.image.source": "https://git.example.com/library/python",
    "org.opencontainers.image.licenses": "PSF-2.0",
}


def neglected() -> Iterator[Sample]:
    """All of it, in the order in which it is pushed."""
    yield Sample("library/python", _old_python(), ("3.12.6",))
    yield from _reports()
    yield Sample("platform/agent", _agent(), ("2.0.0",))


def withdrawn() -> Iterator[tuple[str, Document]]:
    """What is deleted again once all is pushed: repositories and documents."""
    yield "platform/agent", _agent().children[-1]


def _old_python_steps() -> tuple[Step, ...]:
    """The steps of `python_steps`, a patch version earlier."""
    created = "2024-09-10T07:41:19.5Z"
    python = layer("python 3.12.6", {"usr/local/bin/python3.12": 4 * MEGABYTE})
    steps = []
    for step in python_steps()[len(alpine_steps()) :]:
        compiled = "make -j" in step.created_by
        said = step.created_by.replace("3.12.7", "3.12.6")
        made = python if compiled else step.layer
        steps.append(replace(step, created=created, created_by=said, layer=made))
    return (*alpine_steps(), *steps)


@cache
def _old_python() -> Document:
    """The image that the tag ``library/python:3.12`` named before; its labels are handed on."""
    settings = {"Env": ["PYTHON_VERSION=3.12.6"], "Cmd": ["python3"], "Labels": _LABELS}
    return image(_old_python_steps(), about={"config": settings})


def _reports() -> Iterator[Sample]:
    """An image on the old base, and the same pushed again by a tool that compresses otherwise."""
    first = packages(1)
    for tag, libraries in {"1.0.0": first, "1.0.1": repacked(first)}.items():
        yield Sample("team/reports", _report(tag, libraries), (tag,))
    lost = _report("0.9.0", first)  # and never pushed: what is about it has lost its image
    bill = Blob.of(written({"spdxVersion": "SPDX-2.3", "name": "team/reports"}), SBOM)
    yield Sample("team/reports", artifact(SBOM, [bill], subject=lost), ("sbom-0.9.0",))
    signed = signature(lost, "team/reports")
    yield Sample("team/reports", signed, (lost.digest.replace(":", "-") + ".sig",))


def _report(version: str, libraries: Blob) -> Document:
    day = {"0.9.0": "2024-09-20", "1.0.0": "2024-10-01", "1.0.1": "2024-10-08"}[version]
    created = f"{day}T06:30:00Z"
    steps = [
        *_old_python_steps(),
        Step(created, "RUN /bin/sh -c pip install -r requirements.txt", libraries),
        Step(
            created, "COPY . . # buildkit", layer(f"reports {version}", {"srv/report.py": 30_000})
        ),
    ]
    settings = {"Cmd": ["python3", "report.py"], "Labels": {**_LABELS, "com.example.team": "team"}}
    notes = {
        "org.opencontainers.image.base.name": "docker.io/library/python:3.12",
        "org.opencontainers.image.base.digest": _old_python().digest,
    }
    return image(steps, about={"config": settings}, annotations=notes)


@cache
def _agent() -> Document:
    """An index whose second image is for another processor than it says; the third is deleted."""
    created, children = "2025-09-01T12:00:00Z", []
    for platform, built_for in {
        "linux/amd64": "linux/amd64",
        "linux/arm64/v8": "linux/amd64",
        "linux/arm/v7": "linux/arm/v7",
    }.items():
        binary = layer(f"agent {platform}", {"usr/bin/agent": 300_000})
        made = image([Step(created, "COPY agent /usr/bin", binary)], platform=built_for)
        children.append((made, for_platform(platform)))
    return index(children)
