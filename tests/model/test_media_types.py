from __future__ import annotations

import pytest

from regnb.model import media_types


def test_w_m4_what_is_accepted_stands_in_one_line_in_a_fixed_order() -> None:
    assert media_types.ACCEPT.split(", ") == [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.oci.artifact.manifest.v1+json",
    ]


@pytest.mark.parametrize(
    ("header", "base"),
    [
        (None, ""),
        ("", ""),
        ("text/html; charset=utf-8", "text/html"),
        (" Application/JSON ;a=b;c", "application/json"),
        (";", ""),
    ],
)
def test_m6_a_type_is_what_stands_before_its_parameters(header: str | None, base: str) -> None:
    assert media_types.base_type(header) == base


@pytest.mark.parametrize(
    ("media_type", "shown"),
    [
        (media_types.OCI_LAYER_GZIP, "tar+gzip"),
        (media_types.DOCKER_MANIFEST, "manifest.v2+json"),
        (media_types.OCI_INDEX, "index.v1+json"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "diff.tar.gzip"),
        ("text/plain", "text/plain"),
    ],
)
def test_people_see_the_telling_part_of_a_type(media_type: str, shown: str) -> None:
    assert media_types.short(media_type) == shown
