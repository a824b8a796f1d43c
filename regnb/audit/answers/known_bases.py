"""Known bases: the bases of images, looked for among known images of elsewhere, too."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from regnb.audit.answers.known import Known
from regnb.audit.kernel.arrays import Ints, Links
from regnb.audit.kernel.bases import Bases
from regnb.audit.kernel.chains import Chains
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels


class KnownBases(Bases):
    """The live images, and the longest beginnings of their layers that are images somewhere.

    Attributes:
        known: the images of elsewhere, or of earlier.
    """

    def __init__(self, levels: Levels, images: Images, known: Known) -> None:
        """Find the images; match nothing yet."""
        super().__init__(levels, images)
        self.known = known

    @cached_property
    def chains(self) -> Chains:
        """The lists of all live images, then those of the known ones."""
        own, known = self._lists(), self.known.layers
        return Chains.of(
            Links(
                np.concatenate([own.starts, own.starts[-1] + known.starts[1:]]),
                np.concatenate([own.targets, self._numbers()[known.targets]]),
            )
        )

    @cached_property
    def known_node(self) -> Ints:
        """The node of each known image's list."""
        return self.chains.full[len(self._documents) :]

    @cached_property
    def known_base(self) -> Ints:
        """For each image the node of its nearest base among the known ones, or NONE."""
        return self._nearest(self.known_node)

    @cached_property
    def known_of_node(self) -> Ints:
        """For each node the known image that has just these layers, the first by its name."""
        known, used = self.known, np.unique(self.known_base)
        rows = np.flatnonzero(np.isin(self.known_node, used[used >= 0]))
        names = [(known.name(row), str(known.digest[row])) for row in rows.tolist()]
        order = rows[sorted(range(len(rows)), key=names.__getitem__)]
        return self._first(self.known_node, order)

    def _numbers(self) -> Ints:
        """The number of each known diff_id among the texts of this registry, or one after them."""
        prose = self._levels.inventory.prose.values
        if not self.known.diff_ids:
            return np.empty(0, dtype=np.int64)
        own = {prose[code]: code for code in np.unique(self._images.diff_ids.targets).tolist()}
        new = range(len(prose), len(prose) + len(self.known.diff_ids))
        pairs = zip(self.known.diff_ids, new, strict=True)
        return np.array([own.get(text, number) for text, number in pairs], dtype=np.int64)
