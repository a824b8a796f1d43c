"""The closed vocabularies in the tables of an audit."""

from __future__ import annotations

import pandas as pd

from regnb.frames.schemas import Dtype

VISIBILITY: Dtype = pd.CategoricalDtype(["tagged-closure", "all-manifests", "all-blobs"])
TAGS_STATUS: Dtype = pd.CategoricalDtype(["ok", "empty", "404", "denied", "error"])
MEMBER_SOURCE: Dtype = pd.CategoricalDtype(["tag", "child", "referrer"])
REFERENCE_KIND: Dtype = pd.CategoricalDtype(["config", "layer", "child", "subject"])
LABEL_KIND: Dtype = pd.CategoricalDtype(["self", "config", "layer", "child", "subject"])
LABEL_SOURCE: Dtype = pd.CategoricalDtype(
    ["config-label", "manifest-annotation", "index-annotation", "descriptor-annotation"]
)
REFERRER_SOURCE: Dtype = pd.CategoricalDtype(
    ["api", "fallback-tag", "cosign-tag", "subject-field", "buildx-index"]
)
SIZE_SOURCE: Dtype = pd.CategoricalDtype(["descriptor", "document", "head"])
COMPRESSION: Dtype = pd.CategoricalDtype(["none", "gzip", "zstd", "unknown"])
UNCOMPRESSED_SOURCE: Dtype = pd.CategoricalDtype(["stored", "isize", "zstd-header"])
STAGE: Dtype = pd.CategoricalDtype(
    ["catalog", "tags", "head", "manifest", "config", "referrers", "blob"]
)
