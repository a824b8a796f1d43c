"""Owners: whose repositories are whose, as a table of patterns says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

import pandas as pd

from regnb.errors import printable

_WILD = re.compile(r"[*?[]")
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Owners:
    """Patterns of repository paths and who owns what they match; the first that matches counts.

    ``*`` stands for any text, slashes included, ``?`` for one character, ``[ab]`` for one of some.
    """

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, owners: Mapping[str, str] | pd.Series | pd.DataFrame) -> Owners:
        """Take a mapping, a Series by pattern, or a frame of the columns pattern and owner.

        Raises:
            ValueError: a frame has not exactly two columns.
            TypeError: it is none of these, or a pattern or an owner is no text.
        """
        if isinstance(owners, pd.DataFrame):
            if owners.shape[1] != _PAIR:
                raise ValueError(
                    f"owners= has {owners.shape[1]} columns. Give two: the pattern of a repository "
                    "path, and its owner."
                )
            pairs = list(owners.itertuples(index=False, name=None))
        elif isinstance(owners, Mapping | pd.Series):
            pairs = list(owners.items())
        else:
            raise TypeError(
                "owners= is a mapping of patterns to owners, a Series, or a DataFrame of two "
                f"columns, and not {printable(repr(owners), 80)}. Read a file with pandas.read_csv."
            )
        if wrong := [pair for pair in pairs if not all(isinstance(one, str) for one in pair)]:
            raise TypeError(f"owners= has to map text to text; it holds {wrong[0]!r}.")
        return cls(tuple((str(pattern), str(owner)) for pattern, owner in pairs))

    def of(self, repositories: Sequence[str]) -> list[str | None]:
        """The owner of each repository; None where no pattern matches it."""
        exact: dict[str, int] = {}
        wild: list[tuple[int, re.Pattern[str]]] = []
        for place, (pattern, _) in enumerate(self.pairs):
            if _WILD.search(pattern):
                wild.append((place, re.compile(translate(pattern))))
            else:
                exact.setdefault(pattern, place)
        none = len(self.pairs)
        owners = [*(owner for _, owner in self.pairs), None]

        def first(path: str) -> int:
            best = exact.get(path, none)
            return next((place for place, glob in wild if place < best and glob.match(path)), best)

        return [owners[first(path)] for path in repositories]
