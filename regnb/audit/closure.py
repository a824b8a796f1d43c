"""Closure: which manifests a consumer of storage reaches from its roots.

A consumer is a tag or a repository. Its roots are digests that it names. Indexes lead on to their
children, but only where the same repository holds the child; subjects are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regnb.audit.content import Codes, Flags, Ints, Links, contains, distinct, pack, unpack


@dataclass(frozen=True, slots=True)
class Reach:
    """Pairs of consumer and manifest, each once, with the steps from the nearest root."""

    consumer: Ints
    digest: Ints
    depth: Ints


@dataclass(frozen=True, slots=True)
class Holdings:
    """Which repository holds which manifest: sorted keys, ``repository * count + digest``."""

    keys: Ints
    count: int

    @classmethod
    def of(cls, repository: Codes, digest: Codes, count: int) -> Holdings:
        """From pairs; `count` is how many digests there are."""
        return cls(distinct(pack(repository, digest, count)), count)

    def hold(self, repository: Codes, digest: Codes) -> Flags:
        """Whether each repository holds the manifest beside it."""
        return contains(self.keys, pack(repository, digest, self.count))


def reach(
    consumer: Codes, digest: Codes, *, home: Codes, children: Links, holdings: Holdings
) -> Reach:
    """Follow indexes from the roots of each consumer, one level after the other.

    Args:
        consumer: numbers of consumers, one entry a root.
        digest: the root beside it.
        home: the repository of each consumer.
        children: from indexes to their entries.
        holdings: what the repositories hold.
    """
    count = holdings.count
    levels: list[Ints] = []
    seen = np.empty(0, dtype=np.int64)
    keys = pack(consumer, digest, count)
    while len(keys):
        keys = distinct(keys)
        keys = keys[~contains(seen, keys)]
        owner, manifest = unpack(keys, count)
        held = holdings.hold(home[owner], manifest)
        keys, owner, manifest = keys[held], owner[held], manifest[held]
        levels.append(keys)
        seen = distinct(np.concatenate((seen, keys)))
        rows, entries = children.follow(manifest)
        keys = pack(owner[rows], entries, count)
    return _joined(levels, count)


def _joined(levels: list[Ints], count: int) -> Reach:
    keys = np.concatenate([np.empty(0, dtype=np.int64), *levels])
    depth = np.repeat(np.arange(len(levels)), [len(level) for level in levels])
    return Reach(*unpack(keys, count), depth)
