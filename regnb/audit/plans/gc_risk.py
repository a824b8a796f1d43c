"""Risk: what a registry's own garbage collector would destroy although it is in use."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, contains, pack, unpack
from regnb.audit.kernel.bundles import Bundles
from regnb.audit.kernel.graph import spread
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.usage import Pairs
from regnb.audit.plans.collector import collect_2, collect_3
from regnb.audit.tables.cells import numbered, strings
from regnb.audit.tables.tables import build
from regnb.frames.deletion_schemas import GC_RISK, GC_VERSION, RISK

COLLECTORS = {"2.8": collect_2, "3": collect_3}
SHOWN = 20
"""Tags that a cell names; the column beside it counts all of them."""

_PASSED_OVER, _CHILD, _REFERRER, _UNTAGGED = range(4)
"""Words of the column ``reason``."""


@dataclass(frozen=True, slots=True)
class _Losses:
    """Pairs of a repository and a digest that it would lose.

    Attributes:
        keys: the pairs, sorted, each once.
        reason: why, of each.
        swept: whether its bytes are deleted, or only what ties it to the repository.
    """

    keys: Ints
    reason: Ints
    swept: Flags


def gc_risk(levels: Levels, versions: Sequence[str]) -> pd.DataFrame:
    """One row a version, a repository and a digest that it would lose."""
    found = [_losses(levels, version) for version in versions]
    places = [[*COLLECTORS].index(version) for version in versions]
    version = np.repeat(places, [len(one.keys) for one in found])
    keys = np.concatenate([one.keys for one in found])
    repository, digest = unpack(keys, levels.content.count)
    seen, inventory = levels.seen, levels.inventory
    order = np.lexsort((seen.digest_rank[digest], seen.repository_rank[repository], version))
    tag_count, tags = _tags(levels, keys[order])
    digest = digest[order]
    columns = {
        "repository": strings(inventory.repositories.values, repository[order]),
        "digest": strings(inventory.digests.values, digest),
        "version": numbered(GC_VERSION, version[order]),
        "reason": numbered(RISK, np.concatenate([one.reason for one in found])[order]),
        "is_manifest": levels.content.document[digest] >= 0,
        "is_swept": np.concatenate([one.swept for one in found])[order],
        "size": levels.content.size[digest],
        "tag_count": tag_count,
        "tags": tags,
    }
    return build(GC_RISK, inventory, columns, len(keys))


def _losses(levels: Levels, version: str) -> _Losses:
    """What one version of the collector takes from what is alive."""
    graph, left = levels.graph, COLLECTORS[version](levels.seen)
    place = levels.live[~left.followed[levels.live]]
    why = _reasons(levels, _CHILD if version == "2.8" else _PASSED_OVER)[place]
    unlinked = ~left.held[place]
    rows, needed = levels.needs.follow(graph.digest[place])
    swept = ~left.marked[needed]
    home = graph.repository[place]
    keys = np.concatenate(
        [
            pack(home[unlinked], graph.digest[place[unlinked]], graph.digests),
            pack(home[rows[swept]], needed[swept], graph.digests),
        ]
    )
    reason = np.concatenate([why[unlinked], why[rows[swept]]])
    order = np.lexsort((reason, keys))
    keys, first = np.unique(keys[order], return_index=True)
    digest = unpack(keys, graph.digests)[1]
    return _Losses(keys, reason[order][first], ~left.marked[digest])


def _reasons(levels: Levels, of_children: int) -> Ints:
    """Why the collector does not go down from each place."""
    graph, tagged = levels.graph, np.unique(levels.seen.tag_place)
    children = spread(tagged, (graph.children,), len(graph.keys)) >= 0
    referrers = spread(tagged, (graph.children, graph.referrers), len(graph.keys)) >= 0
    return np.select([children, referrers], [of_children, _REFERRER], _UNTAGGED)


def _tags(levels: Levels, keys: Ints) -> tuple[Ints, pd.api.extensions.ExtensionArray]:
    """For each pair of repository and digest: how many tags there need the digest, and which.

    Cells are made once for each distinct set of tags.
    """
    known, row = np.unique(keys, return_inverse=True)
    pair, tag = _needed_by(levels, known)
    count = np.bincount(pair, minlength=len(known)).astype(np.int64)
    name = levels.inventory.tags.column("tag")[levels.seen.read]
    nothing = np.zeros(len(known), dtype=np.int64)
    bundles = Bundles.of(Pairs(tag, pair), nothing, np.arange(len(name)))
    starts, tags = bundles.consumers.starts.tolist(), bundles.consumers.targets
    cells = [_cell(levels, name[tags[one:end]]) for one, end in itertools.pairwise(starts)]
    bundle = bundles.of_blob[row]
    return count[row], strings([*cells, ""], np.where(bundle < 0, len(cells), bundle))


def _needed_by(levels: Levels, keys: Ints) -> tuple[Ints, Ints]:
    """Pairs of the number of a key and a tag of `Seen.read` that needs it."""
    graph, pairs, tagged = levels.graph, levels.tag.pairs, len(levels.tag_places)
    risky = np.zeros(graph.digests, dtype=bool)
    risky[unpack(keys, graph.digests)[1]] = True
    wanted = risky[pairs.blob] & (pairs.consumer < tagged)
    consumer, blob = pairs.consumer[wanted], pairs.blob[wanted]
    found = pack(graph.repository[levels.tag_places[consumer]], blob, graph.digests)
    there = contains(keys, found)
    roots = np.flatnonzero(levels.is_root)
    tags = Links.of(levels.consumer_of_tag[roots], roots, tagged)
    rows, tag = tags.follow(consumer[there])
    return np.searchsorted(keys, found[there])[rows], tag.astype(np.int64)


def _cell(levels: Levels, names: Codes) -> str:
    """The names of some tags, by their numbers."""
    names = names[np.argsort(levels.seen.text_rank[names])]
    shown = ", ".join(levels.inventory.texts.values[code] for code in names[:SHOWN].tolist())
    return shown + (f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
