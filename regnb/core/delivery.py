"""Delivery: content on its way into an upload, whatever breaks in between (F8, B-P14, B-P19).

Recovery is the same for all that may break. The registry is asked where the upload stands, the
content is read again from there, and the rest is sent. Where the registry has forgotten the
upload, a new one begins, as long as the content can be read from its start.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator

from regnb.core.content import Content, OnPiece, SourceFailed
from regnb.core.responses import failure, recast
from regnb.core.uploads import CREATED, Upload
from regnb.core.wire.failures import Interrupted
from regnb.core.wire.incoming import Answer
from regnb.core.wire.redaction import redact
from regnb.core.wire.retry import RETRIED
from regnb.errors import (
    DigestMismatchError,
    InvalidDigestError,
    ProtocolError,
    RegistryError,
    RegistryWarning,
    UploadUnknownError,
)
from regnb.interfaces import OnPosition
from regnb.model.digest import Digest

MOST_NEW_SESSIONS = 2  # (F8)
# How often a session may be put right without having moved since.
MOST_CORRECTIONS = 10  # (B-P14)
MOST_RENEWALS = 1  # a second refusal means it (W-A1)
_NOT_FOUND, _RANGE_NOT_SATISFIABLE = 404, 416
# What a registry answers that cannot say where a session stands, or knows nothing of it.
_LOST = frozenset({400, 404, 405, 410, 501})
_GONE = frozenset({404, 410})  # there is nothing left to cancel

Outcome = Answer | Interrupted


class Delivery:
    """Brings content into one upload."""

    def __init__(
        self,
        upload: Upload,
        content: Content,
        *,
        chunk_size: int | None = None,
        on_piece: OnPiece | None = None,
        on_position: OnPosition | None = None,
    ) -> None:
        """Prepare; no request.

        Args:
            upload: a session that has begun.
            content: what comes next in it.
            chunk_size: bytes of one request; all that there are by default.
            on_piece: sees every piece before it is sent, and again where it is sent again.
            on_position: is told how many bytes of the blob are through, and whenever the upload
                goes on somewhere else; `upload` says where by then.
        """
        self._upload = upload
        self._content = content
        self._wanted_size = content.size if chunk_size is None else chunk_size
        self._on_piece = on_piece
        self._on_position = on_position
        self._trial = upload.transport.retries.begin()
        self._corrections = Counter[int]()
        self._new_sessions = 0
        self._repaired = False

    def store(self) -> None:
        """Send all of the content, and leave the session open.

        Raises:
            UploadUnknownError: the registry forgot the session, and the start of the blob is no
                more to be had.
            RegistryError: what else stands in the way.
        """
        while self._upload.offset < self._content.end:
            self._append()
        self._tell(self._upload.offset)

    def commit(self, digest: Digest) -> None:
        """Send what is missing, and close the session with the digest of the whole blob.

        Raises:
            DigestMismatchError: the registry got, or says that it stored, other bytes.
            RegistryError: what else stands in the way.
        """
        while True:
            left = self._content.end - self._upload.offset
            # A blob that fits in one request is one request (B-P12). Otherwise nothing rides in
            # the last one, because not every registry looks for it there.
            if left and not (self._upload.offset == 0 and left <= self._chunk_size):
                self._append()
            elif self._close(digest):
                return

    @property
    def _chunk_size(self) -> int:
        return max(self._wanted_size, self._upload.chunk_minimum)

    def _append(self) -> None:
        start = self._upload.offset
        stop = min(self._content.end, start + self._chunk_size)
        outcome = self._attempt(lambda: self._upload.append(self._pieces(start, stop), stop))
        if isinstance(outcome, Interrupted) or not outcome.ok:
            self._recover(outcome)
            return
        self._upload.offset = stop  # unless the registry says otherwise
        self._upload.follow(outcome, expected=stop)
        if start < self._upload.offset <= stop:
            self._note_progress(start)
        else:
            self._upload.offset = start
            self._correct(_RANGE_NOT_SATISFIABLE, _odd_range(outcome))
            self._ask()

    def _close(self, digest: Digest) -> bool:
        start, stop = self._upload.offset, self._content.end
        body = self._pieces(start, stop)
        outcome = self._attempt(lambda: self._upload.finish(digest, body, stop - start))
        if isinstance(outcome, Interrupted) or not outcome.ok:
            return self._recover(outcome, digest)
        _check_stored(outcome, digest)
        return True

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        self._tell(start)
        return self._told(start, self._content.pieces(start, stop, on_piece=self._on_piece))

    def _told(self, start: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            start += len(piece)
            try:
                self._tell(start)
            except Exception as error:  # not to be taken for trouble with the connection
                raise SourceFailed(error) from None

    def _tell(self, position: int) -> None:
        if self._on_position is not None:
            self._on_position(position)

    def _attempt(self, send: Callable[[], Answer]) -> Outcome:
        self._trial.keep_quiet()
        try:
            return send()
        except Interrupted as interrupted:
            return interrupted
        except SourceFailed as failed:
            error = failed.error
        finally:
            # A large blob may take hours; patience is for the time in which nothing moves.
            self._trial.restart_clock()
        raise error

    def _recover(self, outcome: Outcome, digest: Digest | None = None) -> bool:
        """Find out how to go on; True where the blob turns out to be there already.

        Args:
            outcome: of what did not work.
            digest: where the session was to be closed with it. The registry may have done so, and
                only its answer may be lost.
        """
        status = None if isinstance(outcome, Interrupted) else outcome.status
        if status is None or status in RETRIED:
            if not self._trial.again(outcome):
                raise _error(outcome)
        elif _is_correctable(outcome):
            self._correct(status, _error(outcome))
            digest = None
        elif status != _NOT_FOUND:
            self._refused(_error(outcome))
            return False
        if digest is not None and self._upload.holds(digest):
            self._upload.cancel()  # it is left over where the blob was there before
            return True
        if status == _NOT_FOUND:
            self._upload.forget()
            self._begin_anew(_error(outcome))
        elif not self._says_itself(outcome):
            self._ask()
        self._repaired = True
        return False

    def _correct(self, status: int, error: RegistryError) -> None:
        """Count what must not happen too often while nothing moves."""
        most = MOST_CORRECTIONS if status == _RANGE_NOT_SATISFIABLE else MOST_RENEWALS
        self._corrections[status] += 1
        if self._corrections[status] > most:
            raise error

    def _says_itself(self, outcome: Outcome) -> bool:
        """Whether a 416 says itself where to go on (B-P14)."""
        if isinstance(outcome, Interrupted) or outcome.status != _RANGE_NOT_SATISFIABLE:
            return False
        before = self._upload.offset
        # "0-0" is not what it was taken for: the other is meant (W-P4).
        expected = 1 - before if before in {0, 1} else before
        if "Location" not in outcome.headers:
            return False
        told = self._upload.follow(outcome, expected=expected)
        return told and self._upload.offset != before and self._is_in_reach()

    def _ask(self) -> None:
        before, lost = self._upload.offset, None
        try:
            self._upload.ask()
        except RegistryError as error:
            if error.status not in _LOST:
                raise
            lost = error
            if error.status in _GONE:
                self._upload.forget()
        if lost is None and self._is_in_reach():
            self._note_progress(before)
        else:
            self._begin_anew(lost or self._out_of_reach())

    def _is_in_reach(self) -> bool:
        return self._content.begin <= self._upload.offset <= self._content.end

    def _refused(self, error: RegistryError) -> None:
        """Raise, unless what the registry refuses is what the repair of a session has made."""
        if error.code == "DIGEST_INVALID":
            sentence = "What the registry got is not what the digest says."
            error = recast(error, DigestMismatchError, sentence)
            if self._repaired:
                self._repaired = False
                self._begin_anew(error)
                return
        raise error

    def _begin_anew(self, error: RegistryError) -> None:
        """Begin a new session, or raise where the content or our patience does not allow it."""
        if self._content.begin or self._new_sessions == MOST_NEW_SESSIONS:
            raise error
        self._new_sessions += 1
        self._upload.cancel()
        self._upload.begin()

    def _note_progress(self, before: int) -> None:
        progress = self._upload.transport.limits.progress
        if self._upload.offset - before >= min(progress, max(self._content.size // 100, 1)):
            self._trial.progressed()
            self._corrections.clear()

    def _out_of_reach(self) -> ProtocolError:
        shown = redact(self._upload.location)
        return ProtocolError(
            f"{shown} stands at byte {self._upload.offset:,}, where it cannot be. Begin the upload "
            "anew.",
            method="GET",
            url=shown,
        )


def _is_correctable(outcome: Outcome) -> bool:
    """Whether only the range was wrong, or a token had ended: 401, or 400 or 403 (B-A14)."""
    if isinstance(outcome, Interrupted):
        return False
    return outcome.status == _RANGE_NOT_SATISFIABLE or outcome.renewed


def _error(outcome: Outcome) -> RegistryError:
    if isinstance(outcome, Interrupted):
        return outcome.error
    return failure(outcome, unknown=UploadUnknownError)


def _odd_range(answer: Answer) -> ProtocolError:
    shown = redact(answer.url)
    return ProtocolError(
        f"The answer to {answer.method} {shown} has a Range that cannot be, again and again. Ask "
        "whoever runs the registry.",
        status=answer.status,
        method=answer.method,
        url=shown,
    )


def _check_stored(answer: Answer, digest: Digest) -> None:
    """Look at the answer that ends an upload (B-P15, B-P18)."""
    shown = redact(answer.url)
    if answer.status != CREATED:
        warnings.warn(
            f"{answer.method} {shown} was answered {answer.status}, where 201 says that the blob "
            "is stored. It counts as stored.",
            RegistryWarning,
            stacklevel=2,
        )
    try:
        stored = Digest(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidDigestError:
        return
    if stored.algorithm == digest.algorithm and stored != digest:
        raise DigestMismatchError(
            f"{shown} took the blob {digest} and says that it stored {stored}. Look at what lies "
            "there before you use it.",
            status=answer.status,
            method=answer.method,
            url=shown,
        )
