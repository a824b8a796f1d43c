"""Window: the piece of a blob that is at hand, and the hash of all that has passed in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from regnb.core.download import Download
from regnb.errors import DigestMismatchError, RangesUnsupportedError
from regnb.model.digest import Digest, Verifier

T = TypeVar("T")

NEAR = 256 * 1024
"""Bytes ahead up to which reading on is cheaper than another request."""


class Window:
    """What `BlobReader` sees of a blob: one piece, which moves along with the position.

    Attributes:
        position: of the next byte to be taken; anything from 0 up.
        verified: as `BlobReader` says.
    """

    __slots__ = (
        "_digest",
        "_download",
        "_held",
        "_piece",
        "_restarted",
        "_start",
        "_verifier",
        "position",
        "verified",
    )

    def __init__(self, download: Download, digest: Digest) -> None:
        """Make no request yet."""
        self.position = 0
        self.verified = False
        self._digest = digest
        self._download = download
        self._restarted = False
        self._verifier: Verifier | None = digest.verifier()  # None: out of order beyond repair
        self._empty()

    @property
    def piece(self) -> bytes:
        """The bytes at hand."""
        return self._piece

    @property
    def start(self) -> int:
        """The position of the first byte at hand."""
        return self._start

    @property
    def end(self) -> int:
        """The position behind the last byte at hand."""
        return self._start + len(self._piece)

    def at_hand(self) -> int:
        """How many bytes are at hand at the position, without asking for any."""
        return self.end - self.position if self._start <= self.position < self.end else 0

    def here(self) -> int:
        """How many bytes are at hand at the position; asks for more if there are none.

        0 only at the end of the blob, or behind it.

        Raises:
            DigestMismatchError: the piece would be the last, and all in all it is another blob.
            RegistryError: it cannot be had.
        """
        return self.at_hand() or self._move()

    def take(self, count: int) -> bytes | memoryview:
        """The next `count` bytes, which are at hand."""
        offset = self.position - self._start
        self.position += count
        self._pass(self.position)
        if count == len(self._piece):
            return self._piece
        return memoryview(self._piece)[offset : offset + count]

    def undivided(self, work: Callable[[], T]) -> T:
        """Do something that takes bytes; where it fails, none of them count as taken.

        Where it began at the first byte, and so nothing has been given out, a blob that is
        damaged or cannot be resumed is begun once more (F6).
        """
        position, verifier = self.position, self._verifier and self._verifier.copy()
        try:
            return work()
        except BaseException as error:
            self.position, self._verifier, self.verified = position, verifier, False
            curable = isinstance(error, DigestMismatchError | RangesUnsupportedError)
            if curable:
                self._download.restart()  # what the registry told of the blob may be wrong, too
            self._empty()
            if position or self._restarted or not curable:
                raise
        self._restarted = True
        return self.undivided(work)

    def _empty(self) -> None:
        self._piece, self._start, self._held = b"", self._download.offset, b""

    def _move(self) -> int:
        size = self._download.size
        if size is not None and self.position >= size:  # never asked for (W-B4)
            self._check_end()
            return 0
        ahead = self.position - self.end
        if ahead and not (self._download.flowing and 0 < ahead <= NEAR):
            self._jump()
        while self.position >= self.end:
            self._pass(self.end)
            if not self._advance():
                break
        return self.at_hand()

    def _jump(self) -> None:
        self._download.seek(self.position)
        self._empty()
        passed = self._verifier.size if self._verifier else 0
        if self.position < passed or self._verifier is None:
            # What is asked for again may differ from what was hashed: no proof but from the start.
            self._verifier = None if self.position else self._digest.verifier()
            self.verified = False

    def _advance(self) -> bool:
        """Put the next piece at hand; False where there is none."""
        piece = self._held or self._next()
        self._start, self._piece, self._held = self.end, piece, b""
        if piece and self._download.size is None:
            self._held = self._next()  # only so is it told whether the piece is the last (W-B1)
        self._check_end()
        return bool(piece)

    def _next(self) -> bytes:
        piece = self._download.read()
        if piece or self._download.size is not None:
            return piece
        if not self._matches():
            return self._download.ask_beyond()
        self._download.end_here()
        return b""

    def _pass(self, end: int) -> None:
        """Hash what is at hand up to a position, as far as it is in order."""
        verifier = self._verifier
        if verifier is None or not self._start <= verifier.size < end:
            return
        verifier.update(memoryview(self._piece)[verifier.size - self._start : end - self._start])
        self.verified = verifier.size == self._download.size and verifier.verified()

    def _matches(self) -> bool:
        """Whether the blob would be whole if it ended with what is at hand."""
        passed = self._verifier
        if passed is None:
            return False
        ahead = self._with_rest(passed)
        return ahead.size == self._download.offset and ahead.verified()

    def _check_end(self) -> None:
        """Raise if the blob has passed, or will with what is at hand, and is another (W-B1)."""
        size, passed = self._download.size, self._verifier
        if self.verified or passed is None or size not in {passed.size, self.end}:
            return
        ahead = self._with_rest(passed)
        if ahead.size == size:
            ahead.check(method="GET", url=self._download.url)
            self.verified = passed.size == size

    def _with_rest(self, passed: Verifier) -> Verifier:
        """What will have passed once all at hand has."""
        ahead = passed.copy()
        if self._start <= passed.size < self.end:
            ahead.update(memoryview(self._piece)[passed.size - self._start :])
        return ahead
