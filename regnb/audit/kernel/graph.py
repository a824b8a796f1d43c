"""Graph: the manifests that repositories hold, and how one leads to another inside of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from regnb.audit.kernel.arrays import (
    Codes,
    Flags,
    Ints,
    Links,
    contains,
    distinct,
    pack,
    unpack,
)
from regnb.audit.kernel.content import Content
from regnb.frames.tag_names import kind_of
from regnb.model.reference import REFERRERS_TAG_LENGTH, referrers_tag
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

_BARRED = NONE - 1


@dataclass(frozen=True, slots=True)
class Graph:
    """Places: pairs of repository and manifest, numbered in the order of their keys.

    Presence is a matter of the repository (a missing child is missing in one of them), and so is
    every step: an index leads on only to what its own repository holds.

    Attributes:
        keys: of all places, sorted: `pack` of repository and digest.
        repository: of each place.
        digest: of each place.
        children: from the place of an index to those of its entries.
        referrers: from a place to those that are about it.
        is_about: whether a place is about another manifest, be that there or not.
        digests: how many digests there are.
    """

    keys: Ints
    repository: Ints
    digest: Ints
    children: Links
    referrers: Links
    is_about: Flags
    digests: int

    @classmethod
    def of(cls, inventory: Inventory, content: Content, attached: Attachments) -> Graph:
        """The places that were seen."""
        keys = _held(inventory, content.count)
        repository, digest = unpack(keys, content.count)
        rows, entries = content.children.follow(digest)
        source, target = rows, _places(keys, pack(repository[rows], entries, content.count))
        referrers, is_about = _referrers(inventory, content, keys, attached)
        return cls(
            keys=keys,
            repository=repository,
            digest=digest,
            children=Links.of(source[target >= 0], target[target >= 0], len(keys)),
            referrers=referrers,
            is_about=is_about,
            digests=content.count,
        )

    def attach(self, inventory: Inventory, content: Content, attached: Attachments) -> Graph:
        """The same places, where no other tags than `attached` belong to another manifest."""
        referrers, is_about = _referrers(inventory, content, self.keys, attached)
        return replace(self, referrers=referrers, is_about=is_about)

    def place(self, repository: Codes, digest: Codes) -> Ints:
        """The place of each pair; NONE where the repository does not hold the manifest."""
        return _places(self.keys, pack(repository, digest, self.digests))


def spread(
    start: Ints, steps: Iterable[Links], count: int, *, without: Flags | None = None
) -> Ints:
    """Follow all steps from some places: how many it takes to each place, NONE where none lead.

    Args:
        start: places to begin with.
        steps: links between places.
        count: how many places there are.
        without: places that are not there: nothing begins at them or leads to them.
    """
    steps = [links for links in steps if len(links.targets)]
    depth = np.full(count, NONE, dtype=np.int64)
    if without is not None:
        depth[without] = _BARRED
        start = start[~without[start]]
    depth[start] = level = 0
    frontier = start
    while len(frontier):
        level += 1
        found = np.concatenate([links.follow(frontier)[1] for links in steps] or [start[:0]])
        found = found[depth[found] == NONE]
        depth[found] = level
        frontier = np.flatnonzero(depth == level) if len(found) else found
    return np.maximum(depth, NONE)


def _held(inventory: Inventory, count: int) -> Ints:
    """Keys of what repositories said that they hold, and of what their tags were answered with."""
    members, tags = inventory.members, inventory.tags
    there, read = members.column("present") == 1, tags.column("digest") >= 0
    return distinct(
        np.concatenate(
            [
                pack(table.column("repository")[rows], table.column("digest")[rows], count)
                for table, rows in ((members, there), (tags, read))
            ]
        )
    )


def _referrers(
    inventory: Inventory, content: Content, keys: Ints, attached: Attachments
) -> tuple[Links, Flags]:
    """From each place to those about it, and whether a place is about anything, there or not."""
    subject, referrer = _about(inventory, content, keys, attached)
    is_about = np.zeros(len(keys), dtype=bool)
    is_about[referrer] = True
    known = subject >= 0
    return Links.of(subject[known], referrer[known], len(keys)), is_about


def _about(
    inventory: Inventory, content: Content, keys: Ints, attached: Attachments
) -> tuple[Ints, Ints]:
    """Pairs of places, each once: what is about what. The subject is NONE where it is not held."""
    repository, digest = unpack(keys, content.count)
    rows, subjects = content.subjects.follow(digest)
    table, listed = inventory.referrers, _listed(inventory, attached)
    home, about, named = (
        table.column(name)[listed] for name in ("repository", "subject", "digest")
    )
    home = np.concatenate([repository[rows], home, attached.repository])
    subject = np.concatenate([subjects, about, attached.subject])
    referrer = np.concatenate([digest[rows], named, attached.digest])
    about = _places(keys, np.where(subject >= 0, pack(home, subject, content.count), NONE))
    by = _places(keys, pack(home, referrer, content.count))
    about, by = about[by >= 0], by[by >= 0]
    about, by = unpack(distinct(pack(about + 1, by, len(keys))), len(keys))
    return about - 1, by


def _listed(inventory: Inventory, attached: Attachments) -> Flags:
    """The rows of `Inventory.referrers` that the registry lists, or a list under one of the tags.

    What cosign's tags name are `attached` themselves.
    """
    rows, texts = inventory.referrers, inventory.texts
    api, fallback = texts.find(["api", "fallback-tag"])
    source, subject = rows.column("source"), rows.column("subject")
    by_tag = source == fallback
    tag = np.full(len(inventory.digests), NONE, dtype=np.int64)
    used = np.unique(subject[by_tag])
    tag[used] = texts.find([referrers_tag(inventory.digests.values[code]) for code in used])
    names = inventory.tags.column("tag")[attached.row]
    there = distinct(pack(attached.repository, names, len(texts)))
    told = pack(rows.column("repository"), tag[subject], len(texts))
    listed: Flags = (source == api) | (by_tag & contains(there, told))
    return listed


@dataclass(frozen=True, slots=True)
class Attachments:
    """Tags that were read and whose names say which manifest they belong to.

    Attributes:
        row: of `Inventory.tags`.
        repository: of the tag.
        digest: that it names.
        subject: digest that its name says; NONE where nothing else names that one.
    """

    row: Ints
    repository: Codes
    digest: Codes
    subject: Ints

    def only(self, kept: Flags) -> Attachments:
        """Those of them whose row of `Inventory.tags` is flagged."""
        mine = kept[self.row]
        return Attachments(
            self.row[mine], self.repository[mine], self.digest[mine], self.subject[mine]
        )


def attachments(inventory: Inventory) -> Attachments:
    """The tags of cosign and the fallback tags of referrers."""
    tag, digest = inventory.tags.column("tag"), inventory.tags.column("digest")
    attached, subject = _attached_texts(inventory, np.unique(tag))
    row = np.flatnonzero(attached[tag] & (digest >= 0)) if len(tag) else np.empty(0, np.int64)
    repository = inventory.tags.column("repository")[row]
    return Attachments(row, repository, digest[row], subject[tag[row]])


def _attached_texts(inventory: Inventory, codes: Codes) -> tuple[Flags, Ints]:
    """For each text: whether, as the name of a tag, it is an attachment, and of which digest."""
    count = len(inventory.texts)
    attached, subject = np.zeros(count, dtype=bool), np.full(count, NONE, dtype=np.int64)
    names = {code: inventory.texts.values[code] for code in codes.tolist()}
    names = {code: name for code, name in names.items() if kind_of(name) != "normal"}
    if names:
        digests = inventory.digests.values
        documents = inventory.documents.column("digest").tolist()
        # As `referrers_tag` says, for the algorithms that are in use, and a million of them.
        of_tag = {
            digests[one].replace(":", "-", 1)[:REFERRERS_TAG_LENGTH]: one for one in documents
        }
        attached[list(names)] = True
        for code, name in names.items():
            subject[code] = of_tag.get(name.partition(".")[0], NONE)
    return attached, subject


def _places(keys: Ints, wanted: Ints) -> Ints:
    places = np.searchsorted(keys, wanted)
    found: Ints = np.where(contains(keys, wanted), places, NONE)
    return found
