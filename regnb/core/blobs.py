"""Blobs: the blobs of one repository, read, written and verified."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from regnb.core.auth import scopes
from regnb.core.content import Content, File, Source, is_seekable, opened
from regnb.core.deleting import delete
from regnb.core.delivery import Delivery
from regnb.core.download import OK, PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE, Download
from regnb.core.fetching import fetch
from regnb.core.ranges import parse_content_range, range_of
from regnb.core.reader import BlobReader
from regnb.core.responses import HEAD_MAY_BE_REFUSED, failure
from regnb.core.serving import serve
from regnb.core.transport import Transport
from regnb.core.upload_state import UploadState
from regnb.core.uploads import DEFAULT_ALGORITHM, OCTETS, Upload
from regnb.core.wire.incoming import Answer, Incoming
from regnb.core.wire.outgoing import Method
from regnb.core.wire.redaction import redact
from regnb.core.writer import BlobWriter
from regnb.errors import (
    BlobUnknownError,
    BodyTooLargeError,
    ProtocolError,
    SizeMismatchError,
)
from regnb.interfaces import CONFIG_LIMIT, OnPosition, Partial
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import base_type
from regnb.model.reference import check_path

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_OF_PARTS = frozenset({PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE})
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class Blobs:
    """The blobs of one repository."""

    __slots__ = ("_pull", "_repository", "_transport", "_url")

    def __init__(self, transport: Transport, repository_url: str, repository: str) -> None:
        """Hold the repository's URL, which ends in a slash, and its name."""
        self._pull = scopes.pull(repository)
        self._repository = repository
        self._transport = transport
        self._url = f"{repository_url}blobs/"

    def stat(self, digest: Digest) -> Descriptor:
        """Say how large a blob is, and of what type.

        One HEAD; where it is refused or tells no length, a GET of the first byte too (W-B8, W-E4).
        Nothing is remembered between calls (W-B9).

        Raises:
            BlobUnknownError: the repository has no such blob.
            ProtocolError: the registry does not tell the size.
            RegistryError: what else stands in the way.
        """
        digest = Digest(digest)
        answer, size = self._look(digest)
        if size is None:
            shown = redact(self._url + digest)
            raise ProtocolError(
                f"The registry does not tell the size of {shown}. Read the blob to find out.",
                status=answer.status,
                method="GET",
                url=shown,
            )
        media_type = base_type(answer.headers.get("Content-Type")) or OCTETS
        return Descriptor(media_type=media_type, digest=digest, size=size)

    def _look(self, digest: Digest) -> tuple[Answer, int | None]:
        """The answer to a HEAD, and the size of the blob if the registry tells it at all."""
        answer = self._exchange("HEAD", self._url + digest, limit=0)
        if not answer.ok and answer.status not in HEAD_MAY_BE_REFUSED:
            raise failure(answer, unknown=BlobUnknownError)
        size = _length(answer) if answer.status == OK else None
        return answer, self._size_by_range(self._url + digest) if size is None else size

    def _size_by_range(self, url: str) -> int | None:
        incoming = self._transport.stream(url, scopes=self._pull, headers={"Range": "bytes=0-0"})
        if isinstance(incoming, Answer):
            raise failure(incoming, unknown=BlobUnknownError)
        incoming.close()
        if incoming.status != PARTIAL_CONTENT:
            return _length(incoming)
        told = parse_content_range(incoming.headers.get("Content-Range"))
        return None if told is None else told.total

    def get(self, digest: Digest, *, limit: int = CONFIG_LIMIT) -> bytes:
        """Read and verify a small blob, such as an image config.

        One GET as a rule; what breaks off is resumed, and bytes that are not those of the digest
        are asked for once more.

        Args:
            digest: of the blob.
            limit: bytes; a larger blob is not read to its end.

        Raises:
            BlobUnknownError: the repository has no such blob.
            BodyTooLargeError: the blob is larger than `limit`.
            DigestMismatchError: the bytes are other bytes, twice.
            RegistryError: what else stands in the way.
        """
        with self.open(digest) as stream:
            stream.peek()
            if stream.size is None or stream.size <= limit:
                body = stream.read(limit + 1)
                if len(body) <= limit:
                    return body
        shown = redact(self._url + digest)
        raise BodyTooLargeError(
            f"The blob {shown} is larger than {limit:,} bytes, so that reading stopped there. If "
            "it is meant to be that large, raise the limit.",
            method="GET",
            url=shown,
        )

    def open(self, digest: Digest) -> BlobReader:
        """Read a blob of any size as a file that verifies itself.

        No request before the first read (B6), then one GET, and one more for each jump and for
        each connection that breaks. The last bytes are given out only after all of them have
        passed the digest (W-B1), so that whoever reads from beginning to end has the blob, and
        whoever gets an error must throw away what came before.

        Raises:
            InvalidDigestError: `digest` is no digest.
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
        """
        digest = Digest(digest)
        download = Download(self._transport, self._url + digest, scopes=self._pull)
        return BlobReader(download, digest, find_size=lambda: self._look(digest)[1])

    def read_range(self, blob: Descriptor, positions: range) -> bytes | None:
        """Read some bytes of a blob, which no digest proves.

        One GET (RFC 9110, 14.2). Where the registry sends the whole blob instead, its connection is
        closed and nothing of it is read.

        Args:
            blob: digest and size.
            positions: of the bytes, one or more, all within the blob.

        Returns:
            None where the registry does not send just these.

        Raises:
            BlobUnknownError: the repository has no such blob.
            SizeMismatchError: the registry has a blob of another size.
            RegistryError: what else stands in the way.
        """
        url, headers = self._url + blob.digest, range_of(positions)
        try:
            answer = self._exchange("GET", url, limit=len(positions), headers=headers)
        except BodyTooLargeError:
            return None
        told = parse_content_range(answer.headers.get("Content-Range"))
        if told is not None and answer.status in _OF_PARTS and told.total not in {None, blob.size}:
            raise SizeMismatchError(
                f"{redact(url)} has {told.total:,} bytes, where {blob.size:,} were promised. Look "
                "at the manifest that names it.",
                status=answer.status,
                method="GET",
                url=redact(url),
            )
        if not answer.ok and answer.status != RANGE_NOT_SATISFIABLE:
            raise failure(answer, unknown=BlobUnknownError)
        sent = told is not None and answer.status == PARTIAL_CONTENT and told.part == positions
        plain = "Content-Encoding" not in answer.headers and len(answer.body) == len(positions)
        return answer.body if sent and plain else None

    def fetch(
        self, blob: Descriptor, into: Partial, *, on_position: OnPosition | None = None
    ) -> None:
        """Complete a blob of any size that is being put together, on disk for example; verified.

        No request where all bytes are there. Otherwise one GET of those that are missing, and one
        more for each connection that breaks, without end as long as that brings the blob forward
        (F6). If it turns out to be another blob in the end, or the registry sends only whole ones,
        it is thrown away and asked for once more from its first byte. After any other error,
        `into` keeps what has arrived.

        Args:
            blob: digest and size.
            into: takes the bytes, from its `Partial.offset` on.
            on_position: is told how many bytes of the blob are there.

        Raises:
            BlobUnknownError: the repository has no such blob.
            DigestMismatchError: the bytes are other bytes, twice.
            SizeMismatchError: the registry has a blob of another size.
            StorageError: `into` cannot take them.
            RegistryError: what else stands in the way.
        """
        download = Download(
            self._transport, self._url + blob.digest, scopes=self._pull, expected=blob.size
        )
        fetch(download, into, on_position=on_position)

    def serve(
        self, digest: Digest, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand a blob on to an HTTP client: the body of a WSGI application (PEP 3333).

        One HEAD, and one GET where the client asks for the bytes. They stream, verified: a blob
        that turns out wrong, or breaks off for good, ends the response before its announced end.
        GET and HEAD are answered with Content-Length, Content-Type, Docker-Content-Digest and
        ETag, and with 304 where the client has the blob; always in whole, whatever Range says. A
        blob that is not there is 404, a registry in trouble 502; the log says more.

        Args:
            digest: of the blob.
            environ: of the request.
            start_response: of the WSGI server.

        Raises:
            InvalidDigestError: `digest` is no digest.
        """
        return serve(self, Digest(digest), environ, start_response)

    def put(
        self, source: Source, *, digest: Digest | None = None, chunk_size: int | None = None
    ) -> Descriptor:
        """Store a blob of any size.

        Two requests where nothing breaks: POST, and PUT of all bytes (distribution-spec 1.1,
        "POST then PUT"). The bytes stream from the file. Where the connection breaks, the upload
        goes on from what the registry has, or anew if it has nothing any more. A file that cannot
        be read again and is larger than a chunk is sent in chunks of 8 MiB.

        Args:
            source: bytes, the path of a file, or a binary file, sent from its position to its end.
            digest: of the blob. Without it, a file that can be read again is hashed before it is
                sent, and another one while it is.
            chunk_size: bytes; send a larger blob in several requests, for a registry or a proxy
                that takes no more at once. The registry may want larger chunks, and gets them.

        Returns:
            Digest and size of the blob. A blob has no media type of its own.

        Raises:
            ValueError: `chunk_size` is below 1.
            DigestMismatchError: the bytes do not hash to `digest`.
            RequestTooLargeError: the registry takes no more at once than a smaller `chunk_size`.
            RepositoryUnknownError: there is no such repository, and none is made.
            SizeMismatchError: the file became shorter while it was sent.
            RegistryError: what else stands in the way. The registry was asked to forget the rest.
        """
        _check_chunk_size(chunk_size)
        with opened(source) as file:
            if is_seekable(file):
                return self._put_file(file, digest, chunk_size)
            algorithm = DEFAULT_ALGORITHM if digest is None else Digest(digest).algorithm
            with self.create(algorithm=algorithm, chunk_size=chunk_size) as writer:
                writer.read_from(file)
                return writer.commit(digest)

    def _put_file(self, file: File, digest: Digest | None, chunk_size: int | None) -> Descriptor:
        content = Content.rest_of(file)
        digest = content.digest() if digest is None else Digest(digest)
        upload = self._upload(digest.algorithm)
        upload.begin()
        with _cancelled_if_broken(upload):
            Delivery(upload, content, chunk_size=chunk_size).commit(digest)
        return Descriptor(media_type=OCTETS, digest=digest, size=content.size)

    def create(
        self,
        *,
        algorithm: str = DEFAULT_ALGORITHM,
        chunk_size: int | None = None,
        hashed: bool = True,
    ) -> BlobWriter:
        """Begin an upload, to write a blob piece by piece. One POST (distribution-spec, end-4a).

        Args:
            algorithm: of the digest that the blob will have.
            chunk_size: bytes that are sent at once, 8 MiB by default; the registry may want more.
            hashed: whether what is written is hashed here. Where it verifies itself, as what
                `open` gives does, that would be done twice; `BlobWriter.commit` needs the digest
                then, and the registry compares it.

        Raises:
            ValueError: `chunk_size` is below 1.
            UnsupportedDigestError: nothing can be computed with that algorithm here.
            RegistryError: what else stands in the way.
        """
        _check_chunk_size(chunk_size)
        upload = self._upload(algorithm)
        upload.begin()
        return BlobWriter(upload, chunk_size=chunk_size, hashed=hashed)

    def mount(self, digest: Digest, source: str) -> BlobWriter | None:
        """Have a blob that another repository of this registry holds, without sending its bytes.

        One POST (distribution-spec 1.1, end-11), and one more where the registry refuses.

        Args:
            digest: of the blob.
            source: name of the other repository.

        Returns:
            None when the blob is there. Otherwise the registry wants the bytes: a writer to
            `BlobWriter.commit` them with, or to `BlobWriter.cancel`.

        Raises:
            InvalidReferenceError: `source` is no repository path.
            RegistryError: the registry takes no blob at all, or what else stands in the way.
        """
        digest, source = Digest(digest), check_path(source)
        upload = self._upload(digest.algorithm)
        if upload.mount(digest, source):
            return None
        return BlobWriter(upload)

    def resume(
        self, state: Mapping[str, str | int], *, chunk_size: int | None = None
    ) -> BlobWriter:
        """Go on with an upload, from this process or another. One GET.

        The registry says how much it has: move the source to `BlobWriter.offset` before writing.
        What was sent before has not been hashed here, so that `BlobWriter.commit` needs the digest.

        Args:
            state: what `BlobWriter.state` gave.
            chunk_size: as for `create`.

        Raises:
            ValueError: that is no state, or one of an upload to another repository; or
                `chunk_size` is below 1.
            UploadUnknownError: the registry has forgotten the upload: write the blob anew.
            RegistryError: what else stands in the way.
        """
        _check_chunk_size(chunk_size)
        saved = UploadState.from_json(state)
        upload = self._upload(saved.algorithm)
        upload.resume(saved)
        return BlobWriter(upload, chunk_size=chunk_size, hashed=False)

    def delete(self, digest: Digest) -> None:
        """Delete a blob from this repository, whether a manifest needs it or not.

        One DELETE (distribution-spec 1.1, end-10). The registry frees the bytes when it collects
        its garbage, unless another repository has the blob too.

        Raises:
            BlobUnknownError: the repository has no such blob.
            DeletionDisabledError: the registry deletes nothing.
            RegistryError: what else stands in the way.
        """
        url = self._url + Digest(digest)
        delete(
            self._transport, url, scopes=scopes.delete(self._repository), unknown=BlobUnknownError
        )

    def _upload(self, algorithm: str) -> Upload:
        Digest.of(b"", algorithm)  # refuses what cannot be computed here
        return Upload(self._transport, self._url, repository=self._repository, algorithm=algorithm)

    def _exchange(
        self, method: Method, url: str, *, limit: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self._transport.exchange(
            method, url, limit=limit, scopes=self._pull, accept="*/*", headers=headers
        )


def _length(answer: Answer | Incoming) -> int | None:
    text = answer.headers.get("Content-Length", "")
    if "Content-Encoding" in answer.headers or not _LENGTH.fullmatch(text):
        return None  # the length of an encoded body is not the blob's
    return int(text)


def _check_chunk_size(chunk_size: int | None) -> None:
    if chunk_size is not None and chunk_size < 1:
        raise ValueError("chunk_size is a number of bytes, 1 or more.")


@contextmanager
def _cancelled_if_broken(upload: Upload) -> Iterator[None]:
    """Leave no session behind when something is raised, Ctrl-C too (W-P10, F10)."""
    try:
        yield
    except BaseException:
        upload.cancel()
        raise
