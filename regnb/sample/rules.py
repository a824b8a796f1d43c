"""What the specification leaves to a registry, and `serve` to its caller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The choices of one registry.

    Attributes:
        page_size: how many tags, repositories or referrers a page has at most.
        chunk_minimum: how many bytes each chunk of an upload has at least, except the last.
        delete: whether tags, manifests and blobs may be deleted.
    """

    page_size: int | None = None
    chunk_minimum: int = 0
    delete: bool = True
