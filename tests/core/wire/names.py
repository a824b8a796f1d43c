"""Names: a resolver for tests, which never asks the machine."""

from __future__ import annotations

import socket
from collections import Counter

from regnb.core.wire.address import is_literal
from regnb.core.wire.neighbourhood import SocketAddress


class Names:
    """What host names mean: at each look-up the next of several meanings, the last one ever after.

    Attributes:
        asked: how often each was looked up.
    """

    def __init__(self, **meanings: str) -> None:
        """Addresses by name, with ``_`` for the dots; those of one look-up apart by spaces."""
        self._meanings = {name.replace("_", "."): [it] for name, it in meanings.items()}
        self.asked: Counter[str] = Counter()

    def then(self, **meanings: str) -> Names:
        """What they mean at the next look-up."""
        for name, it in meanings.items():
            self._meanings[name.replace("_", ".")].append(it)
        return self

    def __call__(self, host: str, port: int) -> list[tuple[int, SocketAddress]]:
        if host not in self._meanings:
            if is_literal(host):
                return [_address(host, port)]
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown")
        meanings = self._meanings[host]
        number = self.asked[host]
        self.asked[host] += 1
        return [_address(text, port) for text in meanings[min(number, len(meanings) - 1)].split()]


def _address(text: str, port: int) -> tuple[int, SocketAddress]:
    if ":" in text:
        return socket.AF_INET6, (text, port, 0, 0)
    return socket.AF_INET, (text, port)
