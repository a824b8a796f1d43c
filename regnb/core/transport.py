"""Transport: every request of a client goes through here, and nowhere else.

One session owns the adapters and so the connections. Requests are prepared by hand and sent by
the adapter itself: what `requests.Session` adds to each (environment, netrc, cookies, redirects)
is either decided once per client or not wanted at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

import regnb
from regnb.core.access import Access, Basic, Secret
from regnb.core.address import Address, Origin, origin
from regnb.core.clock import Clock
from regnb.core.environment import certificate_authorities, proxies_for
from regnb.core.failures import Interrupted, explain
from regnb.core.incoming import Answer, Incoming, Method
from regnb.core.limits import Limits
from regnb.core.redaction import redact
from regnb.core.redirects import CARRIED_ABROAD, MOST_REDIRECTS, redirect_target, unsafe
from regnb.core.retry import Retries, retry_after
from regnb.errors import RegistryTimeoutError

UNAUTHORIZED = 401


class Transport:
    """The connections to one registry, safe to share among threads and across forks.

    Attributes:
        address: of the registry.
        limits: hold for every request.
        clock: measures and waits for every request.
    """

    def __init__(
        self, address: Address, *, credentials: Basic | None, limits: Limits, clock: Clock
    ) -> None:
        """Read the environment; connect to nothing."""
        self.address = address
        self.limits = limits
        self.clock = clock
        self._access = Access(credentials)
        self._agent = f"regnb/{regnb.__version__}"
        self._proxies: dict[Origin, dict[str, str]] = {}
        self._headers: dict[str, CaseInsensitiveDict[str]] = {}
        self._timeout = (limits.connect_timeout, limits.read_timeout)
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._retries = Retries(self.limits, self.clock)
        session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=self.limits.connections))
        self._session = session

    def close(self) -> None:
        """Close idle connections; a later request opens new ones."""
        self._session.close()

    def exchange(
        self,
        method: Method,
        url: str,
        *,
        limit: int,
        accept: str = "application/json",
        extra: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for something small and read the whole answer.

        Redirects are followed, a challenge is answered and what breaks is tried again; whatever
        status comes in the end is the caller's to judge. This is the place behind which a leaner
        path for the ordinary case can live.

        Args:
            method: HTTP method.
            url: absolute, made of validated names only.
            limit: bytes of body; of an error, `Limits.error_body` are read at most.
            accept: value of the Accept header.
            extra: further headers.

        Raises:
            UnreachableError: no connection, or one that broke more often than the retries allow.
            RegistryTimeoutError: no answer in time.
            ProtocolError: an answer that is too large, unreadable or leads where it must not.
        """
        headers = self._prepared_headers(accept, extra)
        return self._retries_here().run(partial(self._read_whole, method, url, headers, limit))

    def stream(
        self, url: str, *, accept: str = "*/*", extra: Mapping[str, str] | None = None
    ) -> Incoming | Answer:
        """GET something large: a response to read from on success, else an answer to judge.

        Raises as `exchange` does.
        """
        headers = self._prepared_headers(accept, extra)
        return self._retries_here().run(partial(self._begin_stream, url, headers))

    def _retries_here(self) -> Retries:
        if self._process != os.getpid():
            self._start()  # F12: a forked child must not share its parent's connections
        return self._retries

    def _read_whole(
        self, method: Method, url: str, headers: CaseInsensitiveDict[str], limit: int
    ) -> Answer:
        deadline = self.clock.monotonic() + self.limits.metadata_total
        incoming = self._ask(method, url, headers)
        return self._finish(incoming, limit, deadline)

    def _begin_stream(self, url: str, headers: CaseInsensitiveDict[str]) -> Incoming | Answer:
        deadline = self.clock.monotonic() + self.limits.metadata_total
        incoming = self._ask("GET", url, headers)
        if incoming.ok:
            return incoming
        return self._finish(incoming, 0, deadline)

    def _finish(self, incoming: Incoming, limit: int, deadline: float) -> Answer:
        watch, wait = self._watch(incoming, deadline), None
        if incoming.ok:
            body = incoming.whole(limit, on_piece=watch)
        else:
            body = incoming.whole(self.limits.error_body, on_piece=watch, cut=True)
            wait = retry_after(incoming.headers.get("Retry-After"), now=self.clock.now)
        return Answer(
            method=incoming.method,
            url=incoming.url,
            status=incoming.status,
            headers=incoming.headers,
            body=body,
            authorised=incoming.authorised,
            retry_after=wait,
        )

    def _watch(self, incoming: Incoming, deadline: float) -> Callable[[], None]:
        """Ends an answer that drips (S24): a timeout per read would never notice."""

        def check() -> None:
            if self.clock.monotonic() > deadline:
                incoming.close()
                shown = redact(incoming.url)
                sentence = f"{incoming.method} {shown} was not answered in time. Try again later."
                slow = RegistryTimeoutError(sentence, method=incoming.method, url=shown)
                raise Interrupted(slow, connected=True)

        return check

    def _ask(self, method: Method, url: str, headers: CaseInsensitiveDict[str]) -> Incoming:
        """Send one request and follow where it leads; the body is not read yet."""
        at_home = True
        for _ in range(MOST_REDIRECTS + 1):
            incoming = self._send(method, url, headers, self._authorization(at_home))
            if incoming.status == UNAUTHORIZED and at_home and not incoming.authorised:
                incoming = self._answer_challenge(incoming, headers)
            target = redirect_target(incoming)
            if target is None:
                return incoming
            incoming.discard()
            # Once abroad, always abroad: another origin must not steer authorised requests.
            if at_home and origin(target) != self.address.origin:
                at_home = False
                headers = CaseInsensitiveDict(
                    (name, value)
                    for name, value in headers.items()
                    if name.lower() in CARRIED_ABROAD
                )
            url = target
        raise unsafe(incoming, url, f"is one redirect more than {MOST_REDIRECTS}")

    def _authorization(self, at_home: bool) -> Secret | None:
        return self._access.authorization if at_home else None

    def _answer_challenge(self, incoming: Incoming, headers: CaseInsensitiveDict[str]) -> Incoming:
        if not self._access.learn(incoming.headers):
            return incoming
        incoming.discard()
        return self._send(incoming.method, incoming.url, headers, self._access.authorization)

    def _send(
        self,
        method: Method,
        url: str,
        headers: CaseInsensitiveDict[str],
        authorization: Secret | None,
    ) -> Incoming:
        """One request to one URL."""
        request = requests.PreparedRequest()
        request.method, request.url, request.headers = method, url, headers
        if authorization is not None:
            request.headers = headers.copy()
            request.headers["Authorization"] = authorization
        verify = self._authorities if url.startswith("https:") else True
        proxies = self._proxies_for(url)
        try:
            response = self._session.get_adapter(url).send(
                request, stream=True, timeout=self._timeout, verify=verify, proxies=proxies
            )
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            found = explain(error, method=method, url=url)
        else:
            return Incoming(method, url, response, authorised=authorization is not None)
        # Outside of the except block, so that the exception with the request in it is let go.
        raise found

    @cached_property
    def _authorities(self) -> str | bool:
        return certificate_authorities()

    def _proxies_for(self, url: str) -> dict[str, str]:
        home = self.address
        key = home.origin if url.startswith(home.root) else origin(url)
        known = self._proxies.get(key)
        if known is None:
            known = self._proxies[key] = proxies_for(url)
        return known

    def _prepared_headers(
        self, accept: str, extra: Mapping[str, str] | None
    ) -> CaseInsensitiveDict[str]:
        """The headers of a request; those without extras are made once and shared, unchanged."""
        known = self._headers.get(accept)
        if known is None:
            ours = {"User-Agent": self._agent, "Accept-Encoding": "identity", "Accept": accept}
            known = self._headers[accept] = CaseInsensitiveDict(ours)
        if not extra:
            return known
        headers = known.copy()
        headers.update(extra)
        return headers
