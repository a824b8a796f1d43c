"""Paging: the one way through any listing of a registry, with its guards (S7, S8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from regnb.core.auth.scopes import Scopes
from regnb.core.links import next_link
from regnb.core.responses import failure, read_json
from regnb.core.transport import Transport
from regnb.core.wire.headers import Headers
from regnb.core.wire.incoming import Answer
from regnb.core.wire.limits import Limits
from regnb.core.wire.redaction import redact
from regnb.errors import (
    ProtocolError,
    RegistryError,
    RepositoryUnknownError,
    TooManyPagesError,
    UnsafeRedirectError,
)
from regnb.model.media_types import base_type

JSON = "application/json"
# How registries refuse a page that was asked for by a guess.
_REFUSALS = frozenset({400, 404, 405, 416, 422})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    Attributes:
        items: what the registry sent: strings, as a rule. Nothing is taken from a document that
            is not of the media type that such listings have.
        following: the URL of the next page, or None where the registry names none.
        size: bytes of the page.
        headers: of the answer.
    """

    items: list[object]
    following: str | None
    size: int
    headers: Headers


def text_of(item: object) -> str | None:
    """What an item is called: the text that it is, as in lists of names."""
    return item if isinstance(item, str) else None


def fetch_page(
    transport: Transport, url: str, *, key: str, scopes: Scopes, accept: str = JSON
) -> Page:
    """Read one page. One request.

    Args:
        transport: of the registry.
        url: of the page.
        key: of the list in the JSON document.
        scopes: what reading it needs leave for.
        accept: media type of the document.

    Raises:
        RegistryError: the page cannot be had.
        UnsafeRedirectError: the page names a next one that lies elsewhere.
    """
    limit = transport.limits.page
    answer = transport.exchange("GET", url, limit=limit, scopes=scopes, accept=accept)
    if not answer.ok:
        raise failure(answer, unknown=RepositoryUnknownError)
    if accept != JSON and base_type(answer.headers.get("Content-Type")) != accept:
        return Page([], None, len(answer.body), answer.headers)  # a false 200, say (R3)
    items = _items(answer, key)
    return Page(items, _following(transport, answer), len(answer.body), answer.headers)


def pages(
    transport: Transport,
    first_url: str,
    *,
    key: str,
    scopes: Scopes,
    asked: int | None = None,
    accept: str = JSON,
    name_of: Callable[[object], str | None] = text_of,
) -> Iterator[Page]:
    """Read a listing page by page, lazily; one request a page.

    Follows Link headers. Where there are none and a page holds exactly as many names as `asked`
    for, the rest is asked for by ``last``, as registries without Link expect.

    No more is kept than the names of one page, however long the listing is.

    Args:
        transport: of the registry.
        first_url: of the first page.
        key: of the list in the JSON document.
        scopes: what reading it needs leave for.
        asked: how many names a page was asked to have.
        accept: media type of the document.
        name_of: what tells one item from another; None for what is no item of this listing.

    Yields:
        Each page, less the names that it or the page before has already brought.

    Raises:
        TooManyPagesError: the listing does not end.
        RegistryError: a page cannot be had.
    """
    guard = _Guard(transport.limits, name_of)
    url: str | None = first_url
    linked = guessed = False
    while url is not None:
        guard.visit(url)
        try:
            whole = fetch_page(transport, url, key=key, scopes=scopes, accept=accept)
        except RegistryError as error:
            if guessed and error.status in _REFUSALS:
                return  # nobody promised that page
            raise
        page = guard.pass_on(url, whole)
        linked = linked or page.following is not None
        guess = _by_last(first_url, asked, whole) if page.items and not linked else None
        guessed = guess is not None
        url = page.following or guess
        yield page


def _by_last(first_url: str, asked: int | None, page: Page) -> str | None:
    """Where a page goes on that is as full as asked for; None for other pages."""
    last = page.items[-1] if len(page.items) == asked else None
    if not isinstance(last, str):
        return None
    return f"{first_url.partition('?')[0]}?n={asked}&last={quote(last, safe='')}"


def _items(answer: Answer, key: str) -> list[object]:
    document = read_json(answer)
    items = document.get(key) if isinstance(document, dict) else document
    if items is None and isinstance(document, dict):
        return []  # registries of Go send null for an empty list (W-C3, W-T8)
    if isinstance(document, dict) and isinstance(items, list):
        return items
    shown = redact(answer.url)
    raise ProtocolError(
        f"{shown} was answered with JSON that holds no list of {key}. Check that a registry is "
        "at that address.",
        status=answer.status,
        method=answer.method,
        url=shown,
    )


def _following(transport: Transport, answer: Answer) -> str | None:
    target = next_link(answer.headers.getlist("Link"))
    if target is None:
        return None
    url = transport.gate.next_page(answer.url, target)
    if url is None:
        shown = redact(answer.url)
        raise UnsafeRedirectError(
            f"{shown} says that its next page is at {redact(target)}, which is not in this "
            "registry, so that it is not asked for. Ask whoever runs the registry.",
            status=answer.status,
            method=answer.method,
            url=shown,
        )
    return url


@dataclass(slots=True)
class _Guard:
    """Ends a listing that does not end by itself (S8); remembers one page, and hashes of others.

    Attributes:
        limits: caps that hold for the whole listing.
        name_of: what tells one item from another.
        visited: hashes of the URLs that were asked.
        brought: fingerprints of the pages that came.
        before: the names of the last page.
        count: of names so far.
        size: bytes so far.
    """

    limits: Limits
    name_of: Callable[[object], str | None]
    visited: set[int] = field(default_factory=set)
    brought: set[int] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    count: int = 0
    size: int = 0

    def visit(self, url: str) -> None:
        if hash(url) in self.visited:
            raise _endless(url, "names a page again that was already read")
        if len(self.visited) >= self.limits.pages:
            raise _endless(url, f"has more than {self.limits.pages:,} pages")
        self.visited.add(hash(url))

    def pass_on(self, url: str, page: Page) -> Page:
        """The page, less what the registry repeats."""
        new, names = self._first_seen(page.items)
        fingerprint = sum(map(hash, names))  # whatever their order
        if fingerprint in self.brought:
            new = [item for item in new if self.name_of(item) is None]
        nothing_new = all(self.name_of(item) is None for item in new)
        self.before = names
        self.brought.add(fingerprint)
        self.count += len(new)
        self.size += page.size
        if page.following is not None and nothing_new:
            raise _endless(url, "names a next page after one that brought nothing new")
        if self.count > self.limits.items:
            raise _endless(url, f"has more than {self.limits.items:,} names")
        if self.size > self.limits.listing:
            raise _endless(url, f"is larger than {self.limits.listing:,} bytes")
        return replace(page, items=new)

    def _first_seen(self, items: list[object]) -> tuple[list[object], set[str]]:
        """The items less those of the page before, and all names; what has none is kept."""
        names: set[str] = set()
        new: list[object] = []
        for item in items:
            name = self.name_of(item)
            if name is None:
                new.append(item)
            elif name not in names:
                names.add(name)
                if name not in self.before:
                    new.append(item)
        return new, names


def _endless(url: str, what: str) -> TooManyPagesError:
    shown = redact(url)
    return TooManyPagesError(
        f"The listing at {shown} {what}, so that reading stopped there. Ask whoever runs the "
        "registry.",
        method="GET",
        url=shown,
    )
