"""Sightings: which repository was seen to have a blob, so that others can mount it."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakKeyDictionary

from regnb.core.registry import Registry
from regnb.model.digest import Digest

MOST = 50_000
"""Blobs that are remembered of one registry; the oldest are forgotten."""

_seen: WeakKeyDictionary[Registry, OrderedDict[Digest, str]] = WeakKeyDictionary()


def note(registry: Registry, blob: Digest, repository: str) -> None:
    """Remember that a repository has a blob, for as long as the client is used."""
    known = _seen.setdefault(registry, OrderedDict())
    known[blob] = repository
    known.move_to_end(blob)
    while len(known) > MOST:
        known.popitem(last=False)


def place(registry: Registry, blob: Digest) -> str | None:
    """A repository that had a blob when it was last seen."""
    known = _seen.get(registry)
    return None if known is None else known.get(blob)
