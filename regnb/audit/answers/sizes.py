"""Where the bytes are: the answers of an audit about sizes, as its users see them."""

from __future__ import annotations

import pandas as pd

from regnb.audit.answers.usage import LEVELS, usage
from regnb.audit.kernel.levels import Levels


class Sizes:
    """Answers about bytes; none costs a request."""

    _levels: Levels
    _usage: dict[str, pd.DataFrame]

    def usage(self, by: str = "repository") -> pd.DataFrame:
        """The bytes of each consumer at one level, the largest first; no request.

        ``stored`` counts each distinct blob and manifest that the consumer needs once,
        ``exclusive`` those that nothing else at this level needs, ``shared`` the others.
        ``fair`` divides each blob evenly among those that need it: it alone adds up, to what the
        registry stores. ``declared`` is what user interfaces add up: configs and layers as
        manifests declare them, repeats and foreign layers included, documents left out.

        Args:
            by: ``registry``, ``repository`` or ``tag``.

        Returns:
            Columns ``registry level repository tag declared stored exclusive shared fair
            blob_count percent``: bytes as int64, ``fair`` float64, ``percent`` that of ``fair``
            in all stored bytes. Repositories that could not be listed and tags that could not be
            read have no row.

        Raises:
            ValueError: `by` is no level.
            OverflowError: manifests declare sizes that cannot be true, nor be summed exactly.
        """
        if by not in LEVELS:
            raise ValueError(f"by={by!r} is no level. Choose one of: {', '.join(LEVELS)}.")
        if by not in self._usage:
            self._usage[by] = usage(self._levels, by)
        return self._usage[by].copy(deep=False)
