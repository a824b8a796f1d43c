"""Where a redirect may lead: the origin gate of every hop (S3, S4)."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from regnb.core.access import Secret
from regnb.core.address import origin
from regnb.core.incoming import Incoming
from regnb.core.redaction import redact
from regnb.errors import UnsafeRedirectError

MOST_REDIRECTS = 10
PUBLIC, PRIVATE, LOOPBACK, LINK_LOCAL = range(4)
STATUSES = frozenset({301, 302, 303, 307, 308})
# All that another origin learns of the caller. The identity coding says nothing about it.
CARRIED_ABROAD = frozenset({"accept", "accept-encoding", "range", "user-agent"})


def redirect_target(incoming: Incoming) -> str | None:
    """The URL that an answer to a GET or HEAD redirects to, or None for any other answer.

    Raises:
        UnsafeRedirectError: it leads from https to http, to no web address, or to one that holds
            a user name.
    """
    if incoming.status not in STATUSES:
        return None
    # Secret, because it may be signed: what fails later must not show it in a traceback.
    location = Secret(incoming.headers.get("Location", ""))
    if not location:
        return None
    target = _resolved(incoming.url, location)
    reason = _refusal(incoming.url, target)
    if reason is not None:
        raise unsafe(incoming, target, reason)
    return target


def _resolved(url: str, location: str) -> Secret:
    try:
        return Secret(urljoin(url, location).partition("#")[0])
    except ValueError:
        return Secret(location)


def _refusal(url: str, target: str) -> str | None:
    """Why a redirect is not followed, or None."""
    try:
        scheme, host, _ = origin(target)
    except ValueError:
        return "is no web address"
    if scheme == "http" and url.startswith("https:"):
        return "would leave https for plain http"
    if "@" in urlsplit(target).netloc:
        return "holds a user name"
    return "is an address that no registry sends anyone to" if _is_inner(url, host) else None


def _is_inner(url: str, host: str) -> bool:
    """Whether a host is a link-local address, or one closer to home than the registry (S5).

    Judged by the address that is written; names are not resolved here.
    """
    rank = _nearness(host)
    return rank == LINK_LOCAL or rank > _nearness(origin(url)[1])


def _nearness(host: str) -> int:
    if host == "localhost":
        return LOOPBACK
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return PUBLIC
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        return LINK_LOCAL
    return LOOPBACK if address.is_loopback else PRIVATE if address.is_private else PUBLIC


def unsafe(incoming: Incoming, target: str, reason: str) -> UnsafeRedirectError:
    """The error for a redirect that is not followed; closes the response."""
    incoming.close()
    shown = redact(incoming.url)
    return UnsafeRedirectError(
        f"{incoming.method} {shown} redirects to {redact(target)}, which {reason}, so that it is "
        "not followed. Ask whoever runs the registry.",
        status=incoming.status,
        method=incoming.method,
        url=shown,
    )
