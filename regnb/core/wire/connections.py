"""Connections: sends one request at a time, over connections that are kept.

One session owns the adapters and so the connections. Requests are prepared by hand and sent by
the adapter itself: what `requests.Session` adds to each (environment, netrc, cookies, redirects)
is either decided once per client or not wanted at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from regnb.core.wire.address import Address, Origin, origin
from regnb.core.wire.clock import Clock
from regnb.core.wire.environment import certificate_authorities, proxies_for
from regnb.core.wire.failures import Interrupted, explain
from regnb.core.wire.gate import Gate
from regnb.core.wire.incoming import Answer, Incoming
from regnb.core.wire.limits import Limits
from regnb.core.wire.outgoing import Outgoing
from regnb.core.wire.redaction import redact
from regnb.core.wire.retry import Retries, retry_after
from regnb.errors import RegistryTimeoutError


class Connections:
    """The connections of one client, safe to share among threads and across forks.

    Attributes:
        address: of the registry.
        gate: every request passes it.
        limits: hold for every request.
        clock: measures and waits for every request.
        retries: how patiently the client asks again.
    """

    def __init__(
        self, address: Address, *, limits: Limits, clock: Clock, trust_realm: Iterable[str] = ()
    ) -> None:
        """Connect to nothing yet."""
        self.address = address
        self.gate = Gate(address, trust_realm=trust_realm)
        self.limits = limits
        self.clock = clock
        self._proxies: dict[Origin, dict[str, str]] = {}
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

    @property
    def retries(self) -> Retries:
        """Made anew in a forked child, as the connections are (F12)."""
        self._stay_in_process()
        return self._retries

    def close(self) -> None:
        """Close idle connections; a later request opens new ones."""
        self._session.close()

    def cancel(self) -> None:
        """End every wait that is under way in another thread (F10)."""
        self._retries.cancel()

    def send(self, request: Outgoing) -> Incoming:
        """Send one request to one URL; the body of the answer is not read yet.

        Raises:
            Interrupted: it broke off, and may be sent again.
            RegistryError: it may not be sent, or not again.
        """
        self._stay_in_process()
        prepared = self._prepared(request)
        url = request.url
        verify = self._authorities if url.startswith("https:") else True
        try:
            response = self._session.get_adapter(url).send(
                prepared,
                stream=True,
                timeout=self._timeout,
                verify=verify,
                proxies=self._proxies_for(url),
            )
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            found = explain(error, method=request.method, url=url)
        else:
            return Incoming(request, response)
        # Outside of the except block, so that the exception with the request in it is let go.
        raise found

    def fetch(self, request: Outgoing, *, limit: int, total: float) -> Answer:
        """Send one request to one URL and read the whole answer.

        Args:
            request: to send.
            limit: bytes of body; of an error, `Limits.error_body` are read at most.
            total: seconds for all of it (S24).

        Raises:
            Interrupted: it broke off, or took too long, and may be sent again.
            RegistryError: it may not be sent, or not again.
        """
        deadline = self.clock.monotonic() + total
        return self.finish(self.send(request), limit, deadline)

    def finish(self, incoming: Incoming, limit: int, deadline: float) -> Answer:
        """Read an answer to its end; arguments and errors as for `fetch`."""
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

    def _prepared(self, request: Outgoing) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, request.url
        prepared.body = request.body  # type: ignore[assignment]  # pieces are taken as well
        headers = self.gate.headers(request)
        if not isinstance(headers, CaseInsensitiveDict):
            headers = CaseInsensitiveDict(headers)
        prepared.headers = headers
        return prepared

    def _stay_in_process(self) -> None:
        if self._process != os.getpid():
            self._start()  # F12: a forked child must not share its parent's connections

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
