"""Manifests: the manifests of one repository, read and verified."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from regnb.core.auth import scopes
from regnb.core.deleting import delete
from regnb.core.pushing import Pusher
from regnb.core.referrers_tag import ReferrersTag
from regnb.core.responses import HEAD_MAY_BE_REFUSED, failure, not_a_registry
from regnb.core.transport import Transport
from regnb.core.wire.error_body import is_web_page
from regnb.core.wire.incoming import Answer
from regnb.core.wire.redaction import redact
from regnb.errors import (
    DigestMismatchError,
    InvalidDigestError,
    InvalidDocumentError,
    ManifestUnknownError,
    RegistryError,
    SizeMismatchError,
    TagMovedError,
    UnsupportedDigestError,
    VerificationError,
)
from regnb.model.descriptor import Descriptor
from regnb.model.digest import ALGORITHMS, Digest, proven
from regnb.model.manifest import Manifest, parse_manifest, parse_proven
from regnb.model.media_types import ACCEPT, LEGACY_MANIFESTS, base_type
from regnb.model.reference import check_tag

NOT_FOUND = 404
NOT_MODIFIED = 304


class Manifests:
    """The manifests of one repository."""

    __slots__ = ("_delete", "_pull", "_pusher", "_transport", "_url", "referrers_tag")

    def __init__(
        self, transport: Transport, repository_url: str, repository: str, lock: threading.Lock
    ) -> None:
        """Hold the repository's URL, which ends in a slash, and its name.

        Args:
            transport: of the registry.
            repository_url: ends in a slash.
            repository: its name.
            lock: held by whoever changes a referrers tag of this registry.
        """
        self._transport = transport
        self._pull = scopes.pull(repository)
        self._delete = scopes.delete(repository)
        self._url = f"{repository_url}manifests/"
        self._pusher = Pusher(transport, self._url, scopes.push(repository))
        self.referrers_tag = ReferrersTag(self.get, self._pusher, lock)

    def exists(self, digest: Digest) -> bool:
        """Whether the repository holds a manifest. One HEAD (distribution-spec 1.1, end-3).

        Raises:
            InvalidDigestError: `digest` is no digest.
            RegistryError: the registry does not say.
        """
        reference = _checked_digest(digest)
        answer = self.head(reference)
        if answer.status in HEAD_MAY_BE_REFUSED:
            answer = self._fetch(reference)
        if answer.ok or answer.status == NOT_FOUND:
            return answer.ok
        raise failure(answer, unknown=ManifestUnknownError)

    def head(self, reference: str) -> Answer:
        """What a HEAD on a checked tag or digest brings, whatever it is. One request."""
        url = self._url + reference
        return self._transport.exchange("HEAD", url, limit=0, scopes=self._pull, accept=ACCEPT)

    def get(self, reference: str | Descriptor) -> Manifest:
        """Read and verify one manifest, by tag or by digest (distribution-spec 1.1, end-3).

        One GET, and one more where the bytes of the first are not what their digest says. By tag,
        the digest that counts is the one the registry sends along; where it sends none, or one
        that cannot be computed here, the manifest's digest is the SHA-256 of its bytes.

        Args:
            reference: a tag, a digest, or the descriptor in an index, whose size has to be right
                too (W-M12).

        Raises:
            InvalidReferenceError: `reference` is no tag.
            InvalidDigestError: it has a colon, but is no digest.
            UnsupportedDigestError: nothing can be verified by a digest of this algorithm.
            ManifestUnknownError: the repository has no such manifest.
            DigestMismatchError: the bytes are other bytes, twice.
            TagMovedError: the tag was moved between the two looks, and the bytes are not those
                of its digest.
            SizeMismatchError: the manifest is not as large as the descriptor says.
            InvalidDocumentError: the bytes are no manifest, or an ambiguous one.
            RegistryError: what else stands in the way.
        """
        if isinstance(reference, Descriptor):
            return _sized(self.get(reference.digest), reference)
        return self.receive(reference)()

    def receive(self, reference: str) -> Callable[[], Manifest]:
        """Ask for one manifest and verify it, by tag or by digest, and leave it to be read later.

        Requests are those of `get`. Where many are read, it takes less time to receive some and
        then to read them one right after the other than to change between the two.

        Args:
            reference: a tag or a digest.

        Returns:
            What reads the manifest, without a request; it raises what `get` does where the bytes
            are no manifest.

        Raises:
            RegnbError: as `get` does of everything else.
        """
        reference = _checked(reference)
        return self._received(reference, self._fetch(reference))

    def get_if_changed(self, reference: str, etag: str) -> Manifest | None:
        """Read a manifest unless it is still the one of `etag`. One conditional GET.

        Args:
            reference: a tag or a digest.
            etag: what the registry sent as ETag; most registries use the digest. Quotes are added
                where there are none.

        Returns:
            The manifest, or None where nothing changed.

        Raises:
            RegnbError: as `get` does.
        """
        reference = _checked(reference)
        quoted = etag if etag.endswith('"') else f'"{etag}"'
        answer = self._fetch(reference, {"If-None-Match": quoted})
        if answer.status == NOT_MODIFIED:
            return None
        return self._received(reference, answer)()

    def put(
        self,
        manifest: Manifest | bytes,
        *,
        tags: Iterable[str] = (),
        media_type: str | None = None,
    ) -> Descriptor:
        """Store a manifest, byte for byte, under its digest and any number of tags.

        One PUT for none or one tag. For several, one PUT by digest with all of them, and one for
        each tag that the registry does not acknowledge (distribution-spec 1.1, end-7). Where the
        manifest has a subject and the registry does not say that it lists referrers itself, two
        GETs and one PUT more keep the referrers tag right.

        Args:
            manifest: one that was read, or the bytes of one.
            tags: to store it under; without any, it is there by digest only.
            media_type: of bytes that do not say it themselves.

        Returns:
            What points to the manifest now.

        Raises:
            InvalidReferenceError: one of the tags is none; nothing was sent.
            InvalidDocumentError: the bytes are no manifest, or an ambiguous one; nothing was sent.
            DigestMismatchError: the registry says that it stored something else.
            ReferrersTagError: the manifest is stored, but not on the list of its subject.
            RegistryError: what else stands in the way.
        """
        names = [check_tag(tag) for tag in dict.fromkeys(tags)]
        document = (
            parse_manifest(manifest, media_type=media_type)
            if isinstance(manifest, bytes)
            else manifest
        )
        acknowledged = self._pusher.push(document, names)
        if document.subject is not None and not acknowledged:
            self.referrers_tag.add(document, document.subject.digest)
        return document.descriptor

    def delete(self, manifest: Digest | Manifest) -> None:
        """Delete a manifest, and with it every tag that points to it.

        One DELETE (distribution-spec 1.1, end-9). By digest, one GET before it, to learn whether
        the manifest has a subject; where it has one, a GET of the referrers tag and, where the
        manifest is on that list, one PUT and one GET more.

        Args:
            manifest: its digest, or the manifest as it was read, which saves the GET.

        Raises:
            InvalidDigestError: what was given is no digest. A tag is taken away by `Tags.untag`.
            ManifestUnknownError: the repository has no such manifest.
            DeletionDisabledError: the registry deletes nothing.
            ReferrersTagError: the manifest is gone, but still on the list of its subject.
            RegistryError: what else stands in the way.
        """
        document = self._to_delete(manifest)
        digest = _checked_digest(manifest) if isinstance(manifest, str) else manifest.digest
        url = self._url + digest
        delete(self._transport, url, scopes=self._delete, unknown=ManifestUnknownError)
        if document is not None and document.subject is not None:
            self.referrers_tag.remove(digest, document.subject.digest)

    def _to_delete(self, manifest: Digest | Manifest) -> Manifest | None:
        """The document, or None where it cannot be read: it may be deleted all the same."""
        if not isinstance(manifest, str):
            return manifest
        try:
            return self.get(_checked_digest(manifest))
        except (InvalidDocumentError, UnsupportedDigestError, VerificationError):
            return None

    def _fetch(self, reference: str, headers: Mapping[str, str] | None = None) -> Answer:
        transport = self._transport
        return transport.exchange(
            "GET",
            self._url + reference,
            limit=transport.limits.manifest,
            scopes=self._pull,
            accept=ACCEPT,
            headers=headers,
        )

    def _received(self, reference: str, answer: Answer) -> Callable[[], Manifest]:
        try:
            return partial(_read, answer, _verified(reference, answer))
        except DigestMismatchError:
            pass  # a tag may have moved under the registry's feet, or a cache be stale (S13)
        again = self._fetch(reference)
        try:
            return partial(_read, again, _verified(reference, again))
        except DigestMismatchError as error:
            reason = str(error)
        raise _mismatch(reference, answer, again, reason)


def _checked(reference: str) -> str:
    return _checked_digest(reference) if ":" in reference else check_tag(reference)


def _checked_digest(digest: str) -> Digest:
    return digest if isinstance(digest, Digest) else Digest(digest)


def _verified(reference: str, answer: Answer) -> Digest:
    """The digest of the manifest in an answer, which its bytes have passed."""
    if not answer.ok:
        raise failure(answer, unknown=ManifestUnknownError)
    pinned = reference if isinstance(reference, Digest) else None
    hashed = Digest.of(answer.body)
    if hashed == (pinned or answer.headers.get("Docker-Content-Digest")):
        return hashed  # nearly always
    return proven(answer.body, pinned or announced_digest(answer))


def _read(answer: Answer, digest: Digest) -> Manifest:
    media_type = answer.headers.get("Content-Type")
    try:
        return parse_proven(answer.body, media_type=media_type, digest=digest)
    except InvalidDocumentError:
        if not is_web_page(answer.body):
            raise
    raise not_a_registry(answer, "was answered with a web page")


def _sized(manifest: Manifest, descriptor: Descriptor) -> Manifest:
    if manifest.size != descriptor.size:
        raise SizeMismatchError(
            f"The manifest {manifest.digest} has {manifest.size:,} bytes, and what points to it "
            f"says {descriptor.size:,}. One of the two is not what was pushed; read it by its "
            "digest to see which."
        )
    return manifest


def announced_digest(answer: Answer) -> Digest | None:
    """The digest that the registry gives for its answer, if it can be computed here.

    None also for schema 1, whose digest leaves out the signatures (W-M7).
    """
    text = answer.headers.get("Docker-Content-Digest")
    if text is None or base_type(answer.headers.get("Content-Type")) in LEGACY_MANIFESTS:
        return None
    try:
        digest = Digest(text)
    except InvalidDigestError:
        return None
    return digest if digest.algorithm in ALGORITHMS else None


def _mismatch(reference: str, first: Answer, second: Answer, reason: str) -> RegistryError:
    shown = redact(second.url)
    kind: type[RegistryError] = DigestMismatchError
    sentence = f"{shown}: {reason}"
    if not isinstance(reference, Digest) and first.body != second.body:
        kind = TagMovedError
        sentence = (
            f"{shown} changed between two looks, and neither time were the bytes those of the "
            "digest that came with them. Ask again when nobody is pushing."
        )
    return kind(sentence, status=second.status, method=second.method, url=shown)
