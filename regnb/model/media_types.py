"""Media types of OCI and Docker, and what they say of the thing that carries them."""

from __future__ import annotations

from functools import lru_cache

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

IMAGE_MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
LEGACY_MANIFESTS = frozenset({SCHEMA1, SCHEMA1_SIGNED})
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})

ACCEPT = ", ".join(
    (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, SCHEMA1_SIGNED, SCHEMA1, OCI_ARTIFACT)
)
"""What a request for a manifest accepts: one line, since some servers read only one (W-M4)."""

EMPTY_LAYERS = frozenset(
    {
        # 32 bytes of gzip, and the 1,024 bytes of tar inside them.
        "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4",
        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    }
)
"""The digests of the layer that holds no file."""

_PREFIXES = (
    "application/vnd.oci.image.layer.v1.",
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.oci.image.",
    "application/vnd.oci.",
    "application/vnd.docker.distribution.",
    "application/vnd.docker.",
    "application/vnd.",
    "application/",
)


@lru_cache
def base_type(header: str | None) -> str:
    """A Content-Type without its parameters, in lower case; empty where there is none."""
    return (header or "").partition(";")[0].strip().lower()


def is_foreign(media_type: str) -> bool:
    """Whether a layer of this type may not be distributed, and so lies elsewhere."""
    return "foreign" in media_type or "nondistributable" in media_type


def short(media_type: str) -> str:
    """A media type as people say it: ``tar+gzip`` for a layer, ``manifest.v1+json``."""
    for prefix in _PREFIXES:
        if media_type.startswith(prefix):
            return media_type.removeprefix(prefix)
    return media_type
