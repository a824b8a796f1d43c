"""The columns of the answers about bytes; those of `usage` stand in `regnb.frames.schemas`."""

from __future__ import annotations

import pandas as pd

from regnb.frames.schemas import (
    BYTES,
    COUNT,
    EXACT_BYTES,
    FLAG,
    LEVEL,
    REGISTRY,
    REPOSITORY,
    SHARE,
    TAG,
    TEXT,
    USAGE,
    Column,
    Dtype,
    Schema,
)

BLOB_CHANGE: Dtype = pd.CategoricalDtype(["new", "gone", "resized", "unknown"])
TAG_CHANGE: Dtype = pd.CategoricalDtype(["new", "removed", "moved", "unchanged", "unknown"])
REPOSITORY_CHANGE: Dtype = pd.CategoricalDtype(["new", "removed", "kept", "unknown"])

DU = Schema(
    "du",
    {
        "registry": REGISTRY,
        "path": Column(TEXT, "of the node; empty for the whole, null for what nobody owns"),
        "parent": Column(TEXT, "path of the node above; null for the whole"),
        "depth": Column(EXACT_BYTES, "steps from the whole, which has 0"),
        "is_repository": Column(FLAG, "whether it is a repository itself, and a leaf"),
        "stored": Column(EXACT_BYTES, "distinct bytes that it needs"),
        "exclusive": Column(EXACT_BYTES, "bytes that nothing outside of it needs"),
        "fair": Column(SHARE, "fair bytes of the repositories below, which add up"),
        "blob_count": Column(EXACT_BYTES, "distinct blobs and manifests that it needs"),
        "percent": Column(SHARE, "the metric asked for, of the stored bytes of the registry"),
    },
)

TOP = Schema(
    "top",
    {
        "registry": REGISTRY,
        "level": Column(LEVEL, "what each row stands for"),
        "rank": Column(COUNT, "1 is the largest; null for all the others together"),
        **{name: USAGE.columns[name] for name in list(USAGE.columns)[2:-1]},
        "consumer_count": Column(EXACT_BYTES, "how many the row stands for"),
        "percent": Column(SHARE, "the metric asked for, of the stored bytes of the registry"),
        "cum_percent": Column(SHARE, "the same of this row and all before it, taken together"),
    },
)

SHARING = Schema(
    "sharing",
    {
        "registry": REGISTRY,
        "repository_a": Column(TEXT, "one of two repositories, the first by name"),
        "repository_b": Column(TEXT, "the other"),
        "shared": Column(EXACT_BYTES, "bytes that both need"),
        "containment_a": Column(SHARE, "shared, of what the one stores"),
        "containment_b": Column(SHARE, "shared, of what the other stores"),
        "jaccard": Column(SHARE, "shared, of what both store together"),
    },
)

BUNDLES = Schema(
    "bundles",
    {
        "registry": REGISTRY,
        "level": Column(LEVEL, "what the consumers are"),
        "bytes": Column(EXACT_BYTES, "what all of these consumers need, and nobody else"),
        "blob_count": Column(EXACT_BYTES, "distinct blobs and manifests"),
        "consumer_count": Column(EXACT_BYTES, "how many need them"),
        "consumers": Column(
            TEXT, "their names, with spaces between; of many the first, and a number"
        ),
        "percent": Column(SHARE, "of the stored bytes of the registry"),
    },
)

GROWTH_BLOBS = Schema(
    "growth of blobs",
    {
        "registry": REGISTRY,
        "digest": Column(TEXT, "digest of the blob, manifests included"),
        "change": Column(BLOB_CHANGE, "what became of it; unknown: not read on one side"),
        "size_before": Column(BYTES, "bytes in the old audit; null where nothing needed it"),
        "size_after": Column(BYTES, "bytes in the new audit; null where nothing needs it"),
    },
)

GROWTH_TAGS = Schema(
    "growth of tags",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "change": Column(TAG_CHANGE, "what became of it; unknown: not read on one side"),
        "digest_before": Column(TEXT, "digest that it named in the old audit"),
        "digest_after": Column(TEXT, "digest that it names in the new audit"),
    },
)

GROWTH_REPOSITORIES = Schema(
    "growth of repositories",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "change": Column(REPOSITORY_CHANGE, "what became of it; unknown: not read on one side"),
        "stored_before": Column(BYTES, "distinct bytes that it needed; null where not known"),
        "stored_after": Column(BYTES, "distinct bytes that it needs; null where not known"),
        "added": Column(BYTES, "bytes that it needs and did not need"),
        "removed": Column(BYTES, "bytes that it needed and does not need"),
        "fair_before": Column(SHARE, "its fair bytes in the old audit, as far as was seen"),
        "fair_after": Column(SHARE, "its fair bytes in the new audit, as far as was seen"),
        "volume_effect": Column(SHARE, "change of its fair bytes by what it gained and lost"),
        "sharing_effect": Column(SHARE, "change of its fair bytes by what others gained and lost"),
    },
)
