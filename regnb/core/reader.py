"""BlobReader: a blob as a stream that verifies itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from regnb.core.auth.scopes import Scopes
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.incoming import PIECE, Answer, Incoming
from regnb.core.wire.redaction import redact
from regnb.errors import BlobUnknownError, RegistryTimeoutError
from regnb.model.digest import Digest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class BlobReader(io.RawIOBase):
    """The bytes of one blob, forward only, hashed as they pass.

    One piece is always held back: the last one is given out only when the digest has been
    matched, so that no reader reaches the end of bytes that are not the blob (W-B1).

    Attributes:
        digest: what the bytes have to hash to.
        size: bytes of the blob as announced by the registry; None before the first read, or where
            it does not say.
    """

    def __init__(self, transport: Transport, url: str, digest: Digest, *, scopes: Scopes) -> None:
        """Prepare to read; no request.

        Args:
            transport: of the registry.
            url: of the repository's blobs; ends in a slash.
            digest: of the blob.
            scopes: what reading it needs leave for.
        """
        super().__init__()
        self.digest = digest
        self.size: int | None = None
        self._transport = transport
        self._url = url + digest
        self._scopes = scopes
        self._verifier = digest.verifier()
        self._incoming: Incoming | None = None
        self._ready = memoryview(b"")
        self._held = b""
        self._verified = False
        self._waited = 0.0
        self._brought = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` with the next bytes; 0 at the end of the verified blob.

        Raises:
            BlobUnknownError: the repository has no such blob.
            DigestMismatchError: the bytes are other bytes; those already read are worth nothing.
            RegistryTimeoutError: the blob stalled.
            UnreachableError: the connection broke, or the body is shorter than announced.
        """
        if self.closed:
            raise ValueError("The blob has been closed.")
        target = memoryview(buffer).cast("B")
        if not self._ready and not self._verified:
            self._advance()
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        """Drop the connection, if the blob has not been read to its end."""
        if self._incoming is not None:
            self._incoming.close()
            self._incoming = None
        super().close()

    def _advance(self) -> None:
        """Make the piece that was held back ready, and hold back the next."""
        if self._incoming is None:
            self._incoming = self._begin()
            self._held = self._next_piece(self._incoming)
        piece, self._held = self._held, b""
        if piece:
            self._held = self._next_piece(self._incoming)
        if not self._held:
            self._verifier.check(method="GET", url=redact(self._incoming.url))
            self._verified = True
        self._ready = memoryview(piece)

    def _begin(self) -> Incoming:
        incoming = self._transport.stream(self._url, scopes=self._scopes)
        if isinstance(incoming, Answer):
            raise failure(incoming, unknown=BlobUnknownError)
        self.size = incoming.length
        return incoming

    def _next_piece(self, incoming: Incoming) -> bytes:
        clock = self._transport.clock
        started = clock.monotonic()
        try:
            piece = incoming.read(PIECE)
        except Interrupted as interrupted:
            error = interrupted.error
        else:
            self._verifier.update(piece)
            self._keep_pace(clock.monotonic() - started, len(piece))
            return piece
        raise error

    def _keep_pace(self, seconds: float, brought: int) -> None:
        """Raise when the blob drips (F5); only waiting for the registry counts."""
        limits = self._transport.limits
        self._waited += seconds
        self._brought += brought
        if self._waited < limits.stall_window:
            return
        if self._brought < limits.stall_bytes:
            self.close()
            shown = redact(self._url)
            raise RegistryTimeoutError(
                f"{shown} brought {self._brought:,} bytes in {self._waited:.0f} seconds. "
                "Try again later.",
                method="GET",
                url=shown,
            )
        self._waited, self._brought = 0.0, 0
