"""Pushing: manifests on their way into one repository (OCI distribution-spec 1.1, end-7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from regnb.core.auth.scopes import Scopes
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.incoming import Answer
from regnb.core.wire.redaction import redact
from regnb.errors import DigestMismatchError, InvalidDigestError, RepositoryUnknownError
from regnb.model.digest import Digest
from regnb.model.manifest import Manifest

_ANSWER = 64 * 1024
_DEFAULT_ALGORITHM = "sha256"  # what a registry computes for a manifest that is put under a tag
# How registries refuse a query that they do not know, or one that is too long (end-7b).
_REFUSES_QUERY = frozenset({400, 414})


@dataclass(frozen=True, slots=True)
class Pusher:
    """Puts manifests into one repository.

    Attributes:
        transport: of the registry.
        url: of the repository's manifests; ends in a slash.
        scopes: what writing needs leave for.
    """

    transport: Transport
    url: str
    scopes: Scopes

    def push(self, manifest: Manifest, tags: Sequence[str]) -> bool:
        """Put a manifest under its digest or its tags.

        Returns:
            Whether the registry says that it keeps the list of referrers itself.

        Raises:
            DigestMismatchError: the registry answers that it stored something else (W-M3).
            RegistryError: it did not take the manifest.
        """
        waiting, acknowledged = list(tags), False
        by_tag = len(waiting) == 1 and manifest.digest.algorithm == _DEFAULT_ALGORITHM
        if not by_tag:
            answer = self._put_with_tags(manifest, waiting)
            acknowledged = _names_subject(answer, manifest)
            done = set(answer.headers.getlist("OCI-Tag"))
            waiting = [tag for tag in waiting if tag not in done]
        for tag in waiting:
            answer = self._put(manifest, tag)
            acknowledged = _names_subject(answer, manifest) or acknowledged
        return acknowledged

    def _put_with_tags(self, manifest: Manifest, tags: list[str]) -> Answer:
        """By digest, with the tags in the query: registries that know it answer which (W-M9)."""
        if tags:
            query = urlencode([("tag", tag) for tag in tags])
            answer = self._send(manifest, f"{manifest.digest}?{query}")
            if answer.status not in _REFUSES_QUERY:
                return _checked(answer, manifest)
        return self._put(manifest, manifest.digest)

    def _put(self, manifest: Manifest, reference: str) -> Answer:
        return _checked(self._send(manifest, reference), manifest)

    def _send(self, manifest: Manifest, reference: str) -> Answer:
        return self.transport.exchange(
            "PUT",
            self.url + reference,
            limit=_ANSWER,
            scopes=self.scopes,
            headers={
                "Content-Type": manifest.media_type,
                "Content-Length": str(len(manifest.raw)),
            },
            body=manifest.raw,
        )


def _checked(answer: Answer, manifest: Manifest) -> Answer:
    """The answer, if it is a success and names no other digest of the same algorithm (W-M3)."""
    if not answer.ok:
        raise failure(answer, unknown=RepositoryUnknownError)
    try:
        stored = Digest(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidDigestError:
        return answer
    if stored.algorithm == manifest.digest.algorithm and stored != manifest.digest:
        shown = redact(answer.url)
        raise DigestMismatchError(
            f"{shown} took the manifest {manifest.digest} and says that it stored {stored}. What "
            "lies there now is not what was sent: look at it before you use it.",
            status=answer.status,
            method=answer.method,
            url=shown,
        )
    return answer


def _names_subject(answer: Answer, manifest: Manifest) -> bool:
    subject = manifest.subject
    return subject is not None and answer.headers.get("OCI-Subject") == subject.digest
