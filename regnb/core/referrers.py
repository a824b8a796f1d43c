"""Referrers: the manifests of one repository that are about another of its manifests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from regnb.core.auth import scopes
from regnb.core.paging import Page, pages
from regnb.core.referrers_tag import ReferrersTag
from regnb.core.transport import Transport
from regnb.errors import ProtocolError, RegistryError, TooManyReferrersError
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import OCI_INDEX, base_type

KEY = "manifests"
FILTERS = "OCI-Filters-Applied"
# How registries say that they have no referrers API; 404 is what the specification says (R2, R3).
_NO_API = frozenset({400, 404, 405, 406, 501})


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that is about another one.

    Attributes:
        subject: digest of the manifest that it is about.
        descriptor: what points to it, with its artifact type and annotations.
        depth: 1 for a referrer of the manifest that was asked for, 2 for a referrer of that, ...
    """

    subject: Digest
    descriptor: Descriptor
    depth: int


class Referrers:
    """The referrers in one repository (OCI distribution-spec 1.1, "Listing Referrers")."""

    __slots__ = ("_pull", "_tag", "_transport", "_url")

    def __init__(
        self, transport: Transport, repository_url: str, repository: str, tag: ReferrersTag
    ) -> None:
        """Hold the repository's URL, which ends in a slash, its name, and the fallback."""
        self._transport = transport
        self._url = f"{repository_url}referrers/"
        self._pull = scopes.pull(repository)
        self._tag = tag

    def all(self, digest: Digest, *, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """List the referrers of a manifest, whether or not the manifest itself is there.

        One request a page (end-12a); one more, for the referrers tag, where the registry has no
        API for referrers (R2).

        Args:
            digest: of the manifest.
            artifact_type: list only those of this type (end-12b). Where the registry does not say
                that it filtered, it is done here (R4).

        Returns:
            One descriptor for each, in the order of the registry; its ``artifact_type`` says what
            it is. Empty where there are none.

        Raises:
            InvalidDigestError: `digest` is no digest.
            InvalidDocumentError: an entry of the list is no descriptor.
            TooManyPagesError: the list does not end.
            RegistryError: what else stands in the way.
        """
        found = self._listed(Digest(digest), artifact_type)
        return tuple({one.digest: one for one in found}.values())

    def listed(self, digest: Digest) -> tuple[Descriptor, ...] | None:
        """What the registry's API lists; None where it has no API for referrers.

        One request a page (end-12a). The referrers tag is not looked at.

        Raises:
            RegnbError: as for `all`.
        """
        found = self._by_api(Digest(digest), None)
        return None if found is None else tuple({one.digest: one for one in found}.values())

    def walk(self, digest: Digest, *, artifact_type: str | None = None) -> Iterator[Referrer]:
        """Go through the referrers of a manifest, their referrers, and so on, nearest first.

        As costly as `all` for each manifest on the way. No manifest is gone into twice (R6).

        Args:
            digest: of the manifest to begin with.
            artifact_type: give only those of this type; all of them are gone through.

        Raises:
            TooManyReferrersError: there are more than `Limits.referrers`, or they are deeper than
                `Limits.referrers_depth`.
            RegnbError: as for `all`.
        """
        seen, waiting = {Digest(digest)}, deque([(Digest(digest), 1)])
        while waiting:
            subject, depth = waiting.popleft()
            for one in self.all(subject):
                if one.digest in seen:
                    continue
                seen.add(one.digest)
                self._check(digest, len(seen), depth)
                waiting.append((one.digest, depth + 1))
                if artifact_type in (None, one.artifact_type):
                    yield Referrer(subject, one, depth)

    def _check(self, digest: Digest, count: int, depth: int) -> None:
        limits = self._transport.limits
        if count > limits.referrers or depth > limits.referrers_depth:
            raise TooManyReferrersError(
                f"The referrers of {digest} are more than {limits.referrers:,}, or more than "
                f"{limits.referrers_depth} deep, so that reading stopped there. Look at them one "
                "level at a time with referrers.all()."
            )

    def _listed(self, digest: Digest, artifact_type: str | None) -> Iterable[Descriptor]:
        found = self._by_api(digest, artifact_type)
        return _of_type(self._tagged(digest), artifact_type) if found is None else found

    def _by_api(self, digest: Digest, artifact_type: str | None) -> Iterator[Descriptor] | None:
        """What the API lists; None where there is none."""
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        listing = pages(
            self._transport,
            f"{self._url}{digest}{query}",
            key=KEY,
            scopes=self._pull,
            accept=OCI_INDEX,
            name_of=_digest_of,
        )
        try:
            first = next(listing, None)
        except RegistryError as error:
            if error.status not in _NO_API:
                raise
            first = None
        # A 200 may bring something else, such as a web page (R3). An index that cannot be read is
        # no such thing: who is told that there are no referrers must be able to rely on it.
        if first is None or not _is_index(first):
            return None
        return _on(digest, first, listing, artifact_type)

    def _tagged(self, digest: Digest) -> Iterable[Descriptor]:
        index = self._tag.index(digest)
        return index.manifests if index is not None else ()


def _on(
    digest: Digest, first: Page, listing: Iterator[Page], artifact_type: str | None
) -> Iterator[Descriptor]:
    """What is on the first page, and on those that follow it."""
    yield from _read(first, artifact_type)
    for page in listing:
        if not _is_index(page):
            raise ProtocolError(
                f"The list of the referrers of {digest} goes on with a page that is no index. "
                "Ask whoever runs the registry."
            )
        yield from _read(page, artifact_type)


def _is_index(page: Page) -> bool:
    return base_type(page.headers.get("Content-Type")) == OCI_INDEX


def _digest_of(item: object) -> str | None:
    digest = item.get("digest") if isinstance(item, dict) else None
    return digest if isinstance(digest, str) else None


def _read(page: Page, artifact_type: str | None) -> Iterator[Descriptor]:
    filters = ",".join(page.headers.getlist(FILTERS)).split(",")
    filtered = "artifactType" in {one.strip() for one in filters}
    found = (Descriptor.from_json(item) for item in page.items)
    yield from found if filtered else _of_type(found, artifact_type)


def _of_type(found: Iterable[Descriptor], artifact_type: str | None) -> Iterator[Descriptor]:
    return (one for one in found if artifact_type in (None, one.artifact_type))
