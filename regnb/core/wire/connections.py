"""Connections: sends one request at a time, over connections that are kept.

Requests are prepared by hand and sent by the adapter itself: what `requests.Session` adds to each
(environment, netrc, cookies, redirects) is either decided once per client or not wanted at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from regnb.core.wire.adapter import Adapter
from regnb.core.wire.address import Address, Origin, origin
from regnb.core.wire.clock import Clock
from regnb.core.wire.environment import proxies_for
from regnb.core.wire.failures import explain
from regnb.core.wire.gate import Gate, refused
from regnb.core.wire.incoming import SUCCESSES, Answer, Incoming
from regnb.core.wire.lean import Lean
from regnb.core.wire.limits import Limits
from regnb.core.wire.neighbourhood import NotAdmitted, Resolve, resolve
from regnb.core.wire.outgoing import Outgoing
from regnb.core.wire.plain import PlainResponse
from regnb.core.wire.retry import Retries, retry_after
from regnb.core.wire.secret import Secret
from regnb.core.wire.sockets import Sockets
from regnb.core.wire.tls import DEFAULTS, Contexts, TlsOptions
from regnb.core.wire.turn import Turn
from regnb.errors import RegistryError


class Connections:
    """The connections of one client, safe to share among threads and across forks.

    Attributes:
        address: of the registry.
        gate: every request passes it.
        limits: hold for every request.
        clock: measures and waits for every request.
        retries: how patiently the client asks again.
        tls: what the caller wants of TLS with the registry.
    """

    def __init__(
        self,
        address: Address,
        *,
        limits: Limits,
        clock: Clock,
        tls: TlsOptions = DEFAULTS,
        trust_realm: Iterable[str] = (),
        resolve: Resolve = resolve,
    ) -> None:
        """Connect to nothing yet.

        Args:
            address: of the registry.
            limits: for every request.
            clock: for every request.
            tls: for the registry alone.
            trust_realm: token services that are sent the credentials wherever they are.
            resolve: how host names become addresses.
        """
        self.address = address
        self.gate = Gate(address, trust_realm=trust_realm, resolve=resolve)
        self.limits = limits
        self.clock = clock
        self.tls = tls
        self._proxies: dict[Origin, dict[str, Secret]] = {}
        self._timeout = (limits.connect_timeout, limits.read_timeout)
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._retries = Retries(self.limits, self.clock)
        self._sockets = Sockets(self.gate.neighbourhood)
        contexts = Contexts(self.tls, home=self.address.origin, sockets=self._sockets)
        self._adapter = Adapter(
            self.address,
            sockets=self._sockets,
            contexts=contexts,
            connections=self.limits.connections,
        )
        self._lean = Lean(self._adapter, self.address, connect_timeout=self.limits.connect_timeout)

    @property
    def retries(self) -> Retries:
        """Made anew in a forked child, as the connections are (F12)."""
        self._stay_in_process()
        return self._retries

    def close(self) -> None:
        """Close idle connections; a later request opens new ones."""
        self._adapter.close()

    def cancel(self) -> None:
        """End every request and every wait that is under way in another thread (F10)."""
        # In this order: who finds a socket cut has to find the reason too.
        self._retries.cancel()
        self._sockets.cut()

    def send(self, request: Outgoing, *, total: float | None = None) -> Incoming:
        """Send one request to one URL; the body of the answer is not read yet.

        Args:
            request: to send.
            total: seconds for the whole answer, but for what its body takes after
                `Incoming.unhurried`; `Limits.metadata_total` by default. The time that the body
                of the request takes to be sent does not count.

        Raises:
            Interrupted: it broke off, and may be sent again.
            OperationCancelledError: another thread called `cancel`.
            RegistryError: it may not be sent, or not again.
        """
        self._stay_in_process()
        headers = self.gate.headers(request)
        proxies = self._proxies_of(request)
        turn = self._turn(request, self.limits.metadata_total if total is None else total)
        interrupted = self._sockets.change_turn(turn)
        found: Exception
        try:
            response: HTTPResponse | PlainResponse = (
                self._lean.send(request, headers, turn)
                if self._lean.takes(request, proxies)
                else self._send_ordinarily(request, headers, proxies)
            )
        except NotAdmitted as reason:
            found = refused(request, str(reason))
        except RegistryError as error:
            found = error.with_traceback(None)
        except (HTTPError, OSError, ValueError) as error:
            found = explain(error, method=request.method, url=request.url)
        else:
            return Incoming(request, response, turn)
        finally:
            self._sockets.change_turn(interrupted)
        # Outside of the except block, so that the exception with the request in it is let go.
        turn.check()
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
        return self.finish(self.send(request, total=total), limit)

    def finish(self, incoming: Incoming, limit: int) -> Answer:
        """Read an answer to its end; arguments and errors as for `fetch`."""
        wait = None
        try:
            if incoming.status in SUCCESSES:
                body = incoming.whole(limit)
            else:
                said = incoming.whole(self.limits.error_body, cut=True)
                body = incoming.without_secrets(said)
                wait = retry_after(incoming.headers.get("Retry-After"), now=self.clock.now)
        except BaseException:
            incoming.close()  # a connection that is half read must not be used again (F10)
            raise
        return Answer(
            method=incoming.method,
            url=incoming.url,
            status=incoming.status,
            headers=incoming.headers,
            body=body,
            authorised=incoming.authorised,
            retry_after=wait,
        )

    def _send_ordinarily(
        self, request: Outgoing, headers: Mapping[str, str], proxies: Mapping[str, str]
    ) -> HTTPResponse:
        """Send a request as requests does."""
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, request.url
        prepared.body = request.body  # type: ignore[assignment]  # pieces are taken as well
        prepared.headers = CaseInsensitiveDict(headers)
        response = self._adapter.send(prepared, stream=True, timeout=self._timeout, proxies=proxies)
        raw: HTTPResponse = response.raw
        return raw

    def _turn(self, request: Outgoing, total: float) -> Turn:
        return Turn(
            request.url,
            clock=self.clock,
            deadline=self.clock.monotonic() + total,
            idle=self.limits.read_timeout,
            cancelled=self._retries.cancelled,
            body=request.body is not None,
        )

    def _stay_in_process(self) -> None:
        if self._process != os.getpid():
            self._start()  # F12: a forked child must not share its parent's connections

    def _proxies_of(self, request: Outgoing) -> dict[str, Secret]:
        url, home = request.url, self.address
        at_home = url.startswith(home.root)
        key = home.origin if at_home else origin(url)
        known = self._proxies.get(key)
        if known is None:
            known = self._proxies[key] = proxies_for(url)
        if not at_home and known and select_proxy(url, known):
            self.gate.through_proxy(request)
        return known
