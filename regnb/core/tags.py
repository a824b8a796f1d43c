"""Tags: the tags of one repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from regnb.core.auth import scopes
from regnb.core.deleting import delete
from regnb.core.manifests import Manifests
from regnb.core.paging import Page, fetch_page, pages
from regnb.core.responses import HEAD_MAY_BE_REFUSED, failure, recast
from regnb.core.transport import Transport
from regnb.core.wire.incoming import Answer
from regnb.errors import (
    BudgetSpentError,
    InvalidDigestError,
    InvalidReferenceError,
    ManifestUnknownError,
    RegistryError,
    UntagUnsupportedError,
)
from regnb.interfaces import TagList
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import base_type
from regnb.model.reference import check_tag

KEY = "tags"
# 400 from docker-registry 2.8.2, which takes nothing but a digest there; 405 by the specification.
_REFUSES_UNTAG = frozenset({400, 405})
_NO_UNTAG = (
    "The registry does not delete tags. Deleting the manifest by its digest takes all of its tags "
    "away."
)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class TagPage(TagList):
    """One page of a listing of tags.

    Attributes:
        more: whether the registry says that there is another page.
    """

    more: bool = False


class Tags:
    """The tags of one repository."""

    __slots__ = ("_delete", "_manifests", "_manifests_url", "_pull", "_transport", "_url")

    def __init__(
        self, transport: Transport, repository_url: str, repository: str, manifests: Manifests
    ) -> None:
        """Hold the repository's URL, which ends in a slash, and its name."""
        self._transport = transport
        self._url = f"{repository_url}tags/list"
        self._manifests_url = f"{repository_url}manifests/"
        self._manifests = manifests
        self._pull = scopes.pull(repository)
        self._delete = scopes.delete(repository)

    def all(self) -> TagList:
        """List every tag, in the order of the registry.

        One request for each page; how many tags a page has is the registry's choice
        (distribution-spec 1.1, end-8a).

        Returns:
            The tags. What was listed but is no tag (nulls, digests, other names: W-T8) is in
            ``invalid``.

        Raises:
            RepositoryUnknownError: the registry has no such repository.
            TooManyPagesError: the listing does not end.
            RegistryError: what else stands in the way; its ``partial`` holds the tags so far.
        """
        tags: dict[str, None] = {}
        invalid: list[str] = []
        try:
            for page in self.pages():
                tags.update(dict.fromkeys(page))
                invalid += page.invalid
        except RegistryError as error:
            error.partial = TagList(tuple(tags), tuple(invalid))
            raise
        return TagList(tuple(tags), tuple(invalid))

    def pages(self) -> Iterator[TagPage]:
        """List every tag, page by page, as far as the pages are asked for.

        One request for each page, when it is asked for. However many tags there are, no more than
        a page of them is in memory. A tag that an earlier page held may come again, unless that
        was the page before.

        Raises:
            RegistryError: as for `all`, without ``partial``.
        """
        for page in pages(self._transport, self._url, key=KEY, scopes=self._pull):
            yield _tag_page(page)

    def list(self, n: int | None = None, last: str | None = None) -> TagPage:
        """One page of tags, one request (distribution-spec 1.1, end-8b).

        Args:
            n: how many tags to ask for; a registry may give fewer or more.
            last: the tag after which the page begins.

        Raises:
            ValueError: `n` is negative.
            RegistryError: as for `all`.
        """
        if n is not None and n < 0:
            raise ValueError("n is a number of tags, so it cannot be negative.")
        wanted = {"n": n, "last": last or None}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        url = f"{self._url}?{query}" if query else self._url
        return _tag_page(fetch_page(self._transport, url, key=KEY, scopes=self._pull))

    def get(self, tag: str) -> Descriptor:
        """Resolve a tag to the descriptor of its manifest.

        One HEAD; a registry that does not answer it in full costs a GET, whose body is verified
        (W-T5, W-T7). The digest of a HEAD is what the registry says.

        Raises:
            InvalidReferenceError: `tag` is no tag.
            ManifestUnknownError: the repository has no such tag.
            RegistryError: what else stands in the way.
        """
        answer = self._manifests.head(check_tag(tag))
        if answer.ok:
            described = _described(answer)
            if described is not None:
                return described
        elif answer.status not in HEAD_MAY_BE_REFUSED:
            raise failure(answer, unknown=ManifestUnknownError)
        return self._manifests.get(tag).descriptor

    def tag(self, source: str, target: str) -> Descriptor:
        """Let a tag point to what another tag, or a digest, names.

        One GET and one PUT of the same bytes, so that the digest stays (distribution-spec 1.1,
        end-7); more where `Manifests.put` needs more.

        Raises:
            InvalidReferenceError: `target` is no tag; nothing was sent.
            ManifestUnknownError: there is no `source`.
            RegnbError: as for `Manifests.get` and `Manifests.put`.
        """
        check_tag(target)
        return self._manifests.put(self._manifests.get(source), tags=[target])

    def untag(self, tag: str) -> None:
        """Take a tag away; its manifest stays. One DELETE (distribution-spec 1.1, end-9).

        Never done by deleting the manifest, which takes all of its tags away (W-M11).

        Raises:
            InvalidReferenceError: `tag` is no tag.
            ManifestUnknownError: the repository has no such tag.
            UntagUnsupportedError: the registry does not delete tags, or nothing at all.
            RegistryError: what else stands in the way.
        """
        url = self._manifests_url + check_tag(tag)
        try:
            delete(self._transport, url, scopes=self._delete, unknown=ManifestUnknownError)
        except RegistryError as error:
            if error.status not in _REFUSES_UNTAG:
                raise
            raise recast(error, UntagUnsupportedError, _NO_UNTAG) from None

    def lookup(self, digest: str, *, most_tags: int = 1000) -> tuple[str, ...]:
        """Find the tags that point to a manifest, by asking for one tag after the other.

        One request for each page of tags, and one HEAD for each tag that is looked at; where the
        registry does not answer a HEAD in full, a GET more. No more than `most_tags` are looked
        at, so that the call costs twice as many requests at most, and those for pages.

        Args:
            digest: of the manifest.
            most_tags: to look at.

        Returns:
            The tags, in the order of the listing; by the word of the registry, where it answers
            by HEAD. A tag that is deleted meanwhile is none.

        Raises:
            InvalidDigestError: `digest` is no digest.
            BudgetSpentError: there are more tags; ``partial`` holds those found.
            RegistryError: what else stands in the way; ``partial`` holds those found.
        """
        wanted = digest if isinstance(digest, Digest) else Digest(digest)
        found: list[str] = []
        try:
            for number, tag in enumerate(tag for page in self.pages() for tag in page):
                if number >= most_tags:
                    raise _budget_spent(most_tags, found)
                if self._points_to(tag, wanted):
                    found.append(tag)
        except RegistryError as error:
            error.partial = tuple(found)
            raise
        return tuple(dict.fromkeys(found))

    def _points_to(self, tag: str, digest: Digest) -> bool:
        try:
            known = self.get(tag).digest
            if known.algorithm != digest.algorithm:
                return Digest.of(self._manifests.get(tag).raw, digest.algorithm) == digest
        except ManifestUnknownError:
            return False
        return known == digest


