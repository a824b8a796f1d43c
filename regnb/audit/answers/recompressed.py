"""Recompressed layers: the same files stored more than once, with other bytes around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.answers.texts import joined
from regnb.audit.kernel.arrays import Flags, Ints, distinct, pack, ranks, sums, unpack
from regnb.audit.kernel.images import Images
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.cells import texts
from regnb.audit.tables.tables import build
from regnb.frames.answer_schemas import RECOMPRESSED
from regnb.walk.columns import NONE

FORMS = {
    "encrypted": ("+encrypted",),
    "estargz": ("containerd.io/snapshot/stargz/",),
    "zstd:chunked": ("io.github.containers.zstd-chunked.",),
    "nydus": ("containerd.io/snapshot/nydus-",),
}
"""How layers are stored on purpose, and what of a media type or annotation shows it."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Layers of live images, each pair of diff_id and digest once, sorted by both.

    Attributes:
        diff_id: number in `Inventory.prose`.
        digest: of the layer as stored.
        skipped_images: live images left out: their config was not read, or lists another number.
        skipped_layers: layers left out, since configs disagree on their diff_id.
    """

    diff_id: Ints
    digest: Ints
    skipped_images: int
    skipped_layers: int


def recompressed(levels: Levels, images: Images) -> pd.DataFrame:
    """One row a diff_id that is stored under several digests, the greatest waste first."""
    inventory, content = levels.inventory, levels.content
    content.check_sums()
    copies = _copies(levels, images)
    diff_id, group, count = np.unique(copies.diff_id, return_inverse=True, return_counts=True)
    several = count[group] > 1
    group, digest = group[several], copies.digest[several]
    kept, group = np.unique(group, return_inverse=True)
    size = content.size[digest]
    order = np.lexsort((levels.seen.digest_rank[digest], size, group))
    group, digest, size = group[order], digest[order], size[order]
    total, first = sums(group, size, len(kept)), np.searchsorted(group, np.arange(len(kept)))
    smallest = size[first]
    names = texts(inventory.prose.values, diff_id[kept])
    columns = {
        "diff_id": names,
        "copies": count[kept],
        "total": total,
        "smallest": smallest,
        "waste": total - smallest,
        "deliberate": _deliberate(group, _forms(images, digest), len(kept)),
        "digests": joined(texts(inventory.digests.values, digest), group),
        "media_types": _media_types(images, group, digest),
    }
    by_waste = np.lexsort((ranks(names.tolist()), smallest - total))
    columns = {name: np.asarray(column)[by_waste] for name, column in columns.items()}
    frame = build(RECOMPRESSED, inventory, columns, len(kept))
    frame.attrs["regnb"] |= {
        "skipped_images": copies.skipped_images,
        "skipped_layers": copies.skipped_layers,
    }
    return frame


def _copies(levels: Levels, images: Images) -> Copies:
    content, inventory = levels.content, levels.inventory
    live = np.zeros(content.count, dtype=bool)
    live[levels.registry.reached.digest] = True
    live &= images.is_image
    used = np.flatnonzero(live & images.layers_match)
    edge = images.layers.follow(used)[1]
    # Both are in the order of images, then of positions, and have as many.
    diff_id = images.diff_ids.follow(images.document("config")[used])[1]
    digest = inventory.edges.column("child")[edge]
    stored = np.zeros(content.count, dtype=bool)
    stored[levels.registry.pairs.blob] = True
    here = stored[digest] & (inventory.edges.column("foreign")[edge] == 0)
    keys = distinct(pack(digest[here], diff_id[here], len(inventory.prose)))
    layer, claimed = unpack(keys, len(inventory.prose))
    sure = np.bincount(layer, minlength=content.count)[layer] == 1
    order = np.lexsort((layer[sure], claimed[sure]))
    return Copies(
        claimed[sure][order],
        layer[sure][order],
        skipped_images=int(np.count_nonzero(live & ~images.layers_match)),
        skipped_layers=len(np.unique(layer[~sure])),
    )


def _forms(images: Images, digest: Ints) -> Ints:
    """How each layer is stored: the place of its form in `FORMS`, or after them where it is plain.

    Descriptors may differ in what they say: that of any counts.
    """
    inventory, edges, row = images.inventory, images.inventory.edges, images.layers.targets
    row = row[np.isin(edges.column("child")[row], digest)]
    media_type, notes = edges.column("media_type")[row], edges.column("annotations")[row]
    form = np.full(images.count, len(FORMS))
    for values, code in ((inventory.texts.values, media_type), (inventory.prose.values, notes)):
        said, place = np.unique(code, return_inverse=True)
        seen = [_form(values[one]) if one >= 0 else len(FORMS) for one in said.tolist()]
        np.minimum.at(form, edges.column("child")[row], np.array(seen, dtype=np.int64)[place])
    return form[digest]


def _form(said: str) -> int:
    shown = [any(sign in said for sign in signs) for signs in FORMS.values()]
    return [*shown, True].index(True)


def _deliberate(group: Ints, form: Ints, count: int) -> Flags:
    """Whether no two copies of each group have the same form, encrypted ones excepted."""
    keys, copies = np.unique(pack(group, form, len(FORMS) + 1), return_counts=True)
    owner, form = unpack(keys, len(FORMS) + 1)
    found = np.ones(count, dtype=bool)
    found[owner[(copies > 1) & (form != list(FORMS).index("encrypted"))]] = False
    return found


def _media_types(images: Images, group: Ints, digest: Ints) -> list[str]:
    """The media types of the copies of each group, each once, sorted."""
    inventory, edges, row = images.inventory, images.inventory.edges, images.layers.targets
    owner = np.full(images.count, NONE)
    owner[digest] = group
    owner = owner[edges.column("child")[row]]
    code = edges.column("media_type")[row[owner >= 0]]
    keys = distinct(pack(owner[owner >= 0], code, len(inventory.texts)))
    group, code = unpack(keys, len(inventory.texts))
    names = texts(inventory.texts.values, code)
    return joined(names[np.lexsort((names.astype(str), group))], group)
