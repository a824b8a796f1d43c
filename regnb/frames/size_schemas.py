"""The columns of the answers about bytes; those of `usage` stand in `regnb.frames.schemas`."""

from __future__ import annotations

from regnb.frames.schemas import (
    COUNT,
    EXACT_BYTES,
    FLAG,
    LEVEL,
    REGISTRY,
    SHARE,
    TEXT,
    USAGE,
    Column,
    Schema,
)

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
