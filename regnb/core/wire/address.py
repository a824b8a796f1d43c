"""Address: where a registry is, read from what people type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from regnb.errors import InvalidReferenceError, printable

Origin = tuple[str, str, int]
"""Scheme, host and port: what two URLs must share for credentials to go to both (S3)."""

PORTS = {"http": 80, "https": 443}
DOCKER_HUB = "docker.io"
DOCKER_HUB_API = "registry-1.docker.io"
_DOCKER_HUB_NAMES = {DOCKER_HUB, "index.docker.io", DOCKER_HUB_API}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_URL_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where one registry is.

    Attributes:
        name: what tables call it: host, port and prefix as typed, without the scheme.
        root: the URL below which ``v2/`` lies; ends in a slash, so that a prefix is never lost
            (U1).
        origin: scheme, host and port of the root.
    """

    name: str
    root: str
    origin: Origin

    @property
    def api(self) -> str:
        """The URL of the ``/v2/`` endpoint."""
        return self.root + "v2/"

    @property
    def loopback(self) -> bool:
        """Whether the registry is on this machine."""
        return is_loopback(self.origin[1])


def parse_address(target: str, *, insecure: bool = False) -> Address:
    """Read ``host``, ``host:port`` or ``https://host/prefix/``.

    A bare host means https, except that a loopback host, or any host with `insecure`, means plain
    http (S4).

    Raises:
        InvalidReferenceError: `target` is no address, or plain http to another machine without
            `insecure`.
    """
    text = target.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    parts = _split(f"//{rest}", target)
    host = (parts.hostname or "").lower()
    scheme = scheme.lower() or ("http" if insecure or is_loopback(host) else "https")
    if scheme not in PORTS:
        raise _refused(target, "only http and https are spoken")
    if scheme == "http" and not insecure and not is_loopback(host):
        raise InvalidReferenceError(
            f"{printable(target)!r} asks for plain http to another machine, which anyone in "
            "between can read and change. Use https, or say insecure=True to allow it."
        )
    return _address(scheme, parts, bare=not separator)


def _split(text: str, target: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(target, "the host or port is malformed") from None
    netloc = parts.netloc
    if "@" in netloc:
        raise InvalidReferenceError(
            "An address with a user name in it is not taken, because addresses are shown. "
            "Pass username= and password= instead."
        )
    host = netloc if port is None else netloc.rpartition(":")[0]
    if not _HOST.fullmatch(host) or port == 0:
        raise _refused(target, "the host or port is malformed")
    if parts.query or parts.fragment or not _PREFIX.fullmatch(parts.path):
        raise _refused(target, "the path has characters that no prefix has")
    if any(step in {".", ".."} for step in parts.path.split("/")):
        raise _refused(target, "the path climbs")
    return parts


def _address(scheme: str, parts: SplitResult, *, bare: bool) -> Address:
    netloc, prefix = parts.netloc.lower(), parts.path.strip("/")
    if netloc in _DOCKER_HUB_NAMES and not prefix and (bare or scheme == "https"):
        return Address(DOCKER_HUB, f"https://{DOCKER_HUB_API}/", ("https", DOCKER_HUB_API, 443))
    root = f"{scheme}://{netloc}/" + (f"{prefix}/" if prefix else "")
    return Address(root.partition("://")[2].rstrip("/"), root, origin(root))


def _refused(target: str, reason: str) -> InvalidReferenceError:
    return InvalidReferenceError(
        f"{printable(target, 200)!r} is no address of a registry: {reason}. "
        "Write host, host:port or https://host/prefix/."
    )


def origin(url: str) -> Origin:
    """Scheme, host and port of an absolute URL, with the scheme's own port filled in.

    Raises:
        ValueError: the URL is not http or https, or has a host or port that can be none: what is
            not ASCII would have to be encoded first, and is read in two ways otherwise.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not _URL_HOST.fullmatch(parts.hostname or ""):
        raise ValueError("not an absolute http or https URL")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    if not port:
        raise ValueError("port 0 is none")
    return parts.scheme, parts.hostname or "", port


def is_literal(host: str) -> bool:
    """Whether a host is an address and no name, in any of the ways that systems read one."""
    return ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
