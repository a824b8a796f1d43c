"""Subjects that the names of tags tell: cosign's tags, and the fallback tags of referrers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.kernel.arrays import Ints, once
from regnb.frames.tag_names import kind_of
from regnb.model.reference import REFERRERS_TAG_LENGTH
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

_WHOLE = "sha256-"  # these tags hold all of the digest, others only its beginning


@dataclass(frozen=True, slots=True)
class Subjects:
    """Which manifest each tag belongs to, by its name.

    Attributes:
        digests: those of the inventory, and after them what only names of tags tell.
        of_text: for each text its subject, a number in `digests`; NONE where it is no name of an
            attachment, or tells only the beginning of a digest that nothing else names.
    """

    digests: list[str]
    of_text: Ints

    @classmethod
    def of(cls, inventory: Inventory) -> Subjects:
        """Read the names of the tags."""
        digests: list[str] = list(inventory.digests.values)
        of_text = np.full(len(inventory.texts), NONE, dtype=np.int64)
        names = {
            code: inventory.texts.values[code].partition(".")[0]
            for code in once(inventory.tags.column("tag"), len(inventory.texts)).tolist()
            if kind_of(inventory.texts.values[code]) != "normal"
        }
        if not names:
            return cls(digests, of_text)
        numbers = {
            digest.replace(":", "-", 1)[:REFERRERS_TAG_LENGTH]: number
            for number, digest in enumerate(digests)
        }
        for code, name in sorted(names.items()):
            if name not in numbers and name.startswith(_WHOLE):
                numbers[name] = len(digests)
                digests.append(name.replace("-", ":", 1))
            of_text[code] = numbers.get(name, NONE)
        return cls(digests, of_text)
