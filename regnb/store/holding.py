"""Holding: where the bytes of images lie, be it a folder or an archive."""

from __future__ import annotations

import threading
from typing import Protocol

from regnb.model.digest import Digest
from regnb.store.region import Region

INDEX_LIMIT = 64 * 1024 * 1024
"""Bytes of an ``index.json``; that of a hundred thousand tags is smaller (S9)."""

MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes of a manifest (S9)."""


class Holding(Protocol):
    """A folder or an archive of blobs, with an index."""

    @property
    def shown(self) -> str:
        """What messages call it."""

    @property
    def stamp(self) -> object:
        """Something that changes whenever the index does."""

    def index(self) -> bytes | None:
        """The bytes of its index; None where it is new and empty."""

    def region(self, digest: Digest, cancelled: threading.Event) -> Region | None:
        """The bytes of one blob, not verified; None where it has no such blob."""