def _budget_spent(most_tags: int, found: Sequence[str]) -> BudgetSpentError:
    error = BudgetSpentError(
        f"There are more than {most_tags:,} tags, and no more were to be looked at. Give a larger "
        "most_tags to look at more; the tags found so far are in the partial attribute."
    )
    error.partial = tuple(found)
    return error


def _described(answer: Answer) -> Descriptor | None:
    """The descriptor in the headers of a HEAD, or None where they do not make one."""
    media_type = base_type(answer.headers.get("Content-Type"))
    length = answer.headers.get("Content-Length", "")
    encoded = "Content-Encoding" in answer.headers  # then the length is not the manifest's
    if not media_type.startswith("application/") or not _LENGTH.fullmatch(length) or encoded:
        return None
    try:
        digest = Digest(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidDigestError:
        return None
    return Descriptor(media_type=media_type, digest=digest, size=int(length))


def _tag_page(page: Page) -> TagPage:
    """The tags of a page, and apart from them what is none (W-T8)."""
    valid: list[str] = []
    invalid: list[str] = []
    for item in page.items:
        if not isinstance(item, str):
            invalid.append(json.dumps(item))
        elif _is_tag(item):
            valid.append(item)
        else:
            invalid.append(item)
    tags = TagPage(tuple(valid), tuple(invalid))
    tags.more = page.following is not None
    return tags


def _is_tag(name: str) -> bool:
    try:
        return bool(check_tag(name))
    except InvalidReferenceError:
        return False
