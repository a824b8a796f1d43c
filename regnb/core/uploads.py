"""Uploads: the session in which a registry takes a blob (OCI distribution-spec 1.1, end-4 to 6)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from urllib.parse import quote, urlencode

from regnb.core.auth import scopes
from regnb.core.auth.scopes import Scopes
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.upload_state import UploadState
from regnb.core.wire.incoming import Answer
from regnb.core.wire.limits import GIB
from regnb.core.wire.outgoing import Method, Outgoing, Purpose
from regnb.core.wire.redaction import redact
from regnb.core.wire.secret import Secret
from regnb.errors import (
    AuthenticationRequiredError,
    DeniedError,
    ProtocolError,
    RegnbError,
    RepositoryUnknownError,
    UploadUnknownError,
    printable,
)
from regnb.model.digest import Digest

DEFAULT_ALGORITHM = "sha256"
OCTETS = "application/octet-stream"
_OK, CREATED, ACCEPTED, RANGE_NOT_SATISFIABLE = 200, 201, 202, 416
ATTEMPTS_TO_BEGIN = 3  # fewer than for other requests: each may leave a session behind (F1)
# How a registry says that it will not mount this blob; it may take it all the same (B-P16).
_MOUNTS_NOT = frozenset({401, 403, 404, 405})
_ANSWER = 64 * 1024
# distribution-spec 1.1 writes 0-9; older documents and registries bytes=0-9 or bytes 0-9 (W-P5).
_RANGE = re.compile(r"(?:bytes[= ])?([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class Upload:
    """One session. What breaks in between is the caller's to put right (`Delivery`).

    Attributes:
        transport: of the registry.
        url: of the repository's blobs; ends in a slash.
        repository: its name.
        algorithm: of the digest that the blob will have.
        offset: bytes that the registry has, as far as it said so.
        chunk_minimum: bytes of every chunk but the last, as the registry demands.
    """

    __slots__ = (
        "_location",
        "algorithm",
        "chunk_minimum",
        "offset",
        "repository",
        "transport",
        "url",
    )

    def __init__(self, transport: Transport, url: str, *, repository: str, algorithm: str) -> None:
        """Prepare; no request."""
        self.transport = transport
        self.repository = repository
        self.algorithm = algorithm
        self.offset = 0
        self.chunk_minimum = 0
        self.url = url
        self._location = Secret()

    @property
    def location(self) -> Secret:
        """Where the session goes on; empty without one. It may be signed."""
        return self._location

    def begin(self) -> None:
        """Begin a session, a new one where there was one before. One POST (P2).

        Raises:
            RepositoryUnknownError: there is no such repository, and none is made.
            ProtocolError: the answer leads nowhere, or where no bytes may be sent (S6).
            RegistryError: what else stands in the way.
        """
        self._accepted(self._post({}, scopes.push(self.repository)))

    def mount(self, digest: Digest, source: str) -> bool:
        """Have a blob of another repository, or begin a session. One POST, or two (P4, B-P16).

        Args:
            digest: of the blob.
            source: name of a repository of the same registry.

        Returns:
            Whether the blob is there now. If it is not, the session has begun.
        """
        answer, needed = None, scopes.mount(self.repository, source)
        with suppress(AuthenticationRequiredError, DeniedError):  # no token for both repositories
            answer = self._post({"mount": digest, "from": source}, needed)
        if answer is not None and answer.status == CREATED:
            return True
        if answer is None or answer.status in _MOUNTS_NOT:
            self.begin()
        else:
            self._accepted(answer)
        return False

    def state(self) -> UploadState:
        """What another process needs to go on from here."""
        return UploadState(
            blobs=self.url,
            location=self._location,
            offset=self.offset,
            algorithm=self.algorithm,
            chunk_minimum=self.chunk_minimum,
        )

    def resume(self, state: UploadState) -> None:
        """Take up a session that began elsewhere. One GET, for how much it holds (W-P2).

        Raises:
            ValueError: it is the state of an upload to another repository.
            UploadUnknownError: there is no such session any more.
            RegistryError: what else stands in the way.
        """
        if state.blobs != self.url:
            was, now = printable(redact(state.blobs)), redact(self.url)
            raise ValueError(f"That is the state of an upload to {was}, not to {now}.")
        self._location = Secret(self.transport.gate.upload(self.url, state.location))
        self.offset, self.chunk_minimum = state.offset, state.chunk_minimum
        self.ask()

    def ask(self) -> None:
        """Ask how far the session is. One GET.

        Raises:
            UploadUnknownError: there is no such session any more.
            ProtocolError: the registry does not say.
            RegistryError: what else stands in the way.
        """
        answer = self._exchange("GET", scopes.push(self.repository))
        if not answer.ok:
            raise failure(answer, unknown=UploadUnknownError)
        if not self.follow(answer, expected=self.offset):
            raise _unexpected(answer, "does not say how much of the upload has arrived")

    def append(self, body: Iterable[bytes], stop: int) -> Answer:
        """Send a chunk that ends before offset `stop`. One PATCH, sent once (P7).

        Raises:
            Interrupted: it broke off.
            RegistryError: it may not be sent.
        """
        start = self.offset
        headers = {"Content-Range": f"{start}-{stop - 1}"}
        return self._send("PATCH", self._location, body, stop - start, headers)

    def finish(self, digest: Digest, body: Iterable[bytes], size: int) -> Answer:
        """Close the session, with the whole blob or with nothing more. One PUT, sent once (P10).

        Raises:
            Interrupted: it broke off.
            RegistryError: it may not be sent.
        """
        return self._send("PUT", with_digest(self._location, digest), body, size, {})

    def follow(self, answer: Answer, *, expected: int) -> bool:
        """Take Location and Range from an answer; False where it does not say how far it is.

        Args:
            answer: to any request of the session.
            expected: how far it should be, which decides what ``0-0`` means (W-P4).
        """
        self._move(answer)
        offset = next_offset(answer.headers.get("Range", ""), expected=expected)
        if offset is not None:
            self.offset = offset
        return offset is not None

    def holds(self, digest: Digest) -> bool:
        """Whether the repository has a blob. One HEAD."""
        url = f"{self.url}{digest}"
        needed = scopes.push(self.repository)
        answer = self.transport.exchange("HEAD", url, limit=0, scopes=needed, accept="*/*")
        return answer.status == _OK

    def forget(self) -> None:
        """Take the session for lost: there is nothing left to cancel."""
        self._location = Secret()

    def cancel(self) -> None:
        """Ask the registry to forget the session, and wait for that `Limits.cancel_total` at most.

        Nothing depends on the answer (F10, P11): registries drop old sessions by themselves.
        """
        if not self._location:
            return
        # A thread, because neither a lookup of the host nor one for a token can be cut short.
        thread = threading.Thread(target=self._delete, name="regnb-cancel", daemon=True)
        thread.start()
        thread.join(self.transport.limits.cancel_total)

    def _delete(self) -> None:
        with suppress(RegnbError):
            self._exchange("DELETE", scopes.cancel(self.repository), attempts=1)

    def _post(self, parameters: dict[str, str], needed: Scopes) -> Answer:
        if self.algorithm != DEFAULT_ALGORITHM:
            parameters = {**parameters, "digest-algorithm": self.algorithm}  # (B-P17)
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self.transport.exchange(
            "POST",
            f"{self.url}uploads/{query}",
            limit=_ANSWER,
            scopes=needed,
            attempts=ATTEMPTS_TO_BEGIN,
        )

    def _accepted(self, answer: Answer) -> None:
        """Start at the beginning of a session; any other success is none (W-P6)."""
        if not answer.ok:
            raise failure(answer, unknown=RepositoryUnknownError)
        self._location, self.offset = Secret(), 0
        if answer.status == ACCEPTED:
            self._move(answer)
        if not self._location:
            raise _unexpected(answer, "does not say where the upload goes on")
        self.chunk_minimum = chunk_minimum(answer.headers.get("OCI-Chunk-Min-Length", ""))

    def _move(self, answer: Answer) -> None:
        location = Secret(answer.headers.get("Location", ""))
        if location:
            self._location = Secret(self.transport.gate.upload(answer.url, location))

    def _exchange(self, method: Method, needed: Scopes, *, attempts: int | None = None) -> Answer:
        request = self._request(method, self._location)
        once = partial(self.transport.attempt, request, limit=_ANSWER, scopes=needed)
        return self.transport.retries.run(once, attempts=attempts)

    def _send(
        self,
        method: Method,
        url: Secret,
        body: Iterable[bytes],
        size: int,
        headers: dict[str, str],
    ) -> Answer:
        headers = {"Content-Type": OCTETS, "Content-Length": str(size), **headers}
        request = self._request(method, url, headers, body)
        needed = scopes.push(self.repository)
        return self.transport.attempt(request, limit=_ANSWER, scopes=needed)

    def _request(
        self,
        method: Method,
        url: Secret,
        headers: dict[str, str] | None = None,
        body: Iterable[bytes] | None = None,
    ) -> Outgoing:
        return self.transport.request(
            method, url, headers=headers, body=body, purpose=Purpose.UPLOAD
        )


def with_digest(location: str, digest: Digest) -> Secret:
    """`location` with a digest after its query, which is not touched otherwise (W-P8)."""
    joint = "" if location.endswith(("?", "&")) else "&" if "?" in location else "?"
    return Secret(f"{location}{joint}digest={quote(digest, safe=':')}")


def next_offset(header: str, *, expected: int) -> int | None:
    """Where an upload goes on: after the last byte of its ``Range`` (W-P1); None if unreadable.

    ``0-0`` stands for one byte and, because there is nothing better, for none (W-P4).
    """
    match = _RANGE.fullmatch(header)
    if match is None or int(match[2]) < int(match[1]):
        return None
    last = int(match[2])
    return last + 1 if last or expected == 1 else 0


def chunk_minimum(header: str) -> int:
    """The bytes of an ``OCI-Chunk-Min-Length``; nobody is made to hold more than a GiB (B-P12)."""
    return min(int(header), GIB) if _LENGTH.fullmatch(header) else 0


def _unexpected(answer: Answer, what: str) -> ProtocolError:
    shown = redact(answer.url)
    return ProtocolError(
        f"The answer {answer.status} to {answer.method} {shown} {what}. Ask whoever runs the "
        "registry.",
        status=answer.status,
        method=answer.method,
        url=shown,
    )
