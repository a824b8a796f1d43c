"""The origin gate: the one place that decides what may be sent where (S1 to S7).

A registry steers its client by redirects, by the Location of an upload, by Link headers and by the
realm of a challenge. Credentials, headers and bodies go only where this module lets them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import unquote, urljoin, urlsplit

from regnb.core.wire.address import PORTS, Address, Origin, origin
from regnb.core.wire.outgoing import Outgoing, Purpose
from regnb.core.wire.realms import belongs, trusted_realms
from regnb.core.wire.redaction import redact
from regnb.core.wire.secret import Secret
from regnb.errors import UnsafeRedirectError, UntrustedRealmError

PUBLIC, PRIVATE, LOOPBACK, LINK_LOCAL = range(4)
# All that another origin learns of the caller. The identity coding says nothing about it.
CARRIED_ABROAD = frozenset({"accept", "accept-encoding", "range", "user-agent"})
CARRIED_WITH_BODIES = CARRIED_ABROAD | {"content-type", "content-length", "content-range"}
READING = frozenset({"GET", "HEAD"})


class Gate:
    """The gate of one registry."""

    __slots__ = ("_address", "_trusted")

    def __init__(self, address: Address, *, trust_realm: Iterable[str] = ()) -> None:
        """Guard what belongs to the registry at `address`, and to the realms that are trusted."""
        self._address = address
        self._trusted = trusted_realms(trust_realm)

    @property
    def trust_realm(self) -> tuple[str, ...]:
        """The realms that the caller trusts with the credentials."""
        return self._trusted

    def is_home(self, url: str) -> bool:
        """Whether a URL is at the registry's own origin."""
        home = self._address
        return url.startswith(home.root) or origin(url) == home.origin

    def headers(self, request: Outgoing) -> Mapping[str, str]:
        """The headers that may be sent with a request, Authorization among them.

        Raises:
            UnsafeRedirectError: the request must not be sent at all.
        """
        if request.purpose is Purpose.REALM or self.is_home(request.url):
            return _authorized(request)
        if request.purpose is Purpose.UPLOAD:
            return _only(request, CARRIED_WITH_BODIES)
        if request.method not in READING or request.body is not None:
            raise unsafe(request, request.url, "is not the registry, and the request has a body")
        return _only(request, CARRIED_ABROAD)

    def realm(self, realm: str, *, credentials: bool) -> str:
        """The token service that a challenge names, as far as it may be asked (S2, B-A16).

        Args:
            realm: as the challenge names it.
            credentials: whether it would be sent the user's.

        Raises:
            UnsafeRedirectError: nobody may be asked there.
            UntrustedRealmError: it may be asked, but not be sent credentials.
        """
        asked = Outgoing("GET", self._address.api)
        reason = _refusal(asked.url, realm)
        if reason is not None:
            raise unsafe(asked, realm, reason)
        found = origin(realm)
        if credentials and not belongs(found, registry=self._address.origin, trusted=self._trusted):
            raise _untrusted(asked, found)
        return realm.partition("#")[0]

    def redirect(self, url: str, location: str, *, method: str) -> str:
        """Where a redirect leads, as far as it may be followed (S3, S4, S5).

        Raises:
            UnsafeRedirectError: it leads from https to http, to no web address, to one that holds
                a user name, or to an address that no registry sends anyone to.
        """
        target = _resolved(url, location)
        reason = _refusal(url, target)
        if reason is not None:
            raise unsafe(Outgoing("GET", url), target, reason)
        if method not in READING and not self.is_home(target):
            raise unsafe(Outgoing("PUT", url), target, "is not the registry")
        return target

    def upload(self, url: str, location: str) -> str:
        """The next place of an upload (S6).

        A registry behind a proxy that ends TLS may name its own host with ``http:``, or without a
        scheme; that is the registry all the same, over https (protocol: Location).

        Raises:
            UnsafeRedirectError: bytes must not be sent there.
        """
        target = self._rehomed(_resolved(url, self._with_scheme(location)))
        if self.is_home(target) if _is_web(target) else False:
            return target
        reason = _refusal(url, target)
        if reason is None and not target.startswith("https:"):
            reason = "is another origin without https"
        if reason is not None:
            raise unsafe(Outgoing("POST", url), target, reason)
        return target

    def next_page(self, page_url: str, target: str) -> str | None:
        """The URL of the next page, always at the registry itself, or None if it leads away.

        A link below the registry's own ``/v2/`` is taken verbatim, cursors being opaque (W-C2). One
        that names another scheme or host for the same path, as registries behind a proxy do, or the
        same path behind another prefix, as Nexus does, or with less before it, as Artifactory does,
        is re-rooted on our origin (S7).
        """
        try:
            url = urljoin(page_url, target)
            at_home = origin(url) == self._address.origin
        except ValueError:
            return None
        parts, page, api = urlsplit(url), urlsplit(page_url), urlsplit(self._address.api).path
        if "@" in parts.netloc or _climbs(parts.path):
            return None
        here = page._replace(query=parts.query).geturl()
        if parts.path.startswith(api):
            below = parts.path[len(api) :]
            if parts.path != page.path and page.path.endswith(f"/{below}"):
                return here
            query = f"?{parts.query}" if parts.query else ""
            return url if at_home else self._address.api + below + query
        return here if parts.path.endswith("/v2/" + page.path.removeprefix(api)) else None

    def _with_scheme(self, location: str) -> str:
        netloc = urlsplit(self._address.root).netloc
        return f"//{location}" if location.startswith(f"{netloc}/") else location

    def _rehomed(self, target: str) -> Secret:
        """`target` over the registry's own scheme and port, where only those differ."""
        scheme, host, _ = self._address.origin
        parts = urlsplit(target)
        if scheme == "https" and parts.scheme == "http" and parts.netloc == host:
            return Secret(parts._replace(scheme=scheme).geturl())
        return Secret(target)


def _authorized(request: Outgoing) -> Mapping[str, str]:
    if request.authorization is None:
        return request.headers
    return {**request.headers, "Authorization": request.authorization}


def _only(request: Outgoing, allowed: frozenset[str]) -> Mapping[str, str]:
    return {name: value for name, value in request.headers.items() if name.lower() in allowed}


def _resolved(url: str, location: str) -> Secret:
    try:
        return Secret(urljoin(url, location).partition("#")[0])
    except ValueError:
        return Secret(location)


def _is_web(target: str) -> bool:
    try:
        return bool(origin(target))
    except ValueError:
        return False


def _refusal(url: str, target: str) -> str | None:
    """Why a target is not asked, or None."""
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


def _untrusted(request: Outgoing, realm: Origin) -> UntrustedRealmError:
    scheme, host, port = realm
    netloc = f"[{host}]" if ":" in host else host
    if port != PORTS[scheme]:
        netloc = f"{netloc}:{port}"
    return UntrustedRealmError(
        f"The registry has its tokens given out by {netloc}, which is not evidently its own, so "
        "that the credentials were not sent there. Ask whoever runs the registry; if it is "
        f"right, connect with trust_realm=[{netloc!r}].",
        method=request.method,
        url=redact(request.url),
    )


def _climbs(path: str) -> bool:
    return any(step in {".", ".."} for step in re.split(r"[/\\]", unquote(path)))


def unsafe(request: Outgoing, target: str, reason: str) -> UnsafeRedirectError:
    """The error for a place that is not asked."""
    shown = redact(request.url)
    return UnsafeRedirectError(
        f"{request.method} {shown} leads to {redact(target)}, which {reason}, so that it is "
        "not followed. Ask whoever runs the registry.",
        method=request.method,
        url=shown,
    )
