"""From what went wrong on the way to a sentence that says what to do."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator

import requests
from urllib3 import exceptions as urllib3_errors

from regnb.core.wire.redaction import redact
from regnb.errors import (
    HostUnknownError,
    OperationCancelledError,
    ProtocolError,
    RegistryError,
    RegistryTimeoutError,
    TLSError,
    UnreachableError,
)

_TLS = (ssl.SSLError, ssl.CertificateError, urllib3_errors.SSLError)
_TIMEOUTS = (TimeoutError, urllib3_errors.ReadTimeoutError)
_BROKEN = (ConnectionError, requests.ConnectionError, urllib3_errors.ProtocolError, *_TLS)
_NOT_HTTP = (http.client.BadStatusLine, http.client.UnknownProtocol)
_CAUSES_FOLLOWED = 20
# What the other side says of the client's certificate, as OpenSSL names it.
_UNIDENTIFIED = re.compile("ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERT|UNKNOWN_CA)")

# No connection at all: what tells it, what to raise, and what to say. The first that fits counts.
_UNCONNECTED: tuple[tuple[tuple[type[BaseException], ...], type[UnreachableError], str], ...] = (
    (
        (urllib3_errors.ProxyError,),
        UnreachableError,
        "The proxy on the way to {url} fails. Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
    ),
    (
        (socket.gaierror, urllib3_errors.NameResolutionError),
        HostUnknownError,
        "The host of {url} is unknown. Check the spelling, or the network.",
    ),
    (
        (ConnectionRefusedError,),
        UnreachableError,
        "Nothing listens at {url}. Check the host and the port.",
    ),
    (
        (urllib3_errors.ConnectTimeoutError,),
        UnreachableError,
        "No connection to {url} in time. Check the host, the port and the network.",
    ),
)


class TooSlow(TimeoutError):  # noqa: N818 - never leaves the wire
    """An answer that comes, but not in time (S24)."""


class Interrupted(Exception):  # noqa: N818 - never leaves the core: it carries the error that does
    """An exchange that broke off and may be tried again.

    Attributes:
        error: what to raise when it may not.
        connected: whether there was a connection at all.
    """

    def __init__(self, error: RegistryError, *, connected: bool) -> None:
        """Take the error to raise in the end."""
        super().__init__(str(error))
        self.error = error
        self.connected = connected


def cancelled() -> OperationCancelledError:
    """What to raise when another thread has cancelled the call (F10)."""
    return OperationCancelledError(
        "The call was cancelled by another thread. What was done stays done; call again."
    )


def explain(error: BaseException, *, method: str, url: str) -> Interrupted | RegistryError:
    """What to raise for an exception of requests, urllib3 or a socket before an answer began.

    The exception itself holds request headers, so nothing of it is kept but the reason.
    """
    shown = redact(url)
    causes = list(_causes(error))
    if _any(causes, _TLS):
        return TLSError(_tls_sentence(shown, causes), method=method, url=shown)
    for kinds, raised, sentence in _UNCONNECTED:
        if _any(causes, kinds):
            found = raised(sentence.format(url=shown), method=method, url=shown)
            return Interrupted(found, connected=False)
    return explain_broken(error, method=method, url=url)


def explain_broken(error: BaseException, *, method: str, url: str) -> Interrupted | RegistryError:
    """What to raise for an exception in the middle of an answer."""
    shown = redact(url)
    causes = list(_causes(error))
    if _any(causes, _TIMEOUTS):
        late = _any(causes, (TooSlow,))
        what = "was not answered in time" if late else "brought no byte for too long"
        sentence = f"{method} {shown} {what}. Try again later."
        slow = RegistryTimeoutError(sentence, method=method, url=shown)
        return Interrupted(slow, connected=True)
    # A connection that was closed is a bad status line too, to http.client.
    if _any(causes, _NOT_HTTP) and not _any(causes, (ConnectionError,)):
        return ProtocolError(_not_http_sentence(method, shown), method=method, url=shown)
    if _any(causes, _BROKEN):
        sentence = (
            f"The connection broke during {method} {shown}. Try again; if it stays so, ask "
            "whoever runs the registry or the proxy in front of it."
        )
        broken = UnreachableError(sentence, method=method, url=shown)
        return Interrupted(broken, connected=True)
    sentence = f"{method} {shown} cannot be asked, or not be understood. Check the address."
    return ProtocolError(sentence, method=method, url=shown)


def _any(causes: list[BaseException], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _not_http_sentence(method: str, shown: str) -> str:
    return (
        f"{method} {shown} was answered with something that is not HTTP. Check the port; if the "
        "registry speaks TLS there, give its address as https://."
    )


def _tls_sentence(shown: str, causes: list[BaseException]) -> str:
    if any(_UNIDENTIFIED.search(str(getattr(cause, "reason", ""))) for cause in causes):
        return (
            f"{shown} wants to see a certificate of the client, or another one. Pass "
            "client_certificate= with its file, or with the files of certificate and key."
        )
    reason = next(
        (c.verify_message for c in causes if isinstance(c, ssl.SSLCertVerificationError)), ""
    )
    what = (
        f"The certificate of {shown} was refused ({reason})."
        if reason
        else f"The TLS handshake with {shown} failed."
    )
    return (
        f"{what} If it comes from an authority of one's own, name the file of that authority in "
        "ca= or in SSL_CERT_FILE. If the registry speaks plain http, give its address as http:// "
        "with insecure=True."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it wraps: requests and urllib3 nest by four different ways."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _CAUSES_FOLLOWED:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        waiting += [one for one in inner if isinstance(one, BaseException)]
