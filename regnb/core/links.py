"""Link headers (RFC 8288), and where the next page of a listing may lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urljoin, urlsplit

from regnb.core.address import Address, origin

_PARAMETER = re.compile(
    r"""\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]*)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?"""
)


def next_link(values: Iterable[str]) -> str | None:
    """The target of the first link with relation ``next`` in all values of a Link header."""
    return next((target for target, relations in _links(values) if "next" in relations), None)


def _links(values: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for value in values:
        position = value.find("<")
        while position >= 0:
            end = value.find(">", position)
            if end < 0:
                break
            target, relation, position = value[position + 1 : end], None, end + 1
            while match := _PARAMETER.match(value, position):
                position = match.end()
                if match[1].lower() == "rel" and relation is None:
                    relation = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            yield target.strip(), (relation or "").lower().split()
            position = value.find("<", position)


def next_page_url(address: Address, page_url: str, target: str) -> str | None:
    """The URL of the next page, always at the registry itself, or None if the link leads away.

    A link below the registry's own ``/v2/`` is taken verbatim, cursors being opaque (W-C2). One
    that names another scheme or host for the same path, as registries behind a proxy do, or the
    same path behind another prefix, as Nexus does, is re-rooted on our origin (S7).
    """
    try:
        url = urljoin(page_url, target)
        at_home = origin(url) == address.origin
    except ValueError:
        return None
    parts, page, api = urlsplit(url), urlsplit(page_url), urlsplit(address.api).path
    if "@" in parts.netloc or _climbs(parts.path):
        return None
    query = f"?{parts.query}" if parts.query else ""
    if parts.path.startswith(api):
        return url if at_home else address.api + parts.path[len(api) :] + query
    resource = "/v2/" + page.path.removeprefix(api)
    return page._replace(query=parts.query).geturl() if parts.path.endswith(resource) else None


def _climbs(path: str) -> bool:
    return any(step in {".", ".."} for step in re.split(r"[/\\]", unquote(path)))
