"""The tables of a plan of what to delete: what goes, what else that touches, and why."""

from __future__ import annotations

import pandas as pd

from regnb.frames.schemas import (
    DIGEST,
    DOCUMENT,
    EXACT_BYTES,
    FLAG,
    KIND,
    MANIFEST_KIND,
    MEDIA_TYPE,
    REGISTRY,
    REPOSITORY,
    TEXT,
    TIME,
    Column,
    Dtype,
    Schema,
)

ACTION: Dtype = pd.CategoricalDtype(["untag", "delete-digest"])
REASON: Dtype = pd.CategoricalDtype(["selected", "same-digest", "attachment"])
COLLATERAL_KIND: Dtype = pd.CategoricalDtype(
    [
        "lost-tag",
        "broken-index",
        "attachment",
        "referrer",
        "orphan",
        "kept-tag",
        "kept-by-index",
        "kept-by-subject",
    ]
)
DELETION_STATUS: Dtype = pd.CategoricalDtype(["deleted", "gone", "failed", "skipped", "unknown"])
GC_VERSION: Dtype = pd.CategoricalDtype(["2.8", "3"])
RISK: Dtype = pd.CategoricalDtype(
    ["passed-over-child", "untagged-child", "untagged-referrer", "untagged"]
)

PLAN = Schema(
    "plan",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": Column(TEXT, "tag that goes; null for a manifest that has none"),
        "kind": KIND,
        "digest": DIGEST,
        "action": Column(ACTION, "whether the tag is taken away, or its manifest deleted"),
        "reason": Column(
            REASON, "asked for, or its manifest is deleted, or what it belongs to goes"
        ),
    },
)

PLAN_MANIFESTS = Schema(
    "plan manifests",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "digest": DIGEST,
        "media_type": MEDIA_TYPE,
        "kind": Column(MANIFEST_KIND, "what sort of manifest it is"),
        "size": DOCUMENT,
        "is_deleted": Column(FLAG, "whether it is deleted by digest; else it falls out of use"),
        "was_live": Column(FLAG, "whether it was in use before"),
    },
)

PLAN_BLOBS = Schema(
    "plan blobs",
    {
        "registry": REGISTRY,
        "digest": Column(TEXT, "digest of the blob, manifests included"),
        "size": Column(EXACT_BYTES, "bytes as stored, all of them freed"),
        "is_manifest": Column(FLAG, "whether it is a manifest"),
    },
)

COLLATERAL = Schema(
    "collateral",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "kind": Column(COLLATERAL_KIND, "what happens beside what was asked for"),
        "tag": Column(TEXT, "tag that it happens to, if it is one"),
        "digest": Column(TEXT, "digest of the manifest that it happens to"),
        "cause": Column(TEXT, "digest of the manifest that is the reason: as it goes, or stays"),
    },
)

EXPLANATION = Schema(
    "explanation",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": Column(TEXT, "tag that is explained"),
        "size": Column(EXACT_BYTES, "bytes that it needs together with the same others"),
        "blob_count": Column(EXACT_BYTES, "how many blobs these are, manifests included"),
        "is_freed": Column(FLAG, "whether the plan frees them"),
        "together_count": Column(EXACT_BYTES, "others of the plan that need them"),
        "together": Column(TEXT, "who: they are freed only when all of these go"),
        "kept_count": Column(EXACT_BYTES, "others that need them and stay"),
        "kept": Column(TEXT, "who: as long as one of these stays, they stay"),
    },
)

GC_RISK = Schema(
    "gc risk",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "digest": Column(TEXT, "digest of what would be lost: blob or manifest"),
        "version": Column(GC_VERSION, "version of the distribution registry that would do it"),
        "reason": Column(RISK, "why its collector does not keep it"),
        "is_manifest": Column(FLAG, "whether it is a manifest"),
        "is_swept": Column(FLAG, "whether its bytes go; else the repository alone loses it"),
        "size": Column(EXACT_BYTES, "bytes as stored"),
        "tag_count": Column(EXACT_BYTES, "tags of the repository that need it"),
        "tags": Column(TEXT, "which: they would break, or lose what is about them"),
    },
)

DELETIONS = Schema(
    "deletions",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "reference": Column(TEXT, "tag that was taken away, or digest that was deleted"),
        "means": Column(ACTION, "how"),
        "status": Column(
            DELETION_STATUS, "deleted; gone before; failed; skipped; unknown: no answer was seen"
        ),
        "error": Column(TEXT, "what stood in the way"),
        "deleted_at": Column(TIME, "when the registry said so"),
    },
)
