"""What the name of a tag says: a version, an attachment, or just a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from regnb.model.reference import COSIGN_TAG, REFERRERS_TAG
from regnb.model.versions import Version


def kind_of(tag: str) -> str:
    """``normal``, ``referrers-fallback`` or ``cosign``."""
    if REFERRERS_TAG.fullmatch(tag):
        return "referrers-fallback"
    return "cosign" if COSIGN_TAG.fullmatch(tag) else "normal"


def is_semver(tag: str) -> bool:
    """Whether the tag is a semantic version, with or without a leading v."""
    return Version.parse(tag) is not None


def tag_columns(tags: Iterable[str]) -> dict[str, list[Any]]:
    """The columns of the schema TAGS that follow from the names alone."""
    names = list(tags)
    versions = [Version.parse(tag) for tag in names]
    return {
        "tag": names,
        "kind": [kind_of(tag) for tag in names],
        "is_semver": [version is not None for version in versions],
        "semver_major": [version and version.major for version in versions],
        "semver_minor": [version and version.minor for version in versions],
        "semver_patch": [version and version.patch for version in versions],
        "semver_prerelease": [version and version.prerelease for version in versions],
    }
