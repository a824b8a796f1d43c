"""Content: what manifests and configs say, once in a folder for all audits and registries.

It lies in batches. Of each table a batch has one part, and the one that is keyed by digest is
written last: a batch whose key part is there is whole. Rows are in the order of the walk, in which
images that share layers are close: sorted by digest, they would take twice the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np

from regnb.audit.keeping.forms import OF_CONTENT, REFERENCES, Saved
from regnb.audit.keeping.parts import PARTS, name_of, read_part, write_part
from regnb.audit.keeping.reading import known_digests
from regnb.audit.keeping.writing import table_of
from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links
from regnb.model.media_types import is_foreign
from regnb.store.atomic import remove_temporary_files
from regnb.store.trouble import explained
from regnb.walk.inventory import Inventory

FOLDER = "content"
BATCH = 100_000
"""Manifests, or configs, in one batch; the references of manifests are some ten times as many."""

Batches = dict[str, dict[str, str]]
"""Of each batch the parts, by the name of their table."""


def append(folder: Path, inventory: Inventory, *, name: str) -> list[str]:
    """Write the content that the folder has not got yet.

    Args:
        folder: of the data set; nobody else writes to it meanwhile.
        inventory: whose content it is.
        name: what the names of new batches begin with.

    Returns:
        The parts that hold the content of the inventory, old and new.

    Raises:
        SavedAuditError: a part is damaged.
        StorageError: a part cannot be read or written.
    """
    return [part for tables in OF_CONTENT for part in _append(folder, tables, inventory, name)]


def _append(
    folder: Path, tables: tuple[Saved, ...], inventory: Inventory, name: str
) -> Iterator[str]:
    key, own = tables[0], getattr(inventory, tables[0].rows).column("digest")
    missing = np.zeros(len(inventory.digests) + 1, dtype=bool)  # the last one stands for NONE
    missing[own] = True
    there = _batches(folder, tables)
    for parts in there.values():
        held = _digests_of(folder, parts[key.name], inventory)
        if len(parts) == len(tables) and missing[held].any():
            yield from parts.values()
            missing[held] = False
    rows = np.flatnonzero(missing[own])
    names = (new for number in count() if (new := f"{name}-{number:04d}") not in there)
    below = [_rows_below(saved, inventory) for saved in tables[1:]] if len(rows) else []
    for start in range(0, len(rows), BATCH):
        batch, some = next(names), rows[start : start + BATCH]
        for saved, links in zip(tables[1:], below, strict=True):
            yield _write(folder, saved, inventory, batch, links.follow(own[some])[1])
        yield _write(folder, key, inventory, batch, some)


def _batches(folder: Path, tables: tuple[Saved, ...]) -> Batches:
    """What is there; what an interrupted call has left of batches without a key is removed.

    A batch that has lost another part stays, because audits name it, but is of no use to others.
    """
    found: Batches = {}
    for saved in tables:
        place = folder / FOLDER / saved.name
        with explained(place, "looked through"):
            place.mkdir(parents=True, exist_ok=True)
            remove_temporary_files(place)
            for path in sorted(place.glob(PARTS)):
                if saved is tables[0]:
                    found[name_of(path)] = {}
                if name_of(path) in found:
                    found[name_of(path)][saved.name] = f"{FOLDER}/{saved.name}/{path.name}"
                else:
                    path.unlink()
    return found


def _digests_of(folder: Path, part: str, inventory: Inventory) -> Ints:
    table = read_part(folder, part, ["digest"], texts=["digest"])
    return known_digests(table["digest"], inventory).astype(np.int64)


def _rows_below(saved: Saved, inventory: Inventory) -> Links:
    """From digests to the rows of a table that belong to them, in their order."""
    rows = getattr(inventory, saved.rows)
    owner = rows.column(saved.cells[0].source)
    return Links.of(owner, np.arange(len(owner)), len(inventory.digests))


def _write(folder: Path, saved: Saved, inventory: Inventory, batch: str, rows: Codes) -> str:
    flags = {"foreign": _foreign(inventory, rows)} if saved is REFERENCES else {}
    table = table_of(saved, inventory, rows, **flags)
    return write_part(folder, f"{FOLDER}/{saved.name}", batch, table)


def _foreign(inventory: Inventory, edges: Codes) -> Flags:
    """Whether edges lead elsewhere by their media type; what registries say is no content."""
    codes = inventory.edges.cells("media_type", edges)
    distinct, places = np.unique(codes, return_inverse=True)
    by_type = [is_foreign(inventory.texts.values[code]) for code in distinct.tolist()]
    return np.array(by_type, dtype=bool)[places]
