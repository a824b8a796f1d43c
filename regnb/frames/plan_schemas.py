"""The columns of the tables of plans."""

from __future__ import annotations

import pandas as pd

from regnb.frames.schemas import (
    CREATED,
    CREATED_FROM,
    DIGEST,
    EXACT_BYTES,
    REGISTRY,
    REPOSITORY,
    TAG,
    TEXT,
    Column,
    Dtype,
    Schema,
)

DECISION: Dtype = pd.CategoricalDtype(["keep", "delete"])

RETENTION = Schema(
    "retention",
    {
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "tag": TAG,
        "digest": DIGEST,
        "created": CREATED,
        "time_source": CREATED_FROM,
        "decision": Column(DECISION, "what the rules come to"),
        "rule": Column(TEXT, "rule that decided; null where none did"),
        "reason": Column(TEXT, "why"),
        "kept_with_digest": Column(
            EXACT_BYTES, "tags that stay and name the same digest, where this one goes"
        ),
        "freed_if_all": Column(
            EXACT_BYTES, "bytes freed if all tags of its digest here went, and nothing else"
        ),
    },
)
