"""Running images: names of images in use, out of lists, tables and what kubectl prints."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from regnb.errors import InvalidDocumentError, printable

Running = str | os.PathLike[str] | Iterable[str] | Mapping[str, Any] | pd.DataFrame | pd.Series
"""What `names_of` reads."""

COLUMNS = ("image", "reference")
"""The columns of a table that hold names of images."""

KEYS = frozenset({"image", "imageID"})
"""The fields of pods, and of what makes pods, that hold names of images."""


def names_of(running: Running) -> list[str]:
    """The names of images, each once, sorted.

    Args:
        running: names in a list, a Series or a table with a column ``image`` or ``reference``; or
            JSON as ``kubectl get pods -A -o json`` prints it: as text, as objects, or the path of
            a file that holds it.

    Raises:
        FileNotFoundError: a text is neither JSON nor the path of a file.
        InvalidDocumentError: what should be JSON is none.
        ValueError: a table has no such column.
        TypeError: it is none of these.
    """
    if isinstance(running, str | os.PathLike):
        running = _loaded(running)
    if isinstance(running, pd.DataFrame):
        found = [name for name in COLUMNS if name in running]
        if not found:
            raise ValueError("running= is a table without a column 'image' or 'reference'.")
        running = running[found[0]]
    if isinstance(running, pd.Series):
        running = running.dropna().astype(str).tolist()
    if not isinstance(running, Iterable) or isinstance(running, bytes):
        raise TypeError(
            "running= is names of images, a table of them, or JSON as `kubectl get pods -A -o "
            f"json` prints it, and not {printable(repr(running), 80)}."
        )
    return sorted({str(name) for name in _texts(running) if name})


def _loaded(source: str | os.PathLike[str]) -> Any:
    text = source if isinstance(source, str) else ""
    if not text.lstrip().startswith(("{", "[")):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(
                f"running={printable(str(source), 80)!r} is neither JSON nor a file. Give a list "
                "of image names, or what `kubectl get pods -A -o json` prints."
            )
        text = path.read_text("utf-8")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidDocumentError("running= is no JSON that can be read.") from None


def _texts(value: Any) -> Iterator[str]:
    """The names in a list of names, or in the fields of pods, however deep they lie."""
    if not isinstance(value, Mapping):
        value = list(value)
        yield from (name for name in value if isinstance(name, str))
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield from (one[key] for key in KEYS & one.keys() if isinstance(one[key], str))
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
