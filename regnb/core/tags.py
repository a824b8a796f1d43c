"""Tags: the tags of one repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlencode

from regnb.core.auth import scopes
from regnb.core.manifests import HEAD_MAY_BE_REFUSED, Manifests
from regnb.core.paging import Page, fetch_page, pages
from regnb.core.responses import failure
from regnb.core.transport import Transport
from regnb.core.wire.incoming import Answer
from regnb.errors import (
    InvalidDigestError,
    InvalidReferenceError,
    ManifestUnknownError,
    RegistryError,
)
from regnb.interfaces import TagList
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.media_types import base_type
from regnb.model.reference import check_tag

KEY = "tags"
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class TagPage(TagList):
    """One page of a listing of tags.

    Attributes:
        more: whether the registry says that there is another page.
    """

    more: bool = False


class Tags:
    """The tags of one repository."""

    __slots__ = ("_manifests", "_pull", "_transport", "_url")

    def __init__(
        self, transport: Transport, repository_url: str, repository: str, manifests: Manifests
    ) -> None:
        """Hold the repository's URL, which ends in a slash, and its name."""
        self._transport = transport
        self._url = f"{repository_url}tags/list"
        self._manifests = manifests
        self._pull = scopes.pull(repository)

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
