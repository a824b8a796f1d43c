"""Loading: the inventory that was saved, out of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from regnb.audit.keeping.failures import FAILURES, failures_of
from regnb.audit.keeping.forms import (
    LOCATED,
    OF_CONTENT,
    OF_SNAPSHOT,
    REFERENCES,
    REPOSITORY_MANIFESTS,
    SIZES,
    UNCOMPRESSED,
    UNHELD,
    Saved,
)
from regnb.audit.keeping.parts import intact, name_of, read_part
from regnb.audit.keeping.reading import (
    columns_of,
    flags_of,
    known_digests,
    number_digests,
    rows_of,
    texts_of,
)
from regnb.audit.kernel.arrays import Codes, Flags
from regnb.errors import SavedAuditError, printable
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

_NOTHING: Codes = np.empty(0, dtype=np.int32)


class Loading:
    """Fills an inventory with one snapshot, or with several that share no repository.

    Attributes:
        inventory: what is filled.
    """

    def __init__(self, inventory: Inventory) -> None:
        """Begin with an inventory that is empty."""
        self.inventory = inventory
        self._located: dict[int, bool] = {}

    def add(self, folder: Path, parts: Sequence[str]) -> None:
        """Read a snapshot, and of the content what belongs to it.

        Args:
            folder: of the data set.
            parts: all that are needed, by their paths below the folder.

        Raises:
            NewerAuditError: a newer version of regnb wrote one of them.
            SavedAuditError: one is missing or damaged.
            StorageError: one cannot be read.
        """
        of_manifests, of_configs = OF_CONTENT
        manifests, with_config = self._add_tables(folder, parts)
        more, others = self._unheld(folder, parts)
        self._add_content(folder, parts, of_manifests, np.concatenate((manifests, more)))
        config_of = np.full(len(self.inventory.digests), NONE)
        documents = self.inventory.documents
        config_of[documents.column("digest")] = documents.column("config")
        configs = np.concatenate((config_of[with_config], others))
        self._add_content(folder, parts, of_configs, configs)

    def finish(self, *, started: datetime, stopped: datetime, finished: bool) -> Inventory:
        """The inventory, as its walk left it."""
        self.inventory.restore(
            started=started, stopped=stopped, finished=finished, located=self._located
        )
        return self.inventory

    def _add_tables(self, folder: Path, parts: Sequence[str]) -> tuple[Codes, Codes]:
        """Read the tables of the audit; the manifests that it read, those whose config it read."""
        read, with_config = [_NOTHING], [_NOTHING]
        for saved in OF_SNAPSHOT:
            for part in _parts_of(parts, saved.name):
                table = _table(folder, part, saved)
                with intact(folder, part):
                    rows = rows_of(saved, table, self.inventory)
                own = getattr(self.inventory, saved.rows)
                if saved in {SIZES, UNCOMPRESSED}:  # of several snapshots, some hold the same
                    new = ~np.isin(rows["digest"], own.column("digest"))
                    rows = {name: cells[new] for name, cells in rows.items()}
                own.extend(**rows)
                if saved is REPOSITORY_MANIFESTS:
                    read.append(rows["digest"][flags_of(table["manifest_read"])])
                    with_config.append(rows["digest"][flags_of(table["config_read"])])
        for part in _parts_of(parts, FAILURES):
            self.inventory.failures += failures_of(folder, part)
        for part in _parts_of(parts, LOCATED):
            layers, present = self._marked(folder, part, "present")
            for layer, here in zip(layers.tolist(), present.tolist(), strict=True):
                self._located[layer] = here or self._located.get(layer, False)
        return np.concatenate(read), np.concatenate(with_config)

    def _unheld(self, folder: Path, parts: Sequence[str]) -> tuple[Codes, Codes]:
        """The manifests and the configs that were read and that nothing else leads to."""
        manifests, configs = [_NOTHING], [_NOTHING]
        for part in _parts_of(parts, UNHELD):
            digests, is_config = self._marked(folder, part, "is_config")
            manifests.append(digests[~is_config])
            configs.append(digests[is_config])
        return np.concatenate(manifests), np.concatenate(configs)

    def _marked(self, folder: Path, part: str, mark: str) -> tuple[Codes, Flags]:
        table = read_part(folder, part, ["digest", mark], texts=["digest"])
        with intact(folder, part):
            return number_digests(table["digest"], self.inventory), flags_of(table[mark])

    def _add_content(
        self, folder: Path, parts: Sequence[str], tables: tuple[Saved, ...], digests: Codes
    ) -> None:
        """Read the documents or configs of some digests that are not there yet."""
        wanted = np.zeros(len(self.inventory.digests), dtype=bool)
        wanted[digests[digests >= 0]] = True
        wanted[getattr(self.inventory, tables[0].rows).column("digest")] = False
        named = [{name_of(part): part for part in _parts_of(parts, table.name)} for table in tables]
        for name in named[0]:
            if wanted.any():
                self._add_batch(folder, tables, [of_table[name] for of_table in named], wanted)
        if wanted.any():
            lost = self.inventory.digests.values[int(np.flatnonzero(wanted)[0])]
            raise SavedAuditError(
                f"{printable(folder)} is not whole: none of its {tables[0].name} is {lost}, which "
                "this audit has read. Restore the folder, or audit anew."
            )

    def _add_batch(
        self, folder: Path, tables: tuple[Saved, ...], parts: Sequence[str], wanted: Flags
    ) -> None:
        """Take what is wanted out of a batch; it is not wanted any more."""
        inventory, key = self.inventory, tables[0]
        table = _table(folder, parts[0], key)
        found = known_digests(table["digest"], inventory)
        kept = _among(wanted, found)
        wanted[found[kept]] = False
        place = np.full(len(inventory.digests), NONE)
        place[found[kept]] = np.arange(np.count_nonzero(kept))
        with intact(folder, parts[0]):
            rows = rows_of(key, table.filter(pa.array(kept)), inventory)
        for saved, part in zip(tables[1:], parts[1:], strict=True):
            with intact(folder, part):
                counts, first = self._add_below(saved, _table(folder, part, saved), place)
            if saved is REFERENCES:
                rows |= {"first_edge": first, "edge_count": counts}
        getattr(inventory, key.rows).extend(**rows)

    def _add_below(self, saved: Saved, table: pa.Table, place: Codes) -> tuple[Codes, Codes]:
        """Take the rows whose owner has a place, in that order; how many, and where they begin."""
        rows = getattr(self.inventory, saved.rows)
        owner = known_digests(table[saved.cells[0].name], self.inventory)
        kept = _among(place >= 0, owner)
        places = place[owner[kept]]
        order = np.argsort(places, kind="stable")
        table = table.filter(pa.array(kept)).take(pa.array(order))
        flags = {"foreign": flags_of(table["foreign"])} if saved is REFERENCES else {}
        counts = np.bincount(places, minlength=int(np.max(place, initial=NONE)) + 1)
        first = len(rows) + np.cumsum(counts) - counts
        rows.extend(**rows_of(saved, table, self.inventory), **flags)
        return counts, first


def _table(folder: Path, part: str, saved: Saved) -> pa.Table:
    return read_part(folder, part, columns_of(saved), texts=texts_of(saved))


def _parts_of(parts: Sequence[str], table: str) -> Iterator[str]:
    return (part for part in parts if part.split("/")[-2] == table)


def _among(flags: Flags, codes: Codes) -> Flags:
    """The flag of each number; False for NONE, and for those that came later."""
    known = (codes >= 0) & (codes < len(flags))
    found: Flags = known & flags[np.where(known, codes, 0)] if len(flags) else known
    return found
