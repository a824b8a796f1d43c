"""Known images: those of another audit or of tables of layers, to look for bases among."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.answers.tag_trees import TagTrees
from regnb.audit.kernel.arrays import Links
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import Objects, texts

KEY = ["registry", "repository", "reference", "manifest_digest"]
NEEDED = [*KEY, "position", "diff_id"]


@dataclass(frozen=True, slots=True)
class Known:
    """Images under their names.

    Attributes:
        registry: of each, and so `repository`, `reference` (a tag or digest) and `digest`.
        layers: from images to numbers of `diff_ids`, the lowest layer first.
        diff_ids: as texts.
    """

    registry: Objects
    repository: Objects
    reference: Objects
    digest: Objects
    layers: Links
    diff_ids: list[str]

    @classmethod
    def nothing(cls) -> Known:
        """No image."""
        return cls.of_frame(pd.DataFrame({name: [] for name in NEEDED}))

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> Known:
        """What tables of `Image.layers()` list; images that lack a diff_id are left out.

        Raises:
            ValueError: a column is missing.
        """
        if missing := [name for name in NEEDED if name not in frame]:
            raise ValueError(
                f"known= has no column {', '.join(missing)}. Give another audit, or tables of "
                "Image.layers(), put together by pandas.concat."
            )
        frame = frame[NEEDED].drop_duplicates([*KEY, "position"])
        frame = frame.sort_values([*KEY, "position"], kind="stable")
        broken = frame["diff_id"].isna().groupby([frame[name] for name in KEY]).transform("any")
        frame = frame[~broken.astype(bool)]
        image = frame.groupby(KEY, sort=False, dropna=False).ngroup().to_numpy(dtype=np.int64)
        diff_id, values = pd.factorize(frame["diff_id"])
        first = frame[KEY].astype(object).drop_duplicates()
        layers = Links.of(image, diff_id, len(first))
        registry, repository, reference, digest = (first[name].to_numpy() for name in KEY)
        return cls(registry, repository, reference, digest, layers, values.tolist())

    @classmethod
    def of_audit(cls, levels: Levels, images: Images) -> Known:
        """The images that the tags of another audit lead to."""
        inventory, graph = levels.inventory, levels.graph
        trees = TagTrees.of(levels)
        wanted = images.is_image[graph.digest[trees.place]]
        below = Links.of(trees.tree[wanted], trees.place[wanted], len(levels.tag_places))
        row, place = below.follow(trees.consumer)
        tag, digest = inventory.tags.column("tag")[trees.row[row]], graph.digest[place]
        owner, diff_id = images.diff_ids.follow(images.document("config")[digest])
        used, number = np.unique(diff_id, return_inverse=True)
        return cls(
            np.full(len(place), inventory.registry, dtype=object),
            texts(inventory.repositories.values, graph.repository[place]),
            texts(inventory.texts.values, tag),
            texts(inventory.digests.values, digest),
            Links.of(owner, number, len(place)),
            [inventory.prose.values[code] for code in used.tolist()],
        )

    def name(self, row: int) -> str:
        """The full name of an image."""
        reference = str(self.reference[row])
        mark = "@" if ":" in reference else ":"
        return f"{self.registry[row]}/{self.repository[row]}{mark}{reference}"
