"""Registry: the client of one registry."""

from __future__ import annotations

import json
import logging
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Any, Self

from regnb.core.auth import scopes
from regnb.core.auth.authenticator import Authenticator
from regnb.core.auth.credentials import Given, finder, forget
from regnb.core.paging import Page, pages
from regnb.core.rate_limit import RateLimit
from regnb.core.repository import Repository
from regnb.core.responses import failure, not_a_registry, read_json, recast
from regnb.core.transport import Transport
from regnb.core.wire.address import parse_address
from regnb.core.wire.clock import Clock
from regnb.core.wire.connections import Connections
from regnb.core.wire.limits import Limits
from regnb.core.wire.neighbourhood import Resolve, resolve
from regnb.core.wire.retry import RETRIED, TOO_MANY_REQUESTS
from regnb.core.wire.tls import ClientCertificate, StrPath, TlsOptions, unverified
from regnb.errors import (
    CatalogUnsupportedError,
    DeniedError,
    InvalidReferenceError,
    NotFoundError,
    RegistryError,
    RegistryTimeoutError,
    RegistryUnavailableError,
    UnreachableError,
    UnverifiedTLSWarning,
    printable,
)
from regnb.model.reference import check_path

LOGGER = logging.getLogger("regnb")

# Most registries give no more than 1,000 names a page, and some refuse to be asked for more than
# they would give (W-C4); None asks for what the registry likes.
PAGE_SIZES = (1000, 100, None)
_REFUSES_PAGE_SIZE = frozenset({400, 405})
_NOT_FOUND = 404
_PING_BODY = 64 * 1024
_NO_ANSWER = (UnreachableError, RegistryTimeoutError, RegistryUnavailableError)
_VERSION_HEADER = "Docker-Distribution-Api-Version"


