"""Names: the tags and manifests that somebody means, as texts or as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from regnb.display.text import count
from regnb.errors import InvalidReferenceError, printable
from regnb.model.digest import ALGORITHMS
from regnb.model.reference import Reference, parse_local
from regnb.walk.inventory import Inventory

Named = pd.DataFrame | str | Iterable[str]
"""Rows of a table, one text, or several."""

Part = Literal["tag", "digest"]
_WRITTEN = {"tag": "repository:tag", "digest": "repository@sha256:..."}
_OTHERS = {"tag": " Manifests without a tag are named by digests=.", "digest": ""}


def names_of(inventory: Inventory, named: Named, part: Part) -> tuple[list[str], list[str]]:
    """The repositories of what is named, and beside each its tag or digest.

    Raises:
        InvalidReferenceError: a text names none.
        ValueError: a table lacks columns or cells, or is of another registry.
        TypeError: it is something else.
    """
    if isinstance(named, pd.DataFrame):
        return _of_table(inventory, named, part)
    repositories, parts = [], []
    for text in several(named, f"{part}s= is {_WRITTEN[part]}, several, or rows of a table"):
        name = _read(inventory, text, part)
        repositories.append(name.path)
        parts.append(str(name.tag if part == "tag" else name.digest))
    return repositories, parts


def several(given: object, taken: str) -> list[Any]:
    """One text as a list, or what an iterable holds.

    Raises:
        TypeError: it is neither; `taken` tells what is taken.
    """
    if isinstance(given, str):
        return [given]
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        return list(given)
    raise TypeError(f"{taken}, and not {printable(repr(given), 80)}.")


def texts_of(given: object, taken: str) -> list[str]:
    """One text or several, as a list; raises as `several` does."""
    texts = several(given, taken)
    if wrong := [one for one in texts if not isinstance(one, str)]:
        raise TypeError(f"{taken}; these hold {printable(repr(wrong[0]), 80)}.")
    return texts


def _read(inventory: Inventory, text: object, part: Part) -> Reference:
    if not isinstance(text, str):
        raise _refusal(text, part)
    if text.partition(":")[0] in ALGORITHMS and not _holds(inventory, text.partition(":")[0]):
        raise _refusal(text, part, ", for its repository is missing")
    name = _local(inventory, text)
    if (name.tag if part == "tag" else name.digest) is None:
        raise _refusal(text, part)
    return name


def _local(inventory: Inventory, text: str) -> Reference:
    """A name within the registry; that of the registry itself may stand before it.

    Raises:
        InvalidReferenceError: it follows no grammar, or may be read in two ways.
    """
    registry = f"{inventory.registry}/"
    if not text.startswith(registry):
        return parse_local(text)
    name = parse_local(text.removeprefix(registry))
    whole = registry + name.path
    if not _holds(inventory, whole):
        return name
    if _holds(inventory, name.path):
        raise InvalidReferenceError(
            f"{printable(text)!r} may mean {whole} and {name.path}, which are both there. Write "
            f"{registry}{whole} for the first, or {name.path} for the second."
        )
    return replace(name, path=whole)


def _holds(inventory: Inventory, repository: str) -> bool:
    return bool(inventory.repositories.find([repository])[0] >= 0)


def _refusal(text: object, part: Part, because: str = "") -> InvalidReferenceError:
    return InvalidReferenceError(
        f"{printable(text)!r} names no {part}{because}: write {_WRITTEN[part]}, or give rows of a "
        f"table with both columns, as audit.tags[['repository', '{part}']]."
    )


def _of_table(inventory: Inventory, table: pd.DataFrame, part: Part) -> tuple[list[str], list[str]]:
    columns: Sequence[str] = ["repository", part]
    if lacking := set(columns) - set(table.columns):
        raise ValueError(
            f"The table lacks {' and '.join(sorted(lacking))}: give rows of the audit's tables, or "
            f"columns repository and {part}."
        )
    if "registry" in table.columns and (table["registry"] != inventory.registry).any():
        raise ValueError(
            f"Some rows of the table are of another registry than {inventory.registry}."
        )
    if empty := int(table[columns].isna().any(axis=1).sum()):
        raise ValueError(
            f"{count(empty, 'row')} of the table {'names' if empty == 1 else 'name'} no {part}: "
            "what has none, or many things together, such as the last row of top(). If only the "
            f"others are meant, drop them: table.dropna(subset={columns}).{_OTHERS[part]}"
        )
    return table["repository"].tolist(), table[part].tolist()
