"""Notices: what a registry wants its users to know, by ``Warning`` headers (B-E6).

The specification is distribution-spec 1.1, warnings: code 299, agent ``-``, no date. Nothing is
ever done because of what a notice says.
"""

from __future__ import annotations

import inspect
import logging
import re
import threading
import warnings
from collections.abc import Iterable, Iterator

from regnb.errors import RegistryWarning, printable

LOGGER = logging.getLogger("regnb")
MOST_BYTES = 4096
"""Bytes of notices that are taken from one registry in all."""

# One element of the header, whatever its code, agent and date (RFC 7234, 5.5).
_ELEMENT = re.compile(
    r'[\s,]*([0-9]{3}) ([^\s",]+) "((?:[^"\\]|\\.)*)"( *"[^"]*")?[ \t]*(?=,|$)', re.ASCII
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CODE, _AGENT = "299", "-"


class Notices:
    """What one registry has said so far, each sentence once. Threads share it."""

    __slots__ = ("_left", "_lock", "_registry", "_texts")

    def __init__(self, registry: str) -> None:
        """Begin with none; `registry` is what warnings call it."""
        self._registry = registry
        self._texts: dict[str, None] = {}
        self._left = MOST_BYTES
        self._lock = threading.Lock()

    @property
    def texts(self) -> tuple[str, ...]:
        """The sentences, in the order in which they came first."""
        with self._lock:
            return tuple(self._texts)

    def read(self, values: Iterable[str]) -> None:
        """Take the values of an answer's ``Warning`` header; warn of what is new."""
        for text in _texts(values):
            if self._add(text):
                self._warn(f"{self._registry} says: {text}")

    def _add(self, text: str) -> bool:
        size = len(text.encode())
        with self._lock:
            if text in self._texts or size > self._left:
                return False
            self._texts[text] = None
            self._left -= size
            return True

    @staticmethod
    def _warn(sentence: str) -> None:
        try:
            warnings.warn(sentence, RegistryWarning, stacklevel=_frames_of_ours())
        except RegistryWarning:
            # Where warnings are errors, a notice must still not end the request it came with.
            LOGGER.warning(sentence)


def _texts(values: Iterable[str]) -> Iterator[str]:
    """The texts of what the specification allows; all else is dropped."""
    for value in values:
        position = 0
        while match := _ELEMENT.match(value, position):
            position = match.end()
            code, agent, quoted, date = match.groups()
            text = _decoded(re.sub(r"\\(.)", r"\1", quoted))
            if (code, agent, date) == (_CODE, _AGENT, None) and not _CONTROL.search(text):
                yield printable(text, MOST_BYTES)


def _decoded(text: str) -> str:
    """Headers are read as Latin-1; what was sent as UTF-8 is read as that."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _frames_of_ours() -> int:
    """How far up the caller of this package is, as `warnings.warn` counts it from `_warn`."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("regnb."):
        frame, level = frame.f_back, level + 1
    return level
