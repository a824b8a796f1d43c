"""Scoping: what users give to say which repositories and tags an audit is about."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from regnb.errors import ListingWarning, printable
from regnb.walk.inventory import Inventory
from regnb.walk.scope import Scope, Tags, is_glob

Repositories = str | os.PathLike[str] | Iterable[str] | pd.DataFrame
"""Names and globs for those of the catalog, a table with a column of them, or a file."""

_REPOSITORIES = (
    "a name or a glob, several, a DataFrame with a column repository, or the pathlib.Path of a file"
)
_TAGS = "a glob, several, or a compiled expression of text"
_PATH = re.compile(r"[/.~].*|.*\\.*|.*\.(?:txt|csv)", re.IGNORECASE | re.DOTALL)
"""What looks like the path of a file, and is no name or an odd one."""


def scope_of(
    repositories: Repositories | None, tags: Tags | None, named: Callable[[str], str]
) -> Scope:
    """What arguments of `Client.audit` mean; `named` gives the whole name of a repository.

    Raises:
        TypeError: one of them is of another type.
        ValueError: a table has no such column, a file is no text, or a text names a file.
        InvalidReferenceError: a name is none.
        OSError: a file cannot be read.
    """
    return Scope.of(_repositories(repositories, named), _tags(tags))


def warn_of_nothing(scope: Scope, inventory: Inventory, *, stacklevel: int) -> None:
    """Warn of what a scope asks for and nothing matches, once a walk has come to its end."""
    if not inventory.finished:
        return
    homes, names = inventory.listings.column("repository"), inventory.repositories.values
    words = inventory.texts.values
    listed = {names[code] for code in homes.tolist()}
    tags = {words[code] for code in set(inventory.tags.column("tag").tolist())}
    if missed := scope.unmatched(listed, tags):
        warnings.warn(f"Nothing matches {missed}.", ListingWarning, stacklevel=stacklevel + 1)


def _repositories(given: Repositories | None, named: Callable[[str], str]) -> list[str] | None:
    """Globs as they are, and checked names."""
    if given is None:
        return None
    if isinstance(given, str) and not is_glob(given) and _PATH.fullmatch(given):
        raise ValueError(
            f"{printable(given, 200)!r} is taken for the path of a file: use pathlib.Path for a "
            "file of names, or a list for a repository of that name."
        )
    if isinstance(given, os.PathLike):
        given = _lines(Path(given))
    texts = _texts(given, "repository", _REPOSITORIES)
    return [text if is_glob(text) else named(text) for text in texts]


def _tags(given: Tags | None) -> Tags | None:
    if given is None or (isinstance(given, re.Pattern) and isinstance(given.pattern, str)):
        return given
    return _texts(given, "tag", _TAGS)


def _texts(given: object, column: str, taken: str) -> list[str]:
    """A text, or those of an iterable or of a column of a table."""
    if isinstance(given, pd.DataFrame):
        if column not in given.columns:
            has = ", ".join(map(str, given.columns)) or "none"
            raise ValueError(
                f"A DataFrame needs a column {column!r}; this has: {printable(has, 200)}."
            )
        given = given[column]
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Iterable) or isinstance(texts, bytes | re.Pattern):
        raise TypeError(f"An audit takes {taken}, and not {printable(repr(given), 80)}.")
    found = list(texts)
    if wrong := [one for one in found if not isinstance(one, str)]:
        raise TypeError(f"An audit takes {taken}; these hold {printable(repr(wrong[0]), 80)}.")
    return found


def _lines(path: Path) -> list[str]:
    """The names in a file."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{printable(path, 200)} is no text in UTF-8. Save it as one, with one name a line."
        ) from error
    return [line for line in map(str.strip, lines) if line and line[0] != "#"]
