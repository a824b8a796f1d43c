"""Places: where a walk looks for manifests and blobs, and what led it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from regnb.walk.columns import NONE
from regnb.walk.inventory import BY_TAG


class Place(NamedTuple):
    """A manifest in a repository, and the way that led there.

    Attributes:
        repository: its name.
        digest: number of the manifest's digest.
        root: number of the digest that the way began with.
        tag: the tag that the way began with, or None where it was a digest.
        parent: number of the index that names the manifest, or of what it is about, or NONE.
        attestation: whether that index calls it one.
        source: what led there last: ``BY_TAG``, ``BY_INDEX`` or ``BY_SUBJECT``.
    """

    repository: str
    digest: int
    root: int
    tag: str | None = None
    parent: int = NONE
    attestation: bool = False
    source: int = BY_TAG

    @property
    def key(self) -> tuple[str, int]:
        """Who is asked for what."""
        return (self.repository, self.digest)


@dataclass(frozen=True, slots=True)
class BlobJob:
    """A config or layer, where to ask for it, and the manifest that names it."""

    repository: str
    digest: int
    parent: int
