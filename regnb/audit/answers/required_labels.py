"""Required labels: which of them images have, which they lack, and which are their base's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from pandas.api.extensions import ExtensionArray

from regnb.audit.kernel.arrays import Codes, Ints
from regnb.audit.kernel.bases import Bases
from regnb.audit.kernel.images import Images
from regnb.audit.tables.cells import strings
from regnb.walk.columns import NONE

MISSING, OWN, INHERITED = range(3)


@dataclass(frozen=True, slots=True)
class RequiredLabels:
    """Each label that is asked for, of each image.

    Attributes:
        names: of the labels.
        states: of each image a row: MISSING, OWN or INHERITED for each label.
    """

    names: Sequence[str]
    states: Ints

    @classmethod
    def of(
        cls, images: Images, bases: Bases, digest: Codes, names: Sequence[str]
    ) -> RequiredLabels:
        """Look at the labels of the configs of `digest`, and at the annotations of the manifests.

        A label is inherited where the image that it was made from has the same value, and the
        manifest has no annotation of that name.
        """
        labels, notes = images.config("labels"), images.document("annotations")
        numbers: dict[str, int] = {}
        own, noted, inherited = (
            _values(images.inventory.prose.values, codes, names, numbers)
            for codes in (labels[digest], notes[digest], bases.labels[digest])
        )
        same = (own == inherited) & (noted == NONE)
        states = np.where(same, INHERITED, OWN)
        states[(own == NONE) & (noted == NONE)] = MISSING
        return cls(names, states)

    def joined(self, *states: int) -> ExtensionArray:
        """The names of the labels that are in one of some states, with spaces between."""
        wanted = np.isin(self.states, states)
        # A column that says nothing, for where no label is asked for.
        padded = np.pad(wanted, ((0, 0), (1, 0)))
        used, place = np.unique(padded, axis=0, return_inverse=True)
        texts = [" ".join(compress(self.names, row[1:])) for row in used.tolist()]
        return strings(texts, place.reshape(-1))


def _values(
    prose: Sequence[str], codes: Codes, names: Sequence[str], numbers: dict[str, int]
) -> Ints:
    """For each code a number for the value of each name; NONE where it is missing or empty."""
    used, place = np.unique(codes, return_inverse=True)
    written = [json.dumps(name) for name in names]
    found = np.full((len(used), len(names)), NONE, dtype=np.int64)
    for row, code in enumerate(used.tolist()):
        if code != NONE and any(name in prose[code] for name in written):
            said = json.loads(prose[code])
            values = [said.get(name) for name in names]
            found[row] = [numbers.setdefault(v, len(numbers)) if v else NONE for v in values]
    return found[place]
