"""The table of labels: what configs, manifests and their descriptors say, one row a key."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, ranks
from regnb.audit.kernel.bases import Bases
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import maybe, numbered, plain, strings
from regnb.audit.tables.tables import build
from regnb.frames.audit_schemas import AUDIT_LABELS
from regnb.frames.audit_words import LABEL_KIND, LABEL_SOURCE
from regnb.walk.columns import NONE
from regnb.walk.columns import Codes as Numbers
from regnb.walk.inventory import Inventory

_CONFIG, _MANIFEST, _INDEX, _DESCRIPTOR = range(4)
_SELF = 0  # the kind of what a document says of itself; after it come those of references


def labels(levels: Levels) -> pd.DataFrame:
    """One row a document, place in it and key, sorted by them."""
    inventory, said = levels.inventory, _Sayings.of(levels.inventory)
    pairs = _Pairs.of(inventory, said.text)
    row, pair = pairs.of_text.follow(said.text)
    key = pairs.key[pair]
    order = np.lexsort(
        (
            ranks(pairs.keys)[key],
            said.position[row],
            said.kind[row],
            said.source[row],
            levels.seen.digest_rank[said.owner[row]],
        )
    )
    row, pair = row[order], pair[order]
    inherited, known = _inherited(
        levels, pairs, np.where(said.source[row] == _CONFIG, said.owner[row], NONE), pair
    )
    columns = {
        "owner_digest": strings(inventory.digests.values, said.owner[row]),
        "source": numbered(LABEL_SOURCE, said.source[row]),
        "kind": numbered(LABEL_KIND, said.kind[row]),
        "position": said.position[row],
        "key": strings(pairs.keys, pairs.key[pair]),
        "value": strings(pairs.values, pairs.value[pair]),
        "digest": strings(inventory.digests.values, said.digest[row]),
        "inherited": maybe(inherited, known=known),
    }
    return build(AUDIT_LABELS, inventory, columns, len(row))


def _inherited(levels: Levels, pairs: _Pairs, config: Ints, pair: Codes) -> tuple[Flags, Flags]:
    """Whether the base of each config has the same pair, and whether it has a base at all.

    A config is NONE for what is no label of one.
    """
    below, based = np.full(levels.content.count + 1, NONE), np.zeros(levels.content.count + 1, bool)
    if (config >= 0).any():  # or there is no need to look for bases
        images = Images(levels.seen)
        bases = Bases(levels, images)
        own = images.document("config")[bases.digest]
        below[own], based[own] = bases.labels[bases.digest], bases.has_base[bases.digest]
        below[NONE], based[NONE] = NONE, False
    return pairs.value_in(below[config], pairs.key[pair]) == pairs.value[pair], based[config]


@dataclass(frozen=True, slots=True)
class _Sayings:
    """Who says what of what: ``text`` is the number of JSON in `Inventory.prose`."""

    owner: Ints
    source: Ints
    kind: Ints
    position: Ints
    digest: Ints
    text: Ints

    @classmethod
    def of(cls, inventory: Inventory) -> _Sayings:
        configs, documents, edges = inventory.configs, inventory.documents, inventory.edges
        config, document = configs.column("digest"), documents.column("digest")
        words = inventory.texts.values
        index = np.array([word == "index" for word in words], dtype=bool)
        source = np.where(index[documents.column("kind")], _INDEX, _MANIFEST)
        zero = [np.zeros(len(rows), dtype=np.int64) for rows in (config, document)]
        parts = (
            (config, zero[0] + _CONFIG, zero[0], zero[0], config, configs.column("labels")),
            (document, source, zero[1], zero[1], document, documents.column("annotations")),
            (
                edges.column("parent"),
                np.full(len(edges), _DESCRIPTOR),
                edges.column("kind") + _SELF + 1,
                edges.column("position"),
                edges.column("child"),
                edges.column("annotations"),
            ),
        )
        said = [part[-1] >= 0 for part in parts]
        columns = [
            np.concatenate(
                [part[n][rows].astype(np.int64) for part, rows in zip(parts, said, strict=True)]
            )
            for n in range(len(parts[0]))
        ]
        return cls(*columns)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Keys and values of what is said, each text once.

    Attributes:
        keys: the distinct keys; `values` the distinct values.
        text: of each pair the number of the text that says it; `key` and `value` those of its own.
        of_text: from texts to their pairs.
    """

    keys: list[str]
    values: list[str]
    text: Ints
    key: Ints
    value: Ints
    of_text: Links

    @classmethod
    def of(cls, inventory: Inventory, used: Codes) -> _Pairs:
        prose = inventory.prose.values
        keys: Numbers[str] = Numbers()
        values: Numbers[str] = Numbers()
        rows: list[tuple[int, int, int]] = []
        for code in np.unique(used).tolist():
            # What cannot be stored is replaced first, so that no two keys of a document are equal.
            said = {plain(key) or "": value for key, value in json.loads(prose[code]).items()}
            rows += [(code, keys.code(key), values.code(said[key])) for key in said]
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 3)
        count = len(inventory.prose)
        of_text = Links.of(table[:, 0], np.arange(len(rows)), count)
        return cls(keys.values, values.values, table[:, 0], table[:, 1], table[:, 2], of_text)

    def value_in(self, text: Codes, key: Ints) -> Ints:
        """The number of the value of each key in a text; NONE where the text lacks it."""
        many = len(self.keys)
        order = np.argsort(self.text * many + self.key)
        there, wanted = (self.text * many + self.key)[order], text * many + key
        place = np.searchsorted(there, wanted)
        found = np.append(there, NONE)[place] == wanted
        value: Ints = np.where(found & (text >= 0), np.append(self.value[order], NONE)[place], NONE)
        return value
