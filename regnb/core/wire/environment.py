"""What the environment says about proxies and certificate authorities, read once per client.

Never netrc: requests would send its entries to whatever host a redirect names (B-A18).
"""

from __future__ import annotations

import os

from requests.utils import get_environ_proxies

from regnb.core.wire.address import is_loopback, origin
from regnb.core.wire.secret import Secret
from regnb.errors import TLSError

_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def proxies_for(url: str) -> dict[str, Secret]:
    """The proxies for a host, by ``*_PROXY`` and ``NO_PROXY``; none for this machine (S23)."""
    found = {} if is_loopback(origin(url)[1]) else get_environ_proxies(url)
    return {scheme: Secret(proxy) for scheme, proxy in found.items()}


def certificate_authorities() -> str | None:
    """The file or folder that the environment names, if any.

    Raises:
        TLSError: the environment names one that does not exist.
    """
    for variable in _AUTHORITIES:
        path = os.environ.get(variable)
        if path:
            if not os.path.exists(path):
                raise TLSError(f"{variable} names a path that does not exist. Correct or unset it.")
            return path
    return None
