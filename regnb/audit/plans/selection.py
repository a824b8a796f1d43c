"""Selection: which tags and manifests are meant by names, tables, globs and masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, pack
from regnb.audit.kernel.levels import Levels
from regnb.audit.plans.names import Named, names_of, texts_of
from regnb.errors import InvalidReferenceError, NotInAuditError, printable
from regnb.walk.inventory import CHILD, Inventory

Mask = pd.Series | npt.NDArray[np.bool_] | Sequence[bool]
"""One flag for each row of the table of tags."""

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
    mask: Mask | None,
) -> Selection:
    """Everything that any of the four names.

    Raises:
        NotInAuditError: some of it was not seen.
        InvalidReferenceError: a text is no name of a tag or manifest.
        ValueError: a table lacks columns, or the mask is not aligned with the tags.
        TypeError: one of them is of another type.
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


def masked(mask: Mask, rows: int) -> Flags:
    """The flags of a Series, array or list that has one for each row of the table of tags.

    Raises:
        ValueError: it holds something else, or is of another table.
    """
    if not isinstance(mask, pd.Series):
        mask = _series(mask)
    if not pd.api.types.is_bool_dtype(mask.dtype):
        raise ValueError(
            f"A mask is a Series, array or list of True and False, not of {mask.dtype}."
        )
    if not mask.index.equals(pd.RangeIndex(rows)):
        raise ValueError(
            "The mask is not aligned with audit.tags. Make it from that table, whole: "
            "audit.tags['tag'].str.startswith('pr-'), say."
        )
    return mask.fillna(False).to_numpy(dtype=bool)


def _series(mask: object) -> pd.Series:
    if not pd.api.types.is_list_like(mask, allow_sets=False):
        raise ValueError(
            f"A mask is a Series, array or list of True and False, not {printable(mask, 40)!r}."
        )
    found = pd.Series(mask)
    return found if len(found) else found.astype(bool)  # what is empty holds nothing else


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
    repositories, tags = names_of(inventory, named, "tag")
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
    repositories, digests = names_of(inventory, named, "digest")
    home: Codes = inventory.repositories.find(repositories)
    digest: Codes = inventory.digests.find(digests)  # type: ignore[arg-type] # text is enough
    place = np.where((home >= 0) & (digest >= 0), levels.graph.place(home, digest), -1)
    missing = np.flatnonzero(place < 0)
    names = [f"{repositories[row]}@{digests[row]}" for row in missing.tolist()]
    if (blobs := _are_blobs(levels, digest[missing])).any():
        raise InvalidReferenceError(
            f"{printable(names[np.argmax(blobs)], 200)} is a blob, not a manifest, as are "
            f"{int(blobs.sum()):,} of the digests. Blobs go once nothing needs them: name the "
            "manifests that do, of the rows of a table those with is_manifest."
        )
    unknown.add(names)
    return place[place >= 0]


def _are_blobs(levels: Levels, digest: Codes) -> Flags:
    """Whether each digest is that of a config or layer, and of no manifest."""
    edges = levels.inventory.edges
    blobs = np.zeros(levels.content.count + 1, dtype=bool)  # the last one is for NONE
    blobs[edges.column("child")[edges.column("kind") < CHILD]] = True
    blobs[:-1] &= levels.content.document < 0
    flags: Flags = blobs[digest]
    return flags


def _repositories(inventory: Inventory, patterns: str | Iterable[str], unknown: _Unknown) -> Flags:
    """The repositories that are named, or match a glob."""
    names = inventory.repositories.values
    wanted = np.zeros(len(names), dtype=bool)
    for pattern in texts_of(patterns, "repositories= is a name or a glob, or several"):
        matches = [code for code, name in enumerate(names) if fnmatchcase(name, pattern)]
        wanted[matches] = True
        if not matches:
            unknown.add([pattern])
    return wanted
