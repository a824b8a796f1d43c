"""TLS: whom a client believes, and how it identifies itself."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NoReturn

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from regnb.core.wire.address import Origin
from regnb.core.wire.environment import certificate_authorities
from regnb.core.wire.sockets import Sockets
from regnb.errors import TLSError

StrPath = str | os.PathLike[str]
ClientCertificate = StrPath | tuple[StrPath, StrPath]
"""A file that holds a certificate and its key, or a file of each."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """What a caller wants for one registry.

    Attributes:
        ca: file or folder of the authorities that its certificate may come from; by default those
            of the environment. Hosts that it leads to may have theirs from these too.
        client_certificate: what the client identifies itself with, there only.
        verify: whether its certificate is checked at all (S21).

    Raises:
        ValueError: authorities are named that nobody would ask.
    """

    ca: StrPath | None = None
    client_certificate: ClientCertificate | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        """Refuse a contradiction."""
        if self.ca is not None and not self.verify:
            raise ValueError("ca= is of no use with verify=False. Leave one of them out.")


DEFAULTS = TlsOptions()


def unverified(name: str) -> str:
    """What a caller is told who has a registry's certificate not checked."""
    return (
        f"The certificate of {name} is not checked, so that anyone in between can read and change "
        "what is sent, credentials included. Pass ca= with the file of its authority instead."
    )


class Contexts:
    """The settings of one client's handshakes: one for its registry, and one for all others.

    What a caller asks for one registry, above all not to check it, holds nowhere else.
    """

    def __init__(self, options: TlsOptions, *, home: Origin, sockets: Sockets) -> None:
        """Read no file yet.

        Args:
            options: for the registry.
            home: its origin.
            sockets: that are cut when a request is cancelled.
        """
        self._options = options
        self._home = home
        self._sockets = sockets

    def of(self, target: Origin) -> ssl.SSLContext:
        """The settings for one origin.

        Raises:
            TLSError: a file that the caller or the environment names is of no use.
        """
        return self._registry if target == self._home else self.others

    @cached_property
    def others(self) -> ssl.SSLContext:
        """The settings for whoever is not the registry; raises as `of` does.

        An authority that the caller names vouches for the token service and the storage of its
        registry too, beside those that vouch for anyone.
        """
        context = _context(self._sockets, certificate_authorities())
        if self._options.ca is not None:
            _believe(context, self._options.ca)
        return context

    @cached_property
    def _registry(self) -> ssl.SSLContext:
        options = self._options
        if options == DEFAULTS:
            return self.others
        context = _context(self._sockets, options.ca or certificate_authorities())
        if not options.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if options.client_certificate is not None:
            _identify(context, options.client_certificate)
        return context


class _Context(ssl.SSLContext):
    sockets: Sockets


class _Socket(ssl.SSLSocket):
    """Can be cut from the handshake on; before it, this is the plain socket underneath."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            if isinstance(self.context, _Context):
                self.context.sockets.add(self)
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _context(sockets: Sockets, authorities: StrPath | None) -> _Context:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.sockets = sockets
    context.sslsocket_class = _Socket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    _believe(context, authorities or DEFAULT_CA_BUNDLE_PATH)
    return context


def _believe(context: ssl.SSLContext, authorities: StrPath) -> None:
    file, folder = (None, authorities) if os.path.isdir(authorities) else (authorities, None)
    load = partial(context.load_verify_locations, file, folder)
    _load(load, "The file or folder of certificate authorities")


def _identify(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Show a certificate to whoever asks for one."""
    chain, key = certificate if isinstance(certificate, tuple) else (certificate, None)
    _load(partial(context.load_cert_chain, chain, key, _no_password), "client_certificate=")
    context.post_handshake_auth = True


def _no_password() -> NoReturn:
    # Without this, OpenSSL asks for one on the terminal, and a notebook hangs.
    raise TLSError("The key of client_certificate= is encrypted. Name a file with the plain key.")


def _load(load: Callable[[], object], what: str) -> None:
    try:
        load()
        return
    except TLSError:
        raise  # it is an OSError too, and says more
    except ssl.SSLError:
        problem = "holds nothing of use, or a key that does not fit. It has to be PEM"
    except OSError:
        problem = "does not exist, or may not be read"
    raise TLSError(f"{what} {problem}. Correct the path, or the file.")
