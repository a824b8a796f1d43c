"""Blobs: the blobs of one repository, read and verified."""

from __future__ import annotations

import io
import re

from regnb.core.auth import scopes
from regnb.core.reader import BlobReader
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.incoming import Answer, Incoming
from regnb.core.wire.outgoing import Method
from regnb.core.wire.redaction import redact
from regnb.errors import BlobUnknownError, DigestMismatchError, ProtocolError
from regnb.interfaces import CONFIG_LIMIT
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import base_type

OCTETS = "application/octet-stream"
_CONTENT_RANGE = re.compile(r"bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18})", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_PARTIAL = 206
_BUFFER = 256 * 1024


class Blobs:
    """The blobs of one repository."""

    __slots__ = ("_pull", "_transport", "_url")

    def __init__(self, transport: Transport, repository_url: str, repository: str) -> None:
        """Hold the repository's URL, which ends in a slash, and its name."""
        self._pull = scopes.pull(repository)
        self._transport = transport
        self._url = f"{repository_url}blobs/"

    def stat(self, digest: Digest) -> Descriptor:
        """Say how large a blob is, and of what type.

        One HEAD; where its answer holds no length, a GET of the first byte too (W-B8). Nothing is
        remembered between calls (W-B9).

        Raises:
            BlobUnknownError: the repository has no such blob.
            ProtocolError: the registry does not tell the size.
            RegistryError: what else stands in the way.
        """
        url = self._url + Digest(digest)
        answer = self._exchange("HEAD", url, limit=0)
        if not answer.ok:
            raise failure(answer, unknown=BlobUnknownError)
        size = _length(answer)
        if size is None:
            size = self._size_by_range(url)
        media_type = base_type(answer.headers.get("Content-Type")) or OCTETS
        return Descriptor(media_type=media_type, digest=Digest(digest), size=size)

    def _size_by_range(self, url: str) -> int:
        incoming = self._transport.stream(url, scopes=self._pull, headers={"Range": "bytes=0-0"})
        if isinstance(incoming, Answer):
            raise failure(incoming, unknown=BlobUnknownError)
        incoming.close()
        size = _length(incoming)
        if incoming.status == _PARTIAL:
            size = content_range_total(incoming.headers.get("Content-Range", ""))
        if size is not None:
            return size
        shown = redact(url)
        raise ProtocolError(
            f"The registry does not tell the size of {shown}. Read the blob to find out.",
            status=incoming.status,
            method="GET",
            url=shown,
        )

    def get(self, digest: Digest, *, limit: int = CONFIG_LIMIT) -> bytes:
        """Read and verify a small blob, such as an image config.

        One GET, and one more where the bytes of the first are not those of the digest.

        Args:
            digest: of the blob.
            limit: bytes; a larger blob is not read to its end.

        Raises:
            BlobUnknownError: the repository has no such blob.
            BodyTooLargeError: the blob is larger than `limit`.
            DigestMismatchError: the bytes are other bytes, twice.
            RegistryError: what else stands in the way.
        """
        digest = Digest(digest)
        try:
            return self._get_once(digest, limit)
        except DigestMismatchError:
            pass
        return self._get_once(digest, limit)

    def _get_once(self, digest: Digest, limit: int) -> bytes:
        verifier = digest.verifier()
        answer = self._exchange("GET", self._url + digest, limit=limit)
        if not answer.ok:
            raise failure(answer, unknown=BlobUnknownError)
        verifier.update(answer.body)
        verifier.check(status=answer.status, method="GET", url=redact(answer.url))
        return answer.body

    def open(self, digest: Digest) -> io.BufferedReader[BlobReader]:
        """Read a blob of any size as a stream that verifies itself.

        No request before the first read, then one GET. The stream goes forward only. Its last
        bytes are given out only after all of them have passed the digest (W-B1), so that whoever
        reads to the end has the blob, and whoever gets an error must throw away what came before.

        Returns:
            A binary stream; its ``raw`` is the `BlobReader`.

        Raises:
            InvalidDigestError: `digest` is no digest.
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
        """
        return io.BufferedReader(
            BlobReader(self._transport, self._url, Digest(digest), scopes=self._pull), _BUFFER
        )

    def _exchange(self, method: Method, url: str, *, limit: int) -> Answer:
        transport = self._transport
        return transport.exchange(method, url, limit=limit, scopes=self._pull, accept="*/*")


def _length(answer: Answer | Incoming) -> int | None:
    text = answer.headers.get("Content-Length", "")
    if "Content-Encoding" in answer.headers or not _LENGTH.fullmatch(text):
        return None  # the length of an encoded body is not the blob's
    return int(text)


def content_range_total(header: str) -> int | None:
    """The size of the whole, by a ``Content-Range`` (RFC 9110, 14.4); None where it is unknown."""
    match = _CONTENT_RANGE.fullmatch(header)
    return int(match[1]) if match else None
