"""Fetching: a whole blob into whatever keeps it, from where that stands (F6, F7)."""

from __future__ import annotations

from regnb.core.download import Download
from regnb.errors import DigestMismatchError, RangesUnsupportedError
from regnb.interfaces import OnPosition, Partial


def fetch(download: Download, into: Partial, *, on_position: OnPosition | None = None) -> None:
    """Complete `into`, and verify it; `Blobs.fetch` says how."""
    try:
        try:
            _complete(download, into, on_position)
        except (DigestMismatchError, RangesUnsupportedError):
            # Once more, and from the first byte, which needs no Range.
            into.restart()
            download.restart()
            _complete(download, into, on_position)
    finally:
        download.close()


def _complete(download: Download, into: Partial, on_position: OnPosition | None) -> None:
    download.seek(into.offset)
    if on_position is not None:
        on_position(into.offset)
    while into.fill(download.readinto):
        if on_position is not None:
            on_position(into.offset)
    into.check()
