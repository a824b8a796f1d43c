"""Hashing: proves the bytes of a blob in a second thread, while the next ones are fetched."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from regnb.model.digest import Digest

BUFFERS = 3
"""One is filled while two wait to be hashed: more did not help."""

BUFFER = 1024 * 1024
"""Bytes of each: smaller ones cost more in handing over, larger ones leave the cache."""

LARGE = 64 * 1024
"""Bytes from which on the way to another thread is worth it."""


class Hashing:
    """Hashes the bytes of a blob in their order.

    What comes in large pieces, in the buffers of this object, is hashed while the caller goes on:
    `hashlib` lets other threads run meanwhile, so that a second core has something to do. The
    buffers are used again and again, because new memory costs as much as copying does.
    """

    __slots__ = ("_buffers", "_digest", "_next", "_size", "_thread", "_verifier", "_waiting")

    def __init__(self, digest: Digest, size: int) -> None:
        """Start with no bytes seen.

        Args:
            digest: what they have to hash to.
            size: how many they will be.

        Raises:
            UnsupportedDigestError: the algorithm cannot be computed here.
        """
        self._buffers: list[memoryview] = []
        self._digest = digest
        self._next = 0
        self._size = min(size, BUFFER)
        self._thread: ThreadPoolExecutor | None = None
        self._verifier = digest.verifier()
        self._waiting = deque[Future[None]]()

    def buffer(self) -> memoryview:
        """Where the next bytes may be put; waits until it has been hashed."""
        if len(self._waiting) == BUFFERS:
            self._waiting.popleft().result()
        if self._next == len(self._buffers):
            self._buffers.append(memoryview(bytearray(self._size)))
        return self._buffers[self._next]

    def hand_over(self, piece: memoryview) -> None:
        """Take the next bytes, which are those at the front of `buffer`: it is let go of."""
        if len(piece) < LARGE:
            self.take(piece)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="regnb-hashing")
        self._waiting.append(self._thread.submit(self._verifier.update, piece))
        self._next = (self._next + 1) % BUFFERS

    def take(self, piece: memoryview) -> None:
        """Take the next bytes, and have hashed them at the end."""
        self._settle()
        self._verifier.update(piece)

    def restart(self) -> None:
        """Forget all that was taken."""
        self._settle()
        self._verifier = self._digest.verifier()

    def check(self) -> None:
        """Raise `DigestMismatchError` unless what was taken is what it should be."""
        self._settle()
        self._verifier.check()

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
            self._thread = None

    def _settle(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()
