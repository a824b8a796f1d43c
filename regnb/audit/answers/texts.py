"""Several texts in one cell, with a space between them."""

from __future__ import annotations

import numpy as np

from regnb.audit.kernel.arrays import Ints
from regnb.audit.tables.cells import Objects


def joined(texts: Objects, group: Ints) -> list[str]:
    """The texts of each group in one; groups are sorted, begin at 0 and leave none out."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return [" ".join(part) for part in np.split(texts, starts[1:])] if len(group) else []
