"""Download: the bytes of one blob as they come, asked for again where they break off (F6).

Nothing is verified here; that is `regnb.core.reader`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from regnb.core.auth.scopes import Scopes
from regnb.core.ranges import parse_content_range, range_from
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.incoming import PIECE, Answer, Incoming
from regnb.core.wire.pace import Pace
from regnb.core.wire.redaction import redact
from regnb.core.wire.retry import Trial
from regnb.errors import BlobUnknownError, ProtocolError, RangesUnsupportedError, SizeMismatchError

OK = 200
PARTIAL_CONTENT = 206
RANGE_NOT_SATISFIABLE = 416
_OF_PARTS = frozenset({PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE})
_EXPIRED = frozenset({400, 403})
# Shares of a blob, as divisors: what counts as progress (F6), and what may be thrown away (W-B7).
_PROGRESS_SHARE = 100
_SKIPPED_SHARE = 20

Take = Callable[[Incoming], bytes | memoryview]
"""Reads the next bytes of a body; none at its end."""


class Download:
    """One blob on its way here.

    Attributes:
        url: of the blob, as it may be shown.
        offset: position in the blob of the next byte.
        size: bytes of the blob; None until the registry has told.
    """

    def __init__(
        self, transport: Transport, url: str, *, scopes: Scopes, expected: int | None = None
    ) -> None:
        """Ask for nothing yet.

        Args:
            transport: to the registry.
            url: of the blob.
            scopes: what reading it needs.
            expected: bytes that it must have, where that is known.
        """
        self.url = redact(url)
        self._expected = expected
        self._transport = transport
        self._url = url
        self._scopes = scopes
        self._pace = Pace(transport.limits, transport.clock)
        self._incoming: Incoming | None = None
        self.restart()

    @property
    def flowing(self) -> bool:
        """Whether there is a connection on which the next bytes come."""
        return self._incoming is not None

    def restart(self) -> None:
        """Forget all that the registry has told, and begin at the first byte."""
        self.close()
        self.offset = 0
        self.size = self._expected
        self._sends_ranges = True
        self._has_skipped = False

    def seek(self, offset: int) -> None:
        """Go on at another position."""
        if offset != self.offset:
            self.close()
            self.offset = offset

    def close(self) -> None:
        """Drop the connection, unless the blob has come to its end."""
        self._drop()
        self._trial: Trial | None = None
        self._brought = 0
        self._redirected_again = False

    def read(self) -> bytes:
        """The next bytes, as many as are here; empty at the end.

        At an end that nothing announces `size` stays None (W-B5): whoever knows the digest says
        whether it is one, by `end_here` or `ask_beyond`.

        Raises:
            RegistryError: the blob cannot be had, or breaks off more often than the retries allow.
                Another call tries again from the same position on.
        """
        return bytes(self._guarded(lambda incoming: self._pace.read(incoming, PIECE)))

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` with the next bytes; how many, 0 at the end. Raises as `read` does."""
        return len(self._guarded(lambda incoming: self._pace.fill(incoming, buffer)))

    def _guarded(self, take: Take) -> bytes | memoryview:
        try:
            return self._read(take)
        except BaseException:  # a Ctrl-C, too, may have lost bytes of this connection
            self.close()
            raise

    def end_here(self) -> None:
        """Take the end that nothing announced for one."""
        self.size = self.offset

    def ask_beyond(self) -> bytes:
        """What comes after the end that nothing announced; empty where it was one.

        Costs one request. Only a part of the blob counts as more.
        """
        answer = self._transport.stream(
            self._url, scopes=self._scopes, headers=range_from(self.offset)
        )
        if isinstance(answer, Incoming):
            self._incoming = answer
            if self._is_rest(answer) and (piece := self.read()):
                return piece
            self.close()
        self.end_here()
        return b""

    def _read(self, take: Take) -> bytes | memoryview:
        while self.size is None or self.offset < self.size:
            try:
                incoming = self._incoming or self._begin()
                return b"" if incoming is None else self._take(incoming, take)
            except Interrupted as interrupted:
                self._recover(interrupted)
        return b""

    def _begin(self) -> Incoming | None:
        """Ask for all from `offset` on; None where that is the end (W-B4)."""
        self._brought = 0
        self._pace.restart()
        self._trial = self._trial or self._transport.retries.begin()
        outcome = self._trial.run(self._attempt)
        if isinstance(outcome, Answer):
            self.size = self._end_told(outcome)
            if self.size is None:
                raise failure(outcome, unknown=BlobUnknownError)
            return None
        if self.offset and self.size is not None and self.offset >= self.size:
            outcome.close()
            return None
        self._incoming = outcome
        return outcome

    def _take(self, incoming: Incoming, take: Take) -> bytes | memoryview:
        piece = take(incoming)
        after = self.offset + len(piece)
        if self.size is not None and (after > self.size or (not piece and after < self.size)):
            raise self._wrong_end(after)
        self.offset = after
        self._brought += len(piece)
        if not piece or after == self.size:
            self._finish(incoming)
        return piece

    def _finish(self, incoming: Incoming) -> None:
        """Be done with a body; its connection is free already where its end was announced."""
        self._incoming = None
        if self.size is None and incoming.delimited:
            self.end_here()
        elif incoming.length is None:
            incoming.close()

    def _recover(self, interrupted: Interrupted) -> None:
        """Wait to go on after a break, or raise what it was (F6)."""
        self._drop()
        trial = self._trial
        if trial is not None and self._brought:
            self._redirected_again = False
            if self._brought >= self._enough():
                trial.progressed()
            else:
                trial.restart_clock()
        if trial is None or not trial.again(interrupted):
            raise interrupted.error from None

    def _enough(self) -> int:
        """Bytes by which an attempt is more than a failed one."""
        most = self._transport.limits.progress
        return most if self.size is None else min(most, max(self.size // _PROGRESS_SHARE, 1))

    def _drop(self) -> None:
        if self._incoming is not None:
            self._incoming.close()
            self._incoming = None

    def _attempt(self) -> Incoming | Answer:
        """Ask once, always the registry itself: what it redirected to before may have expired."""
        if self.offset and not self._sends_ranges:
            self._check_skip()
        headers = range_from(self.offset) if self._sends_ranges else {}
        request = self._transport.request("GET", self._url, accept="*/*", headers=headers)
        outcome = self._transport.begin_stream(request, scopes=self._scopes)
        try:
            self._check_total(outcome)
            if isinstance(outcome, Answer):
                return self._judged(outcome)
            self._accept(outcome)
        except BaseException:
            if isinstance(outcome, Incoming):
                outcome.close()
            raise
        return outcome

    def _check_total(self, outcome: Incoming | Answer) -> None:
        """Raise where a part is one of a blob that is larger or smaller than it must be."""
        if self._expected is None or outcome.status not in _OF_PARTS:
            return
        told = parse_content_range(outcome.headers.get("Content-Range"))
        if told is not None and told.total not in {None, self._expected}:
            raise self._not_as_promised(f"{told.total:,}")

    def _judged(self, answer: Answer) -> Answer:
        """An error to raise, or a 416 that tells the end; interrupts where another try may help."""
        abroad = not self._transport.gate.is_home(answer.url)
        if abroad and answer.status in _EXPIRED and not self._redirected_again:
            self._redirected_again = True
            raise Interrupted(failure(answer, unknown=BlobUnknownError), connected=True)
        misunderstood = answer.status == RANGE_NOT_SATISFIABLE and self._end_told(answer) is None
        if misunderstood and self.offset and self._sends_ranges:
            self._sends_ranges = False
            raise Interrupted(failure(answer, unknown=BlobUnknownError), connected=True)
        return answer

    def _end_told(self, answer: Answer) -> int | None:
        """The size of the blob by a 416, if no byte of it is at `offset`."""
        told = parse_content_range(answer.headers.get("Content-Range"))
        if answer.status != RANGE_NOT_SATISFIABLE or told is None or told.total is None:
            return None
        return told.total if told.total <= self.offset and self._may_be(told.total) else None

    def _may_be(self, size: int | None) -> bool:
        return size is None or self.size is None or size == self.size

    def _accept(self, incoming: Incoming) -> None:
        """Bring a body to `offset`, or interrupt where it is not what was asked for."""
        if incoming.encoded:
            self._sends_ranges = False  # positions on the wire are not those in the blob (W-B3)
        if incoming.status == PARTIAL_CONTENT:
            if not self._is_rest(incoming):
                self._sends_ranges = False
                raise self._contradiction("is not the part of the blob that was asked for")
        elif not self._may_be(incoming.length):
            raise self._another_size(incoming.length)
        else:
            self.size = self.size if incoming.length is None else incoming.length
            if self.offset and (self.size is None or self.offset < self.size):
                self._skip(incoming)

    def _is_rest(self, incoming: Incoming) -> bool:
        """Whether a body is the blob from `offset` on; learns the size from it (B8)."""
        told = parse_content_range(incoming.headers.get("Content-Range"))
        if incoming.status != PARTIAL_CONTENT or told is None or told.part is None:
            return False
        part, total = told.part, told.total
        fits = part.start == self.offset and total in {None, part.stop} and self._may_be(total)
        if not fits or incoming.encoded or incoming.length not in {None, len(part)}:
            return False
        self.size = self.size if total is None else total
        return True

    def _skip(self, incoming: Incoming) -> None:
        """Throw the first `offset` bytes of a whole blob away (W-B7)."""
        self._check_skip()
        self._has_skipped = True
        left = self.offset
        while left:
            piece = self._pace.read(incoming, min(left, PIECE))
            if not piece:
                raise self._contradiction("brought more or fewer bytes than it announced")
            left -= len(piece)

    def _check_skip(self) -> None:
        few = self.offset <= self._transport.limits.skipped
        share = self.size is not None and self.offset * _SKIPPED_SHARE <= self.size
        if self._has_skipped or not (few or share):
            raise RangesUnsupportedError(
                f"{self.url} cannot be read from byte {self.offset:,} on, because the registry "
                "sends only whole blobs. Read it from its beginning.",
                method="GET",
                url=self.url,
            )

    def _wrong_end(self, after: int) -> Interrupted:
        if self._expected is None:
            return self._contradiction("brought more or fewer bytes than it announced")
        what = f"more than {self.size:,}" if after > self._expected else f"only {after:,}"
        return Interrupted(self._not_as_promised(what), connected=True)

    def _another_size(self, size: int | None) -> Interrupted | SizeMismatchError:
        if self._expected is None:
            return self._contradiction("announces another size than before")
        return self._not_as_promised(f"{size:,}")

    def _not_as_promised(self, what: str) -> SizeMismatchError:
        return SizeMismatchError(
            f"{self.url} has {what} bytes, where {self._expected:,} were promised. Look at the "
            "manifest that names it.",
            method="GET",
            url=self.url,
        )

    def _contradiction(self, what: str) -> Interrupted:
        error = ProtocolError(
            f"The answer to GET {self.url} {what}. Ask whoever runs the registry, or the proxy in "
            "front of it.",
            method="GET",
            url=self.url,
        )
        return Interrupted(error, connected=True)
