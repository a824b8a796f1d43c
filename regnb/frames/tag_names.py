"""What the name of a tag says: a version, an attachment, or just a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from regnb.model.reference import COSIGN_TAG, REFERRERS_TAG

# Nine digits fit an Int32; a longer number is a date or a build, not a version.
_NUMBER = r"(0|[1-9]\d{0,8})"
_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
# Semantic Versioning 2.0.0; a leading v is common in tags, and a plus is not allowed in them.
_SEMVER = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?", re.ASCII)


def kind_of(tag: str) -> str:
    """``normal``, ``referrers-fallback`` or ``cosign``."""
    if REFERRERS_TAG.fullmatch(tag):
        return "referrers-fallback"
    return "cosign" if COSIGN_TAG.fullmatch(tag) else "normal"


def is_semver(tag: str) -> bool:
    """Whether the tag is a semantic version, with or without a leading v."""
    return _SEMVER.fullmatch(tag) is not None


def tag_columns(tags: Iterable[str]) -> dict[str, list[Any]]:
    """The columns of the schema TAGS that follow from the names alone."""
    names = list(tags)
    matches = [_SEMVER.fullmatch(tag) for tag in names]
    return {
        "tag": names,
        "kind": [kind_of(tag) for tag in names],
        "is_semver": [match is not None for match in matches],
        "semver_major": [int(match[1]) if match else None for match in matches],
        "semver_minor": [int(match[2]) if match else None for match in matches],
        "semver_patch": [int(match[3]) if match else None for match in matches],
        "semver_prerelease": [match[4] if match else None for match in matches],
    }
