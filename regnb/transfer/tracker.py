"""Tracker: how far a transfer is, told by many threads and asked by one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from regnb.display.text import count, size
from regnb.errors import OperationCancelledError
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.transfer.destination import Action


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is.

    Attributes:
        bytes_done: that are where they should be, those from an earlier try included.
        bytes_total: of all distinct blobs that have to be moved.
        bytes_resumed: of `bytes_done`, those from an earlier try.
        blobs_done: moved, of `blobs_total`.
        blobs_total: that have to be moved.
        blobs_skipped: that were there already.
        blobs_mounted: that the registry had in another repository.
    """

    bytes_done: int = 0
    bytes_total: int = 0
    bytes_resumed: int = 0
    blobs_done: int = 0
    blobs_total: int = 0
    blobs_skipped: int = 0
    blobs_mounted: int = 0

    def __str__(self) -> str:
        """The part of it that a bar of bytes does not show; empty while nothing is known."""
        parts: list[str] = []
        if self.blobs_total:
            parts.append(f"{self.blobs_done:,}/{count(self.blobs_total, 'blob')}")
        for number, what in ((self.blobs_skipped, "skipped"), (self.blobs_mounted, "mounted")):
            if number:
                parts.append(f"{number:,} {what}" if parts else f"{count(number, 'blob')} {what}")
        if self.bytes_resumed:
            parts.append(f"{size(self.bytes_resumed)} from before")
        return ", ".join(parts)


OnProgress = Callable[[Progress], object]
"""Is told how far a transfer is: in the thread that called for it, some ten times a second."""


class Tracker:
    """Adds up what the threads of one transfer tell."""

    def __init__(self) -> None:
        """Nothing is to be moved yet."""
        self._lock = threading.Lock()
        self._stopped = False
        self._sizes: dict[Digest, int] = {}
        self._positions: dict[Digest, int] = {}
        self._resumed: dict[Digest, int] = {}
        self._actions = Counter[Action]()

    def expect(self, blob: Descriptor) -> None:
        """Count a blob among those that have to be moved."""
        with self._lock:
            self._sizes[blob.digest] = blob.size

    def position(self, blob: Descriptor, position: int) -> None:
        """Take note of how many bytes of a blob are through.

        Raises:
            OperationCancelledError: the transfer is to end.
        """
        digest = blob.digest
        with self._lock:
            self._sizes.setdefault(digest, blob.size)
            self._positions[digest] = position
            # What was there before is lost where the blob had to be begun anew.
            self._resumed[digest] = min(self._resumed.get(digest, position), position)
            stopped = self._stopped
        if stopped:
            raise OperationCancelledError("The transfer ended, because another blob failed.")

    def done(self, blob: Descriptor, action: Action) -> None:
        """Count a blob as moved, skipped or mounted, whatever was expected."""
        digest = blob.digest
        with self._lock:
            self._actions[action] += 1
            if action == "transfer":
                self._sizes[digest] = self._positions[digest] = blob.size
                return
            for noted in (self._sizes, self._positions, self._resumed):
                noted.pop(digest, None)

    def stop(self) -> None:
        """End what the threads are moving, at their next bytes."""
        self._stopped = True

    def progress(self) -> Progress:
        """How far it is now."""
        with self._lock:
            return Progress(
                bytes_done=sum(self._positions.values()),
                bytes_total=sum(self._sizes.values()),
                bytes_resumed=sum(self._resumed.values()),
                blobs_done=self._actions["transfer"],
                blobs_total=len(self._sizes),
                blobs_skipped=self._actions["skip"],
                blobs_mounted=self._actions["mount"],
            )
