"""The origin gate: the one place that decides what may be sent where (S1 to S7).

A registry steers its client by redirects, by the Location of an upload, by Link headers and by the
realm of a challenge. Credentials, headers and bodies go only where this module lets them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urljoin, urlsplit

from regnb.core.wire.address import PORTS, Address, Origin, is_literal, origin
from regnb.core.wire.neighbourhood import Neighbourhood, NotAdmitted, Resolve, resolve
from regnb.core.wire.outgoing import Outgoing, Purpose
from regnb.core.wire.realms import belongs, is_trusted, trusted_realms
from regnb.core.wire.redaction import redact
from regnb.core.wire.secret import Secret
from regnb.errors import ProtocolError, UnsafeRedirectError, UntrustedRealmError

# All that another origin learns of the caller. The identity coding says nothing about it.
CARRIED_ABROAD = frozenset({"accept", "accept-encoding", "range", "user-agent"})
CARRIED_WITH_BODIES = CARRIED_ABROAD | {"content-type", "content-length", "content-range"}
_BEYOND_ASCII = re.compile(r"[\x80-\xff]+")
READING = frozenset({"GET", "HEAD"})
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Gate:
    """The gate of one registry.

    Attributes:
        neighbourhood: judges what host names turn out to be, when they are connected to.
    """

    __slots__ = ("_address", "_trusted", "neighbourhood")

    def __init__(
        self, address: Address, *, trust_realm: Iterable[str] = (), resolve: Resolve = resolve
    ) -> None:
        """Guard what belongs to a registry.

        Args:
            address: of the registry.
            trust_realm: token services that are sent the credentials wherever they are.
            resolve: how host names become addresses.
        """
        self._address = address
        self._trusted = trusted_realms(trust_realm)
        self.neighbourhood = Neighbourhood(
            address.origin,
            resolve=resolve,
            trusts=lambda target: is_trusted(target, self._trusted),
        )

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
            if request.authorization is None:
                return _sendable(request, request.headers)
            known = {**request.headers, "Authorization": request.authorization}
            return _sendable(request, known)
        if request.purpose is Purpose.UPLOAD:
            return _sendable(request, _only(request, CARRIED_WITH_BODIES))
        if request.method not in READING or request.body is not None:
            raise unsafe(request, request.url, "is not the registry, and the request has a body")
        return _sendable(request, _only(request, CARRIED_ABROAD))

    def through_proxy(self, request: Outgoing) -> None:
        """Let a request go to a proxy, which connects to whatever it is told (S5).

        Raises:
            UnsafeRedirectError: it names an address, and not that of the registry.
        """
        host = origin(request.url)[1]
        if is_literal(host) and host != self._address.origin[1]:
            raise refused(request, "is an address without a name, which no proxy is asked for")

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
        reason = self._refusal(asked.url, realm)
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
        reason = self._refusal(url, target)
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
        reason = self._refusal(url, target)
        if reason is None:
            reason = self._upload_refusal(url, target)
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
            url = urljoin(page_url, _ascii(target))
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

    def _refusal(self, url: str, target: str) -> str | None:
        """Why a target that `url` leads to is not asked, or None."""
        try:
            found = origin(target)
        except ValueError:
            return "is no web address"
        if found[0] == "http" and url.startswith("https:"):
            return "would leave https for plain http"
        if "@" in urlsplit(target).netloc:
            return "holds a user name"
        try:
            self.neighbourhood.admit_by_name(found)
        except NotAdmitted as reason:
            return str(reason)
        return None

    def _upload_refusal(self, url: str, target: str) -> str | None:
        if self.is_home(target):
            # Another origin must not steer requests that carry credentials.
            return None if self.is_home(url) else "is the registry again, coming from elsewhere"
        return None if target.startswith("https:") else "is another origin without https"

    def _with_scheme(self, location: str) -> str:
        netloc = urlsplit(self._address.root).netloc
        return f"//{location}" if location.startswith(f"{netloc}/") else location

    def _rehomed(self, target: str) -> Secret:
        """`target` at the registry's own origin, if it is what lies behind it without TLS."""
        scheme, host, port = self._address.origin
        try:
            behind = origin(target)
        except ValueError:
            return Secret(target)
        if scheme == "https" and behind in {("http", host, 80), ("http", host, port)}:
            netloc = urlsplit(self._address.root).netloc
            return Secret(urlsplit(target)._replace(scheme=scheme, netloc=netloc).geturl())
        return Secret(target)


def _only(request: Outgoing, allowed: frozenset[str]) -> Mapping[str, str]:
    return {name: value for name, value in request.headers.items() if name.lower() in allowed}


def _sendable(request: Outgoing, headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers, unless one of them would begin a line of its own (S20)."""
    text = "".join(headers.values())
    if not text.isprintable() and _UNSENDABLE.search(text):
        raise ProtocolError(
            f"{request.method} {redact(request.url)} was not sent, because the value of one of its "
            "headers holds a line break or another control character.",
            method=request.method,
            url=redact(request.url),
        )
    return headers


def _ascii(location: str) -> Secret:
    """A place whose bytes beyond ASCII, which headers are read as Latin-1, are escaped (U7)."""
    return Secret(_BEYOND_ASCII.sub(lambda found: quote(found[0].encode("latin-1")), location))


def _resolved(url: str, location: str) -> Secret:
    try:
        return Secret(urljoin(url, _ascii(location)).partition("#")[0])
    except ValueError:
        return Secret(location)


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


def refused(request: Outgoing, reason: str) -> UnsafeRedirectError:
    """The error for a place that a request was led to, and that it is not sent to."""
    shown = redact(request.url)
    return UnsafeRedirectError(
        f"The registry leads to {shown}, which {reason}, so that {request.method} was not sent "
        "there. Ask whoever runs the registry.",
        method=request.method,
        url=shown,
    )
