"""Consumers: who is asked about at each level of usage, and what each is called."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pandas.api.extensions import ExtensionArray

from regnb.audit.answers.owners import Owners
from regnb.audit.kernel.arrays import Codes, Ints, once
from regnb.audit.kernel.levels import Level, Levels
from regnb.audit.tables.cells import filled, strings
from regnb.audit.tables.manifests import platform_of
from regnb.audit.tables.tables import listed, repository_codes, status_of
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Consumers:
    """The rows of a level.

    Attributes:
        level: the level itself, under any policy: so that what referrers add can be told.
        number: of each row in that level.
        key: what some of the rows are called, as a column has it; null for what has none of the
            names. They are many, and text is large: it is made where it is shown.
        rank: the place of each among all, by name.
        repository: that each lies in; NONE where it is none, or several.
        tag: that each is; NONE where it is none.
    """

    level: Callable[[Levels], Level]
    number: Ints
    key: Callable[[Ints], ExtensionArray]
    rank: Ints
    repository: Ints
    tag: Ints


def registry(levels: Levels) -> Consumers:
    """One row."""
    only = np.zeros(1, dtype=np.int64)
    name = levels.inventory.registry
    return _plain(lambda levels: levels.registry, only, lambda row: filled(name, len(row)), only)


def repository(levels: Levels) -> Consumers:
    """A row for each repository whose tags are known."""
    codes = known_repositories(levels)
    names, rank = levels.inventory.repositories.values, levels.seen.repository_rank[codes]
    return _plain(
        lambda levels: levels.repository,
        codes,
        lambda row: strings(names, codes[row]),
        rank,
        repository=codes,
    )


def namespace(levels: Levels) -> Consumers:
    """A row for each first part of a path of several; the others are none of these."""
    paths = levels.inventory.repositories.values
    names = [path.partition("/")[0] if "/" in path else None for path in paths]
    return _of_repositories(levels, names)


def owner(levels: Levels, owners: Owners) -> Consumers:
    """A row for each owner that has a repository; what none owns is none of these."""
    return _of_repositories(levels, owners.of(levels.inventory.repositories.values))


def manifest(levels: Levels) -> Consumers:
    """A row for each distinct live manifest: its document and its own blobs."""
    digest, home = levels.graph.digest[levels.live], levels.graph.repository[levels.live]
    count, rows = levels.content.count, once(digest, levels.content.count)
    group, first, last = (np.full(count, NONE, dtype=np.int64) for _ in range(3))
    group[rows] = np.arange(len(rows))
    first[digest[::-1]], last[digest] = home[::-1], home
    return _plain(
        lambda levels: levels.grouped(group[levels.graph.digest[levels.live]], len(rows)),
        np.arange(len(rows)),
        lambda row: digests(levels, rows[row]),
        levels.seen.digest_rank[rows],
        repository=np.where(first == last, first, NONE)[rows],
    )


def platform(levels: Levels) -> Consumers:
    """A row for each platform of images; indexes, artifacts and attestations are none of these."""
    inventory = levels.inventory
    names = [None if one.is_unknown else str(one) for one in inventory.platforms.values]
    return _of_digests(levels, names, platform_of(inventory, levels.content.count)[1])


def label(levels: Levels, name: str) -> Consumers:
    """A row for each value of a label; what lacks it is none of these.

    The label of an image stands in its config; of whatever has none, its own annotations count.
    """
    inventory = levels.inventory
    told = _labels(inventory, levels.content.count)
    codes, place = np.unique(told, return_inverse=True)
    values = [json.loads(inventory.prose.values[code]) if code >= 0 else {} for code in codes]
    return _of_digests(levels, [one.get(name) for one in values], place)


def tag(levels: Levels) -> Consumers:
    """A row for each tag that keeps something alive.

    Some policies keep what no tag leads to: then comes one row a repository that holds such.
    """
    inventory, tags = levels.inventory, levels.inventory.tags
    rows, tagged = levels.seen.read[levels.is_root], len(levels.tag_places)
    bare = np.unique(levels.graph.repository[levels.untagged])
    number = np.concatenate([levels.consumer_of_tag[levels.is_root], tagged + bare])
    repository = np.concatenate([tags.column("repository")[rows], bare])
    tag = np.concatenate([tags.column("tag")[rows], np.full(len(bare), NONE)])
    rank = np.empty(len(number), dtype=np.int64)
    of_tag = np.append(levels.seen.text_rank, NONE)[tag]
    rank[np.lexsort((of_tag, levels.seen.repository_rank[repository]))] = np.arange(len(number))

    def key(row: Ints) -> ExtensionArray:
        return _paths_and_tags(inventory, repository[row], tag[row])

    return Consumers(lambda levels: levels.tag, number, key, rank, repository, tag)


def _paths_and_tags(inventory: Inventory, repository: Codes, tag: Codes) -> ExtensionArray:
    names = [*(f":{text}" for text in inventory.texts.values), ""]
    paths: Any = strings(inventory.repositories.values, repository)  # they can be added
    both: ExtensionArray = paths + strings(names, np.where(tag >= 0, tag, len(names) - 1))
    return both


def digests(levels: Levels, codes: Ints) -> ExtensionArray:
    """The digests of some of many."""
    values = levels.inventory.digests.values
    return strings([values[code] for code in codes.tolist()], np.arange(len(codes)))


def known_repositories(levels: Levels) -> Ints:
    """The repositories that could be listed, or hold something alive all the same, by name."""
    codes = repository_codes(levels.inventory)
    holds = np.zeros(len(levels.inventory.repositories), dtype=bool)
    holds[levels.graph.repository[levels.live]] = True
    return codes[listed(status_of(levels.inventory)[codes]) | holds[codes]]


def _of_repositories(levels: Levels, names: Sequence[str | None]) -> Consumers:
    """Repositories of one name together, and one row for those without a name."""
    group, values = _together(names, np.arange(len(names)))

    def level(levels: Levels) -> Level:
        return levels.grouped(group[levels.graph.repository[levels.live]], len(values))

    number = once(group[known_repositories(levels)], len(values))
    return _plain(level, number, lambda row: strings(values, number[row]), number)


def _of_digests(levels: Levels, names: Sequence[str | None], name: Codes) -> Consumers:
    """Manifests whose name is the same together, and one row for those without a name."""
    group, values = _together(names, name)

    def level(levels: Levels) -> Level:
        return levels.grouped(group[levels.graph.digest[levels.live]], len(values))

    number = once(group[levels.graph.digest[levels.live]], len(values))
    return _plain(level, number, lambda row: strings(values, number[row]), number)


def _labels(inventory: Inventory, count: int) -> Ints:
    """The text that holds the labels of each digest; NONE where there is none."""
    configs, documents = inventory.configs, inventory.documents
    of_config = np.full(count + 1, NONE)
    of_config[configs.column("digest")] = configs.column("labels")
    kinds = np.array([kind == "image" for kind in inventory.texts.values], dtype=bool)
    is_image = kinds[documents.column("kind")]
    told = np.full(count, NONE)
    told[documents.column("digest")] = np.where(
        is_image, of_config[documents.column("config")], documents.column("annotations")
    )
    return told


def _together(names: Sequence[str | None], code: Codes) -> tuple[Ints, list[str | None]]:
    """The group of each code, equal where the names are, and the name of each group."""
    values: list[str | None] = [*sorted({name for name in names if name is not None}), None]
    places = {name: place for place, name in enumerate(values)}
    of_code = np.array([*(places[name] for name in names), places[None]], dtype=np.int64)
    return of_code[code], values


def _plain(
    level: Callable[[Levels], Level],
    number: Ints,
    key: Callable[[Ints], ExtensionArray],
    rank: Ints,
    *,
    repository: Ints | None = None,
) -> Consumers:
    none = np.full(len(number), NONE)
    home = none if repository is None else repository
    return Consumers(level, number, key, rank, home, none)
