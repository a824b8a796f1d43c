"""Gunzip: a stream of gzip members, decoded without ever holding more than was asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable

_WIRE_PIECE = 64 * 1024
_MOST_STEPS_WITHOUT_YIELD = 16
_GZIP = 16 + zlib.MAX_WBITS


class Gunzip:
    """Decodes what `source` reads; a bomb grows only as far as its reader lets it (S12)."""

    __slots__ = ("_decoder", "_source", "_waiting")

    def __init__(self, source: Callable[[int], bytes]) -> None:
        """Decode what ``source(size)`` gives, until it gives nothing."""
        self._source = source
        self._decoder = zlib.decompressobj(_GZIP)
        self._waiting = b""

    def read(self, size: int) -> bytes:
        """The next decoded bytes, at most `size`, empty at the end.

        Raises:
            zlib.error: the bytes are no gzip, or gzip without any content.
            EOFError: they end in the middle of a member.
        """
        for _ in range(_MOST_STEPS_WITHOUT_YIELD):  # empty members could follow each other for ever
            self._waiting = self._waiting or self._source(_WIRE_PIECE)
            ended = not self._waiting
            if self._decoder.eof and not ended:
                self._decoder = zlib.decompressobj(_GZIP)
            piece = self._decode(size)
            if piece or (ended and self._decoder.eof):
                return piece
            if ended:
                raise EOFError
        raise zlib.error("gzip without content")

    def _decode(self, size: int) -> bytes:
        decoder = self._decoder
        piece = decoder.decompress(self._waiting, size)
        # At the end of a member the unconsumed tail is not cleared: it is the unused data again.
        self._waiting = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        return piece
