"""The columns of the table of what is kept on disk."""

from __future__ import annotations

from regnb.frames.schemas import EXACT_BYTES, TEXT, TIME, Column, Schema

CACHE = Schema(
    "cache",
    {
        "digest": Column(TEXT, "digest of a manifest or an image config"),
        "media_type": Column(TEXT, "media type of a manifest; empty for a config"),
        "size": Column(EXACT_BYTES, "bytes"),
        "used_at": Column(TIME, "when it was last used, to the hour"),
    },
)
