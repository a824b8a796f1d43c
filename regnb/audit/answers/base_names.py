"""Names of bases: what annotations and labels say, and what such a name names now."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from regnb.audit.answers.known import Known
from regnb.audit.kernel.arrays import Codes, Ints
from regnb.audit.kernel.levels import Levels
from regnb.errors import RegnbError
from regnb.model.reference import Reference, parse_normalized
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

NAME = "org.opencontainers.image.base.name"
DIGEST = "org.opencontainers.image.base.digest"


@dataclass(frozen=True, slots=True)
class Claim:
    """What an image says of its base (OCI image-spec 1.1, annotations).

    Attributes:
        name: a full name of an image, as people write it; or None.
        digest: or None.
    """

    name: str | None
    digest: str | None

    @property
    def reference(self) -> Reference | None:
        """The name, taken apart; None where it is none."""
        try:
            return None if self.name is None else parse_normalized(self.name).with_default_tag()
        except RegnbError:
            return None


def claims(values: Sequence[str], codes: Codes) -> tuple[Ints, list[Claim]]:
    """The claim in each JSON of annotations or labels, as a number; NONE where there is none."""
    used, place = np.unique(codes, return_inverse=True)
    number = np.full(len(used), NONE, dtype=np.int64)
    found: dict[Claim, int] = {}
    for row, code in enumerate(used.tolist()):
        if code != NONE and (NAME in values[code] or DIGEST in values[code]):
            said = json.loads(values[code])
            claim = Claim(said.get(NAME) or None, said.get(DIGEST) or None)
            if claim.name or claim.digest:
                number[row] = found.setdefault(claim, len(found))
    return number[place], list(found)


def is_ours(inventory: Inventory, domain: str) -> bool:
    """Whether a name of that domain is one of this registry."""
    return domain in {inventory.registry, urlsplit(inventory.url).netloc}


class Current:
    """What names name now: in this registry, or, as far as that is known, in another."""

    def __init__(self, levels: Levels, known: Known, names: Collection[Reference]) -> None:
        """Look up the names of bases, and those that known images of this registry had."""
        self._inventory, self._graph = levels.inventory, levels.graph
        self._repository = {
            name: code for code, name in enumerate(self._inventory.repositories.values)
        }
        paths = {name.path for name in names}
        rows = np.flatnonzero(pd.Series(known.repository).isin(paths)).tolist()
        self._known: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            key = (known.registry[row], known.repository[row], known.reference[row])
            self._known.setdefault(key, []).append(row)
        ours = known.repository[known.registry == self._inventory.registry]
        self._place = _places(levels, {*paths, *pd.unique(ours)})

    def here(self, repository: str, tag: str) -> int:
        """The place that a tag of this registry names now, or NONE."""
        return self._place.get((repository, tag), NONE)

    def place(self, name: Reference, digest: int) -> int:
        """The place that a name names in this registry, or NONE.

        A name of another registry counts where the repository of the same path holds the base:
        then that is a copy of it.
        """
        ours = is_ours(self._inventory, name.domain)
        if not name.tag or not (ours or self._holds(name.path, digest)):
            return NONE
        return self.here(name.path, name.tag)

    def known(self, name: Reference) -> list[int]:
        """The known images of that name."""
        return self._known.get((name.domain, name.path, name.tag or ""), [])

    def _holds(self, repository: str, digest: int) -> bool:
        code = self._repository.get(repository)
        if code is None or digest == NONE:
            return False
        return int(self._graph.place(np.array([code]), np.array([digest]))[0]) != NONE


def _places(levels: Levels, repositories: Collection[str]) -> dict[tuple[str, str], int]:
    """The places of all tags of some repositories."""
    inventory, seen = levels.inventory, levels.seen
    names, texts = inventory.repositories.values, inventory.texts.values
    codes = [code for code, name in enumerate(names) if name in repositories]
    home = inventory.tags.column("repository")[seen.read]
    rows = np.flatnonzero(np.isin(home, codes))
    tags = inventory.tags.column("tag")[seen.read[rows]].tolist()
    places = zip(home[rows].tolist(), tags, seen.tag_place[rows].tolist(), strict=True)
    return {(names[code], texts[tag]): place for code, tag, place in places}
