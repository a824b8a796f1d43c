"""Request bodies: with a length or chunked, read in pieces as they arrive (RFC 9112, 6 and 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

PIECE = 1 << 18
DRAIN_LIMIT = 64 << 20
LINE_LIMIT = 4096
TRAILER_LIMIT = 64
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")


class MalformedError(ValueError):
    """A request that cannot be told apart from the next one; the connection is of no more use."""


class Body:
    """The body of one request; `length` is None where it is chunked."""

    def __init__(self, source: BufferedIOBase, length: int | None) -> None:
        """Take the connection, which stands at the first byte of the body."""
        self.length = length
        self._pieces = self._sized(source, length) if length is not None else self._chunked(source)

    def pieces(self) -> Iterator[bytes]:
        """The bytes as they arrive.

        Raises:
            ConnectionError: the client went away before the end.
            MalformedError: the chunks do not follow the grammar.
        """
        return self._pieces

    def drain(self) -> bool:
        """Throw away what no handler read; False when that is too much to be worth it."""
        left = DRAIN_LIMIT
        for piece in self._pieces:
            left -= len(piece)
            if left < 0:
                return False
        return True

    @staticmethod
    def _sized(source: BufferedIOBase, left: int) -> Iterator[bytes]:
        while left:
            # read1 hands over what has arrived, so that an upload keeps it if the client breaks.
            piece = source.read1(min(left, PIECE))
            if not piece:
                raise ConnectionError("the body ended early")
            left -= len(piece)
            yield piece

    @classmethod
    def _chunked(cls, source: BufferedIOBase) -> Iterator[bytes]:
        while size := _chunk_size(source):
            yield from cls._sized(source, size)
            if source.readline(3) not in {b"\r\n", b"\n"}:
                raise MalformedError("a chunk is longer than its size")
        for _ in range(TRAILER_LIMIT):
            if source.readline(LINE_LIMIT) in {b"\r\n", b"\n", b""}:
                return
        raise MalformedError("too many trailer lines")


def _chunk_size(source: BufferedIOBase) -> int:
    line = source.readline(LINE_LIMIT)
    if not line:
        raise ConnectionError("the body ended early")
    size = CHUNK_SIZE.fullmatch(line)
    if size is None:
        raise MalformedError("not a chunk size")
    return int(size[1], 16)


def body_of(headers: Message, source: BufferedIOBase) -> Body:
    """The body that the headers announce.

    Raises:
        MalformedError: the headers contradict themselves, which is how requests are smuggled.
    """
    codings = headers.get_all("Transfer-Encoding", [])
    lengths = set(headers.get_all("Content-Length", []))
    if codings:
        if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise MalformedError("Transfer-Encoding is not just chunked")
        return Body(source, None)
    text = lengths.pop() if lengths else "0"
    if lengths or not re.fullmatch(r"[0-9]{1,18}", text):
        raise MalformedError("Content-Length is not one number")
    return Body(source, int(text))
