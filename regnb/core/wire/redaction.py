"""What may be shown of a URL: no user names, no signatures, no tokens (S16)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from regnb.errors import printable

SHOWN_PARAMETERS = frozenset({"n", "last", "digest", "artifactType", "ns", "from", "mount"})
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:/)?/\S*")

_SHORTEST_SECRET = 4  # characters; to blot out shorter ones would blot out the message


def redact(url: str) -> str:
    """The URL as it may appear in a message: no userinfo, unknown query values as ``***``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a malformed URL)"
    netloc = parts.netloc.rpartition("@")[2]
    front = f"{parts.scheme}://{netloc}" if parts.scheme else netloc
    query = "&".join(_parameter(piece) for piece in parts.query.split("&") if piece)
    return printable(front + parts.path + (f"?{query}" if query else ""))


def _parameter(piece: str) -> str:
    name, separator, _ = piece.partition("=")
    if name in SHOWN_PARAMETERS:
        return piece
    return f"{name}=***" if separator else "***"


def without(body: bytes, secrets: Iterable[str]) -> bytes:
    """An answer without what was sent in confidence: some servers echo headers and forms (S16)."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            body = body.replace(secret.encode(), b"***")
    return body


class RedactingFilter(logging.Filter):
    """Takes signatures out of the request lines that urllib3 logs at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; nothing is dropped."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _URL.sub(lambda found: redact(found[0]), argument)
                if isinstance(argument, str)
                else argument
                for argument in record.args
            )
        return True


# A filter on a logger sees only that logger's own records, so it hangs on the one that logs URLs.
logging.getLogger("urllib3.connectionpool").addFilter(RedactingFilter())
