"""Synthetic images: steps like those of a Dockerfile become a config and a manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from regnb.sample.layers import OCI_LAYER_GZIP, Blob
from regnb.sample.names import digest_of
from regnb.sample.storage import Manifest, Storage

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

EMPTY = Blob.of(b"{}", OCI_EMPTY)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a history; without a layer it only changed the config."""

    created: str
    created_by: str
    layer: Blob | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def history(self) -> dict[str, Any]:
        """The entry as the config holds it (OCI image-spec 1.1, config)."""
        entry: dict[str, Any] = {"created": self.created, "created_by": self.created_by}
        return entry | dict(self.extra) | ({} if self.layer else {"empty_layer": True})


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index together with all that it needs in a repository."""

    raw: bytes
    media_type: str
    digest: str
    blobs: tuple[Blob, ...] = ()
    children: tuple[Document, ...] = ()

    def descriptor(self, **extra: Any) -> dict[str, Any]:
        """The JSON that points to it."""
        head = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.raw)}
        return head | extra

    def push(self, storage: Storage, name: str, *tags: str) -> None:
        """Put it into a repository with all that belongs to it."""
        for child in self.children:
            child.push(storage, name)
        for blob in self.blobs:
            if blob.raw is not None:
                storage.put_blob(name, blob.raw, digest=blob.digest)
        storage.put_manifest(name, Manifest.read(self.raw, self.media_type), tags=tags)


@dataclass(frozen=True, slots=True)
class Sample:
    """One document of the sample registry and the tags that lead to it; some have none."""

    repository: str
    document: Document
    tags: tuple[str, ...] = ()


def written(content: object) -> bytes:
    """JSON as one line, keys in the order given."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def document(
    media_type: str,
    fields: Mapping[str, Any],
    *,
    blobs: Iterable[Blob] = (),
    children: Iterable[Document] = (),
) -> Document:
    """A document of some media type; fields that are None or empty are left out."""
    kept = {key: value for key, value in fields.items() if value not in (None, {})}
    raw = written({"schemaVersion": 2, "mediaType": media_type, **kept})
    return Document(raw, media_type, digest_of(raw), tuple(blobs), tuple(children))


def image(
    steps: Sequence[Step],
    *,
    platform: str = "linux/amd64",
    about: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    docker: bool = False,
) -> Document:
    """An image made by `steps`, for a platform such as ``linux/arm64/v8``.

    Args:
        steps: the history, oldest first; the last one dates the image.
        platform: operating system, architecture and variant.
        about: further fields of the config, such as ``author`` and the inner ``config``.
        annotations: annotations of the manifest.
        docker: Docker's media types instead of OCI's.
    """
    layers = [step.layer for step in steps if step.layer is not None]
    if docker:
        layers = [_as_docker(each) for each in layers]
    config = Blob.of(
        written(_config(steps, platform, about or {})),
        DOCKER_CONFIG if docker else OCI_CONFIG,
    )
    fields = {
        "config": config.descriptor(),
        "layers": [each.descriptor() for each in layers],
        "annotations": annotations,
    }
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    return document(media_type, fields, blobs=[config, *layers])


def _as_docker(layer: Blob) -> Blob:
    known = layer.media_type == OCI_LAYER_GZIP
    return replace(layer, media_type=DOCKER_LAYER) if known else layer


def _config(steps: Sequence[Step], platform: str, about: Mapping[str, Any]) -> dict[str, Any]:
    layers = [step.layer for step in steps if step.layer is not None]
    return {
        "created": steps[-1].created,
        **platform_fields(platform),
        **about,
        "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
        "history": [step.history() for step in steps],
    }


def platform_fields(text: str) -> dict[str, str]:
    """A platform as descriptors and configs hold it."""
    system, architecture, *variant = text.split("/")
    fields = {"architecture": architecture, "os": system}
    return fields | ({"variant": variant[0]} if variant else {})


def artifact(
    artifact_type: str,
    blobs: Sequence[Blob],
    *,
    config: Blob = EMPTY,
    subject: Document | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """An artifact (OCI image-spec 1.1, guidelines for artifact usage)."""
    fields = {
        "artifactType": artifact_type,
        "config": config.descriptor(),
        "layers": [blob.descriptor() for blob in blobs],
        "subject": subject.descriptor() if subject else None,
        "annotations": annotations,
    }
    return document(OCI_MANIFEST, fields, blobs=[config, *blobs])


def index(
    manifests: Sequence[tuple[Document, Mapping[str, Any]]],
    *,
    media_type: str = OCI_INDEX,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """An index of documents, each with the further fields of its descriptor."""
    fields = {
        "manifests": [child.descriptor(**extra) for child, extra in manifests],
        "annotations": annotations,
    }
    return document(media_type, fields, children=[child for child, _ in manifests])
