"""Destination: where images go, as far as a transfer has to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from regnb.interfaces import OnPosition, Origin
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Manifest

Action = Literal["transfer", "skip", "mount", "foreign"]
"""What happens to a blob: its bytes are moved; it is there already; the registry has it in another
repository; or it may not be distributed, and stays where its URLs say."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with a blob.

    Attributes:
        blob: what is meant.
        action: what to do.
        mount_from: the repository that has it already, where it is to be mounted.
    """

    blob: Descriptor
    action: Action
    mount_from: str | None = None


class Destination(Protocol):
    """A repository that images are moved to."""

    vouches: bool
    """Whether it takes no manifest without what belongs to it, so that one stands for the rest."""

    def holds(self, manifest: Digest) -> bool:
        """Whether a manifest is there."""

    def has_tag(self, tag: str, manifest: Digest) -> bool:
        """Whether it is known that a tag there points to a manifest already."""

    def look(self, blob: Descriptor) -> Step:
        """Find out what has to be done about a blob."""

    def take(self, step: Step, origin: Origin, on_position: OnPosition) -> Action:
        """Do it; gives what was really done."""

    def store(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Take a manifest, of which everything is there."""

    def cancel(self) -> None:
        """End what other threads are doing there."""

    def tidy(self) -> None:
        """Remove what is of no more use; called at the end of a transfer, whatever came of it."""
