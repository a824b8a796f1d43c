"""Sets: which groups hold exactly the same members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from regnb.audit.kernel.arrays import Codes, Ints


def alike(groups: Codes, members: Codes, count: int) -> Ints:
    """A number for each group, the same for groups that have exactly the same members.

    Args:
        groups: the group of each pair; all are below `count`.
        members: the member of each pair, each once in its group.
        count: how many groups there are.
    """
    marks = np.zeros(count, dtype=np.uint64)
    np.add.at(marks, groups, _scattered(members))
    sizes = np.bincount(groups, minlength=count).astype(np.uint64)
    # Two sets of equal number whose marks are the same by chance: one in 2^64.
    found: Ints = np.unique(np.stack((marks, sizes)), axis=1, return_inverse=True)[1]
    return found.reshape(-1)


def _scattered(numbers: Codes) -> npt.NDArray[np.uint64]:
    """Numbers spread over 64 bits (splitmix64), so that sums of them tell sets apart."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
