"""Settings that hold for the whole process, and the environment variables behind them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Options:
    """What `set_options` can change.

    Attributes:
        progress: True shows progress bars, False hides them, None follows the environment
            (`REGNB_PROGRESS`, `TQDM_DISABLE`) and shows them where neither is set.
        max_rows: how many rows of a table an HTML or text card shows.
        cache_limit: bytes that the cache of manifests and configs may take on disk; None follows
            the environment (`REGNB_CACHE_LIMIT`), and means 2 GB where that says nothing.
    """

    progress: bool | None = None
    max_rows: int = 20
    cache_limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse here what would otherwise break a `repr` later."""
        if self.progress not in (True, False, None):
            raise ValueError("progress is True, False or None")
        if not isinstance(self.max_rows, int) or self.max_rows < 0:
            raise ValueError("max_rows is a number of rows, 0 or more")
        if not isinstance(self.cache_limit, int | None) or (self.cache_limit or 0) < 0:
            raise ValueError("cache_limit is a number of bytes, 0 or more, or None")


CACHE_LIMIT = 2_000_000_000
"""Bytes of the cache where nobody says otherwise: of some 250,000 images."""

_OFF = {"0", "false", "no", "off"}
_current = Options()


def get_options() -> Options:
    """The settings that hold now."""
    return _current


def set_options(**changes: Any) -> None:
    """Change settings for the rest of the process.

    Args:
        **changes: fields of `Options` by name, for example ``progress=False``.

    Raises:
        TypeError: a setting of that name does not exist.
        ValueError: the setting cannot have that value.
    """
    global _current  # noqa: PLW0603 - one process, one set of options; this is its only writer
    _current = replace(_current, **changes)


@contextmanager
def option_context(**changes: Any) -> Iterator[Options]:
    """Change settings inside a ``with`` block; arguments as for `set_options`."""
    global _current  # noqa: PLW0603 - as above
    before = _current
    _current = replace(before, **changes)
    try:
        yield _current
    finally:
        _current = before


def progress_wanted(explicit: bool | None = None) -> bool:
    """Whether to show a bar: the argument, then `set_options`, then the environment."""
    for choice in (explicit, _current.progress):
        if choice is not None:
            return choice
    wanted = os.environ.get("REGNB_PROGRESS", "").strip().lower()
    if wanted:
        return wanted not in _OFF
    # The notebook bar of tqdm ignores TQDM_DISABLE, so it is read here.
    return os.environ.get("TQDM_DISABLE", "").strip().lower() in {"", *_OFF}


def cache_limit() -> int:
    """Bytes that the cache may take: by `set_options`, then the environment, else `CACHE_LIMIT`."""
    if _current.cache_limit is not None:
        return _current.cache_limit
    wanted = os.environ.get("REGNB_CACHE_LIMIT", "").strip()
    return int(wanted) if wanted.isascii() and wanted.isdigit() else CACHE_LIMIT
