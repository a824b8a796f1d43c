"""The referrers tag: where referrers are listed in a registry without an API for them.

Source: OCI distribution-spec 1.1, "Referrers Tag Schema", "Pushing Manifests with Subject" and
"Deleting Manifests".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from regnb.core.pushing import Pusher
from regnb.errors import (
    InvalidDocumentError,
    ManifestUnknownError,
    ReferrersTagError,
)
from regnb.model import strict_json
from regnb.model.digest import Digest
from regnb.model.manifest import ImageManifest, Index, Manifest, parse_manifest
from regnb.model.media_types import OCI_INDEX
from regnb.model.reference import referrers_tag

_LOOKS = 3
_EMPTY: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


class ReferrersTag:
    """Keeps the referrers tags of one repository in step with what is pushed and deleted.

    Threads of one client take turns. A registry has no way to change a tag only if nobody else
    did, so that the tag is read again afterwards, and written again where another client's list
    took the place of ours.
    """

    __slots__ = ("_get", "_lock", "_pusher")

    def __init__(
        self, get: Callable[[str], Manifest], pusher: Pusher, lock: threading.Lock
    ) -> None:
        """Read with `get` and write with `pusher`, one thread at a time."""
        self._get = get
        self._pusher = pusher
        self._lock = lock

    def index(self, subject: Digest) -> Index | None:
        """The list, or None where there is no such tag, or no index under it. One GET (R3)."""
        return self._index(referrers_tag(subject))

    def add(self, manifest: Manifest, subject: Digest) -> None:
        """Enter a manifest into the list of its subject. Two GETs and one PUT as a rule.

        Raises:
            ReferrersTagError: the tag holds something else, or others write to it all the time.
            RegistryError: the tag could not be read or written.
        """
        entry = _entry(manifest)
        tag = referrers_tag(subject)
        self._change(tag, lambda entries: [*_without(entries, manifest.digest), entry])

    def remove(self, digest: Digest, subject: Digest) -> None:
        """Take a manifest off the list of its subject, if it is on it. As costly as `add`.

        The tag stays, if need be with an empty list: deleting it by its digest could take other
        tags along (W-M11).
        """
        self._change(referrers_tag(subject), lambda entries: _without(entries, digest))

    def merge(self, tag: str, other: Index) -> bool:
        """Enter what another list has, if the one here has something that the other lacks.

        One GET, and as costly as `add` where there is something to enter.

        Returns:
            Whether it has. Otherwise nothing was done: the other list can take its place.

        Raises:
            RegnbError: as for `add`.
        """
        here = self._index(tag)
        theirs = {one.digest for one in other.manifests}
        if here is None or {one.digest for one in here.manifests} <= theirs:
            return False
        entries = _by_digest(strict_json.loads(other.raw)["manifests"])
        self._change(tag, lambda ours: [*{**entries, **_by_digest(ours)}.values()])
        return True

    def _change(self, tag: str, change: Callable[[list[Any]], list[Any]]) -> None:
        with self._lock:
            for _ in range(_LOOKS):
                document = self._document(tag)
                before = document["manifests"]
                after = change(before)
                if _digests(after) == _digests(before):
                    return
                raw = json.dumps({**document, "manifests": after}).encode()
                self._pusher.push(parse_manifest(raw), [tag])
        raise ReferrersTagError(
            f"The list of referrers under the tag {tag} was changed by others {_LOOKS} times in a "
            "row. The manifest itself is done; do it again to mend the list."
        )

    def _index(self, tag: str) -> Index | None:
        try:
            found = self._tagged(tag)
        except InvalidDocumentError:
            return None
        return found if isinstance(found, Index) else None

    def _document(self, tag: str) -> dict[str, Any]:
        """The list as it lies there, with whatever else it holds."""
        try:
            found = self._tagged(tag)
        except InvalidDocumentError:
            raise _taken(tag) from None
        if found is None:
            return _EMPTY
        if not isinstance(found, Index):
            raise _taken(tag)
        document: dict[str, Any] = strict_json.loads(found.raw)
        return {**document, "manifests": document.get("manifests") or []}

    def _tagged(self, tag: str) -> Manifest | None:
        try:
            return self._get(tag)
        except ManifestUnknownError:
            return None


def _entry(manifest: Manifest) -> dict[str, Any]:
    """What the list says of a manifest: its type is that of its config where it names none."""
    kind = manifest.declared_artifact_type
    if kind is None and isinstance(manifest, ImageManifest):
        kind = manifest.config.media_type
    entry: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
    }
    if kind:
        entry["artifactType"] = kind
    if manifest.annotations:
        entry["annotations"] = dict(manifest.annotations)
    return entry


def _taken(tag: str) -> ReferrersTagError:
    return ReferrersTagError(
        f"The tag {tag} should hold a list of referrers and holds something "
        "else, which was left as it is. Move or delete that tag, and do this again. The manifest "
        "itself is done."
    )


def _without(entries: list[Any], digest: Digest) -> list[Any]:
    return [entry for entry in entries if entry["digest"] != digest]


def _by_digest(entries: list[Any]) -> dict[str, Any]:
    return {entry["digest"]: entry for entry in entries}


def _digests(entries: list[Any]) -> list[str]:
    return sorted(entry["digest"] for entry in entries)
