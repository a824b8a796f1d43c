"""Selection: which tags and manifests are meant by names, tables, globs and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, pack
from regnb.audit.kernel.levels import Levels
from regnb.errors import InvalidReferenceError, NotInAuditError, printable
from regnb.model.reference import Reference, parse_local
from regnb.walk.inventory import Inventory

Named = pd.DataFrame | str | Iterable[str]
"""Rows of a table, one text, or several."""

SHOWN = 10
"""Unknown names that a message lists; the error has them all."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for.

    Attributes:
        tags: a flag for each of `Seen.read`.
        manifests: a flag for each place, of those that were named by digest.
        unread: how many of the tags meant could not be read, and so are left out.
    """

    tags: Flags
    manifests: Flags
    unread: int


def select(
    levels: Levels,
    *,
    tags: Named | None,
    digests: Named | None,
    repositories: str | Iterable[str] | None,
    mask: pd.Series | None,
) -> Selection:
    """Everything that any of the four names.

    Raises:
        NotInAuditError: some of it was not seen.
        InvalidReferenceError: a text is no name of a tag or manifest.
        ValueError: a table lacks columns, or the mask is not aligned with the tags.
    """
    inventory, unknown = levels.inventory, _Unknown()
    rows = np.zeros(len(inventory.tags), dtype=bool)
    manifests = np.zeros(len(levels.graph.keys), dtype=bool)
    if tags is not None:
        rows[_tag_rows(inventory, tags, unknown)] = True
    if digests is not None:
        manifests[_places(levels, digests, unknown)] = True
    if repositories is not None:
        wanted = _repositories(inventory, repositories, unknown)
        rows |= wanted[inventory.tags.column("repository")]
    if mask is not None:
        rows[levels.seen.tag_order[masked(mask, len(rows))]] = True
    unknown.check()
    chosen = rows[levels.seen.read]
    return Selection(chosen, manifests, int(rows.sum() - chosen.sum()))


def masked(mask: pd.Series, rows: int) -> Flags:
    """The flags of a Series that has one for each row of the table of tags.

    Raises:
        ValueError: it holds something else, or is of another table.
    """
    if not pd.api.types.is_bool_dtype(mask.dtype):
        raise ValueError(f"A mask is a Series of True and False, not of {mask.dtype}.")
    if not mask.index.equals(pd.RangeIndex(rows)):
        raise ValueError(
            "The mask is not aligned with audit.tags. Make it from that table, whole: "
            "audit.tags['tag'].str.startswith('pr-'), say."
        )
    return mask.fillna(False).to_numpy(dtype=bool)


class _Unknown:
    """Names that were not seen, until all of them are known."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def add(self, names: Iterable[str]) -> None:
        self._names += names

    def check(self) -> None:
        """Raise if there are any."""
        if not self._names:
            return
        shown = ", ".join(printable(name, 200) for name in self._names[:SHOWN])
        more = f", and {len(self._names) - SHOWN:,} more" if len(self._names) > SHOWN else ""
        error = NotInAuditError(
            f"The audit has not seen: {shown}{more}. Take names from its tables, or make a new "
            "audit."
        )
        error.names = tuple(self._names)
        raise error


def _tag_rows(inventory: Inventory, named: Named, unknown: _Unknown) -> Ints:
    """The rows of `Inventory.tags` that are named."""
    repositories, tags = _pairs(inventory, named, "tag", lambda name: name.tag)
    table, count = inventory.tags, max(len(inventory.texts), 1)
    home, tag = inventory.repositories.find(repositories), inventory.texts.find(tags)
    keys = pack(table.column("repository"), table.column("tag"), count)
    wanted = np.where((home >= 0) & (tag >= 0), pack(home, tag, count), -1)
    missing = np.flatnonzero(~np.isin(wanted, keys)).tolist()
    unknown.add(f"{repositories[row]}:{tags[row]}" for row in missing)
    return np.flatnonzero(np.isin(keys, wanted))


def _places(levels: Levels, named: Named, unknown: _Unknown) -> Ints:
    """The places that are named by digest."""
    inventory = levels.inventory
    repositories, digests = _pairs(inventory, named, "digest", lambda name: name.digest)
    home: Codes = inventory.repositories.find(repositories)
    digest: Codes = inventory.digests.find(digests)  # type: ignore[arg-type] # text is enough
    place = np.where((home >= 0) & (digest >= 0), levels.graph.place(home, digest), -1)
    missing = np.flatnonzero(place < 0).tolist()
    unknown.add(f"{repositories[row]}@{digests[row]}" for row in missing)
    return place[place >= 0]


def _repositories(inventory: Inventory, patterns: str | Iterable[str], unknown: _Unknown) -> Flags:
    """The repositories that are named, or match a glob."""
    names = inventory.repositories.values
    wanted = np.zeros(len(names), dtype=bool)
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        matches = [code for code, name in enumerate(names) if fnmatchcase(name, pattern)]
        wanted[matches] = True
        if not matches:
            unknown.add([pattern])
    return wanted


def _pairs(
    inventory: Inventory, named: Named, column: str, part: Callable[[Reference], str | None]
) -> tuple[Sequence[str], Sequence[str]]:
    """The repositories of what is named, and beside each its tag or digest."""
    if isinstance(named, pd.DataFrame):
        return _of_table(inventory, named, column)
    repositories, references = [], []
    for text in [named] if isinstance(named, str) else named:
        name = parse_local(text)
        reference = part(name)
        if reference is None:
            raise InvalidReferenceError(
                f"{printable(text)!r} names no {column}: write "
                f"{'repository:tag' if column == 'tag' else 'repository@sha256:...'}."
            )
        repositories.append(name.path)
        references.append(str(reference))
    return repositories, references


def _of_table(
    inventory: Inventory, table: pd.DataFrame, column: str
) -> tuple[Sequence[str], Sequence[str]]:
    if lacking := {"repository", column} - set(table.columns):
        raise ValueError(
            f"The table lacks {' and '.join(sorted(lacking))}: give rows of the audit's tables, or "
            f"columns repository and {column}."
        )
    if "registry" in table.columns and (table["registry"] != inventory.registry).any():
        raise ValueError(
            f"Some rows of the table are of another registry than {inventory.registry}."
        )
    return table["repository"].tolist(), table[column].tolist()
