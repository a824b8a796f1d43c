"""Paging: the one way through any listing of a registry, with its guards (S7, S8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from regnb.core.auth.scopes import Scopes
from regnb.core.links import next_link
from regnb.core.responses import failure, read_json
from regnb.core.transport import Transport
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

# How registries refuse a page that was asked for by a guess.
_REFUSALS = frozenset({400, 404, 405, 416, 422})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    Attributes:
        items: what the registry sent: strings, as a rule.
        following: the URL of the next page, or None where the registry names none.
        size: bytes of the page.
    """

    items: list[object]
    following: str | None
    size: int


def fetch_page(transport: Transport, url: str, *, key: str, scopes: Scopes) -> Page:
    """Read one page. One request.

    Args:
        transport: of the registry.
        url: of the page.
        key: of the list in the JSON document.
        scopes: what reading it needs leave for.

    Raises:
        RegistryError: the page cannot be had.
        UnsafeRedirectError: the page names a next one that lies elsewhere.
    """
    answer = transport.exchange("GET", url, limit=transport.limits.page, scopes=scopes)
    if not answer.ok:
        raise failure(answer, unknown=RepositoryUnknownError)
    items = _items(answer, key)
    return Page(items, _following(transport, answer), len(answer.body))


def pages(
    transport: Transport,
    first_url: str,
    *,
    key: str,
    scopes: Scopes,
    asked: int | None = None,
) -> Iterator[list[object]]:
    """Read a listing page by page, lazily; one request a page.

    Follows Link headers. Where there is none and a page holds exactly as many names as `asked`
    for, the rest is asked for by ``last``, as registries without Link expect.

    Yields:
        The items of each page, less the names that an earlier page held.

    Raises:
        TooManyPagesError: the listing does not end; its ``partial`` holds the names so far.
        RegistryError: a page cannot be had.
    """
    progress = _Progress(transport.limits)
    url: str | None = first_url
    guessed = False
    while url is not None:
        progress.visit(url)
        try:
            page = fetch_page(transport, url, key=key, scopes=scopes)
        except RegistryError as error:
            if guessed and error.status in _REFUSALS:
                return  # nobody promised that page
            raise
        new = progress.take(url, page)
        yield new
        url = page.following
        guessed = url is None and bool(new) and len(page.items) == asked
        if guessed and asked is not None:
            url = _by_last(first_url, asked, page.items[-1])


def _by_last(first_url: str, asked: int, last: object) -> str:
    return f"{first_url.partition('?')[0]}?n={asked}&last={quote(str(last), safe='')}"


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
class _Progress:
    """What a listing has cost and brought so far; raises when it does not end."""

    limits: Limits
    names: dict[str, None] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)
    size: int = 0

    def visit(self, url: str) -> None:
        if url in self.visited:
            raise self._endless(url, "names a page again that was already read")
        if len(self.visited) >= self.limits.pages:
            raise self._endless(url, f"has more than {self.limits.pages:,} pages")
        self.visited.add(url)

    def take(self, url: str, page: Page) -> list[object]:
        """The items of the page that are new."""
        self.size += page.size
        before = len(self.names)
        new: list[object] = []
        for item in page.items:
            if not isinstance(item, str):
                new.append(item)
            elif item not in self.names:
                self.names[item] = None
                new.append(item)
        if page.following is not None and len(self.names) == before:
            raise self._endless(url, "names a next page after one that brought nothing new")
        if len(self.names) > self.limits.items:
            raise self._endless(url, f"has more than {self.limits.items:,} names")
        if self.size > self.limits.listing:
            raise self._endless(url, f"is larger than {self.limits.listing:,} bytes")
        return new

    def _endless(self, url: str, what: str) -> TooManyPagesError:
        shown = redact(url)
        error = TooManyPagesError(
            f"The listing at {shown} {what}, so that reading stopped there. The names so far are "
            "in the partial attribute of this error.",
            method="GET",
            url=shown,
        )
        error.partial = list(self.names)
        return error