class Registry:
    """One registry. Making one costs no request; threads may share it.

    A copy or pickle of it is a new client for the same registry, without the credentials.

    Attributes:
        address: where it is.
        name: what tables call it: host and port as typed.
        url: the address that requests go to.
        insecure: whether plain http was allowed.
        tls: whom it is believed to be, and how the client identifies itself.
        transport: its connections.
        has_login: whether a user name and a password were given, and nothing else is used.
        provider: the function that was given in their place, or None.
        referrers_lock: held by whoever changes a referrers tag.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        username: str | None = None,
        password: str | None = None,
        credentials: Given | None = None,
        insecure: bool = False,
        ca: StrPath | None = None,
        client_certificate: ClientCertificate | None = None,
        verify: bool = True,
        trust_realm: Iterable[str] = (),
        limits: Limits | None = None,
        clock: Clock | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """Read the address.

        Args:
            url: ``host``, ``host:port`` or ``https://host/prefix/``. It is spoken to over https,
                except that a bare loopback host means plain http.
            name: what tables shall call it instead.
            username: sent only to this registry, once it asks. Without one, credentials are found
                where `regnb.login`, the environment, Docker and the container tools keep them.
            password: goes with it.
            credentials: in place of both, a function that is called once the registry asks, and
                again when it refuses: it gives a user name and a password, or None for nobody.
            insecure: allow plain http to a host that is not loopback.
            ca: file or folder, in PEM, of the authorities that its certificate may come from;
                by default those of the environment.
            client_certificate: file of a certificate and its key, or a file of each, that the
                client identifies itself with there.
            verify: whether its certificate is checked. False warns once, and holds for no other
                host that the registry leads to.
            trust_realm: token services, by ``host`` or ``host:port``, that are sent the
                credentials although they are on another domain than the registry.
            limits: other limits than the defaults.
            clock: another clock than the machine's.
            resolve: another way from host names to addresses than the machine's.

        Raises:
            InvalidReferenceError: `url` is no address, or plain http to another machine; or
                `trust_realm` names what is no host.
            ValueError: a user name without a password, or the reverse, or both and `credentials`;
                `ca` with ``verify=False``.

        Warns:
            UnverifiedTLSWarning: the certificate is not checked.
        """
        self.address = parse_address(url, insecure=insecure)
        self.name = name or self.address.name
        self.url = self.address.root.rstrip("/")
        self.insecure = insecure
        self.tls = TlsOptions(ca, client_certificate, verify)
        if not verify:
            warnings.warn(unverified(self.name), UnverifiedTLSWarning, stacklevel=2)
        find = finder(self.address, username=username, password=password, credentials=credentials)
        self.has_login = username is not None or password is not None
        self.provider = credentials
        self.referrers_lock = threading.Lock()
        connections = Connections(
            self.address,
            limits=limits or Limits(),
            clock=clock or Clock(),
            tls=self.tls,
            trust_realm=trust_realm,
            resolve=resolve,
        )
        authenticator = Authenticator(connections, find, forget=partial(forget, self.address))
        self.transport = Transport(connections, authenticator)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the registry wants its users to know, as far as it has said so; no request."""
        return self.transport.notices.texts

    @property
    def rate_limit(self) -> RateLimit | None:
        """What it last said of how much more it may be asked, or None; no request."""
        return self.transport.rate_limit

    @property
    def requests(self) -> int:
        """How many requests it was sent so far, but for those to a token service."""
        return self.transport.requests

    @property
    def account(self) -> str:
        """The user name that it was last told; empty where it has asked for none. No request.

        ``<token>`` where a token without a name was sent.
        """
        return self.transport.account

    def answers(self) -> bool:
        """Whether it answers at all now, be it with an error that is not its own. One request."""
        try:
            answer = self.transport.exchange("GET", self.address.api, limit=_PING_BODY, attempts=1)
        except RegistryError as error:
            return not isinstance(error, _NO_ANSWER)
        return answer.status not in RETRIED - {TOO_MANY_REQUESTS}

    def frugal(self) -> AbstractContextManager[None]:
        """In a ``with`` block, ask less often for what fails, once many things did so in vain.

        It is for asking many things: what is broken for good must not hold up what is not.
        """
        return self.transport.retries.rationed()

    def ping(self) -> None:
        """Ask whether a registry answers here. One request (distribution-spec 1.1, end-1).

        Raises:
            NotARegistryError: something else answers.
            AuthenticationRequiredError: it wants credentials, or other ones.
            RegistryError: what else stands in the way.
        """
        answer = self.transport.exchange("GET", self.address.api, limit=_PING_BODY)
        if answer.status == _NOT_FOUND:
            raise not_a_registry(answer, "was not found")
        if not answer.ok:
            raise failure(answer, unknown=NotFoundError)
        if answer.body.strip() and _VERSION_HEADER not in answer.headers:
            read_json(answer)

    def repositories(self, *, on_refused: Callable[[str], object] | None = None) -> Iterator[str]:
        """The names of the repositories, as listed by the registry, page by page.

        One request for each page of 1,000 names, when it is asked for (distribution-spec has no
        catalog; this is Docker's ``_catalog``). However many names there are, no more than a page
        of them is in memory. A name that an earlier page held may come again, unless that was the
        page before.

        Args:
            on_refused: called with what is listed but is no repository path, as JSON. Such names
                are left out; by default they are logged.

        Raises:
            CatalogUnsupportedError: the registry does not list its repositories.
            TooManyPagesError: the listing does not end.
            RegistryError: what else stands in the way.
        """
        refuse = on_refused or self._log_refused
        for page in self._catalog():
            for name in page.items:
                if _is_path(name):
                    yield str(name)
                else:
                    refuse(json.dumps(name))

    def _log_refused(self, name: str) -> None:
        LOGGER.warning("%s lists %s, which is no repository path", self.name, printable(name, 80))

    def _catalog(self) -> Iterator[Page]:
        for size in PAGE_SIZES:
            url = f"{self.address.api}_catalog" + (f"?n={size}" if size else "")
            listing = pages(
                self.transport, url, key="repositories", asked=size, scopes=scopes.CATALOG
            )
            try:
                first = next(listing)
            except RegistryError as error:
                if size is not None and _refuses_page_size(error):
                    continue
                raise _without_catalog(error) from None
            yield first
            del first  # the next page needs its room
            yield from listing
            return

    def repository(self, name: str) -> Repository:
        """A handle on one repository; no request.

        Raises:
            InvalidReferenceError: `name` is no repository path.
        """
        return Repository(name, self)

    def cancel(self) -> None:
        """End what other threads are asking this registry, within a second (F10).

        Their calls raise `OperationCancelledError`; calls that begin later are not touched. Only
        a host name that the system is looking up is waited for.
        """
        self.transport.cancel()

    def close(self) -> None:
        """Close idle connections; a later request opens new ones."""
        self.transport.close()

    def __enter__(self) -> Self:
        """Use the registry in a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Name and address."""
        return f"<Registry {self.name!r} at {self.url!r}>"

    def with_credentials(self, credentials: Given) -> Registry:
        """A client for the same registry with these credentials alone; no request."""
        again, (url,) = self.__reduce__()
        registry: Registry = again(url, credentials=credentials)
        return registry

    def __reduce__(self) -> tuple[Any, ...]:
        """Everything but the credentials (S16)."""
        again = partial(
            Registry,
            name=self.name,
            insecure=self.insecure,
            ca=self.tls.ca,
            client_certificate=self.tls.client_certificate,
            verify=self.tls.verify,
            trust_realm=self.transport.gate.trust_realm,
            limits=self.transport.limits,
        )
        return again, (self.url,)


def _without_catalog(error: RegistryError) -> RegistryError:
    # A token for the catalog may be refused by a 401 too (B-A12).
    if error.status != _NOT_FOUND and not isinstance(error, DeniedError):
        return error
    sentence = (
        "The registry does not list its repositories to this account: name them instead, as in "
        "audit(repositories=[...])."
    )
    return recast(error, CatalogUnsupportedError, sentence)


def _refuses_page_size(error: RegistryError) -> bool:
    return error.status in _REFUSES_PAGE_SIZE or error.code == "UNSUPPORTED"


def _is_path(name: object) -> bool:
    try:
        return isinstance(name, str) and bool(check_path(name))
    except InvalidReferenceError:
        return False
