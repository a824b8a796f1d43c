"""Images: which manifests are images, and what their configs say, as arrays by digest number."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links
from regnb.audit.kernel.seen import Seen
from regnb.walk.columns import NONE
from regnb.walk.inventory import CHILD, LAYER


class Images:
    """The images among the documents of what was seen, each array worked out when asked for.

    Attributes:
        seen: what a walk saw.
    """

    def __init__(self, seen: Seen) -> None:
        """Compute nothing yet."""
        self.seen = seen
        self.inventory = seen.inventory
        self.count = seen.content.count

    def document(self, name: str) -> Codes:
        """A column of `Inventory.documents` for each digest; NONE for what is no document."""
        column: Codes = np.append(self.inventory.documents.column(name), NONE)
        return column[self.seen.content.document]

    @cached_property
    def row(self) -> Ints:
        """The row of `Inventory.configs` of each manifest; NONE where it was not read."""
        configs = self.inventory.configs
        row = np.full(self.count, NONE)
        row[configs.column("digest")] = np.arange(len(configs))
        found: Ints = np.append(row, NONE)[self.document("config")]
        return found

    def config(self, name: str, *, unknown: int = NONE) -> Codes:
        """A column of `Inventory.configs` for each manifest; `unknown` where it was not read."""
        column: Codes = np.append(self.inventory.configs.column(name), unknown)[self.row]
        return column

    @cached_property
    def is_image(self) -> Flags:
        """Whether each digest is an image: what a builder says of another (attestations) is not."""
        texts = self.inventory.texts.values
        kind = np.array([*(text == "image" for text in texts), False])[self.document("kind")]
        found: Flags = kind & ~self.is_attestation
        return found

    @cached_property
    def is_attestation(self) -> Flags:
        """Whether an index calls it one, or its config names no platform, as cosign's do."""
        edges = self.inventory.edges
        called = (edges.column("kind") == CHILD) & (edges.column("attestation") == 1)
        platforms = self.inventory.platforms.values
        found = np.array([*(p.is_unknown for p in platforms), False])[self.config("platform")]
        found[edges.column("child")[called]] = True
        return found

    @cached_property
    def diff_ids(self) -> Links:
        """From configs to their diff_ids (numbers of `Inventory.prose`), the lowest layer first."""
        rows = self.inventory.diff_ids
        config, diff_id = rows.column("config"), rows.column("diff_id")
        order = np.lexsort((rows.column("position"), config))
        return Links.of(config[order], diff_id[order], self.count)

    @cached_property
    def layers(self) -> Links:
        """From manifests to rows of `Inventory.edges`: their layers, the lowest first."""
        edges = self.inventory.edges
        parent, position = edges.column("parent"), edges.column("position")
        row = np.flatnonzero(edges.column("kind") == LAYER)
        row = row[np.lexsort((position[row], parent[row]))]
        return Links.of(parent[row], row, self.count)

    @cached_property
    def layer_count(self) -> Ints:
        """Layers that each manifest names."""
        return np.diff(self.layers.starts)

    @cached_property
    def layers_match(self) -> Flags:
        """Whether the config of each manifest was read and has as many diff_ids as layers."""
        found: Flags = (self.row >= 0) & (self.config("diff_id_count") == self.layer_count)
        return found
