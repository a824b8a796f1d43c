"""The table of referrers: which manifest is about which, and what says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regnb.audit.kernel.arrays import Codes, Flags, Ints, Links, contains, distinct, pack, ranks
from regnb.audit.kernel.graph import attachments
from regnb.audit.kernel.levels import Levels
from regnb.audit.tables.attached import Subjects
from regnb.audit.tables.cells import nullable, numbered, strings
from regnb.audit.tables.tables import build
from regnb.errors import InvalidDigestError
from regnb.frames.audit_schemas import AUDIT_REFERRERS
from regnb.frames.audit_words import REFERRER_SOURCE
from regnb.frames.tag_names import kind_of
from regnb.model.digest import Digest
from regnb.walk.columns import NONE
from regnb.walk.inventory import Inventory

REFERENCE_DIGEST = "vnd.docker.reference.digest"
"""The annotation by which buildx says in an index what an attestation is about."""

_WORDS = ("api", "fallback-tag", "cosign-tag", "subject-field", "buildx-index")
API, FALLBACK, COSIGN, FIELD, BUILDX = range(5)


@dataclass(frozen=True, slots=True)
class Referrers:
    """Which manifest a repository has about which, each pair once, in the order of the table.

    Attributes:
        digests: those of the inventory, and after them subjects that only names tell.
        repository: where.
        subject: number in `digests`.
        digest: of the referrer.
        source: the first of `REFERRER_SOURCE` that says so.
        listed: row of `Inventory.referrers`, NONE where none says so.
    """

    digests: Sequence[str]
    repository: Ints
    subject: Ints
    digest: Ints
    source: Ints
    listed: Ints

    @classmethod
    def of(cls, levels: Levels) -> Referrers:
        """Everything that says so, the first of several sources kept."""
        subjects = Subjects.of(levels.inventory)
        digests = subjects.digests
        parts = [
            _listed(levels.inventory),
            *_by_tag(levels, subjects),
            _by_field(levels),
            _by_index(levels, digests),
        ]
        columns = [np.concatenate([np.asarray(p[n], np.int64) for p in parts]) for n in range(5)]
        repository, subject, digest, source, listed = columns
        known = len(digests) == levels.content.count
        rank = levels.seen.digest_rank if known else ranks(digests)
        order = np.lexsort(
            (listed, source, rank[digest], rank[subject], levels.seen.repository_rank[repository])
        )
        repository, subject, digest = repository[order], subject[order], digest[order]
        first = np.ones(len(order), dtype=bool)
        same = [column[1:] == column[:-1] for column in (repository, subject, digest)]
        first[1:] = ~np.logical_and.reduce(same)
        kept = order[first]
        return cls(
            digests, repository[first], subject[first], digest[first], source[kept], listed[kept]
        )


_Part = tuple[Codes, Codes, Codes, Codes, Codes]
"""Repositories, subjects, digests, sources, and rows of `Inventory.referrers`."""


def referrers(levels: Levels) -> pd.DataFrame:
    """One row a repository, subject and manifest about it, sorted by the three."""
    inventory, content, found = levels.inventory, levels.content, Referrers.of(levels)
    listed, documents = found.listed, inventory.documents
    document = content.document[found.digest]
    artifact_type = np.append(documents.column("artifact_type"), NONE)[document]
    said = np.append(inventory.referrers.column("artifact_type"), NONE)[listed]
    artifact_type = np.where(listed >= 0, said, artifact_type)
    size = np.append(inventory.referrers.column("size"), NONE)[listed]
    size = np.where(
        listed >= 0, size, np.where(levels.seen.sized, content.size, NONE)[found.digest]
    )
    named = inventory.tags.column("digest") >= 0
    tags = [inventory.tags.column(name)[named] for name in ("repository", "digest")]
    columns = {
        "repository": strings(inventory.repositories.values, found.repository),
        "subject": strings(found.digests, found.subject),
        "digest": strings(found.digests, found.digest),
        "artifact_type": strings(
            inventory.texts.values, np.where(listed >= 0, said, artifact_type)
        ),
        "size": nullable(size, known=size >= 0),
        "source": numbered(REFERRER_SOURCE, found.source),
        "subject_present": _held(levels, found.repository, found.subject),
        "tagged": contains(
            distinct(pack(tags[0], tags[1], content.count)),
            pack(found.repository, found.digest, content.count),
        ),
    }
    return build(AUDIT_REFERRERS, inventory, columns, len(listed))


def _held(levels: Levels, repository: Ints, subject: Ints) -> Flags:
    """Whether each repository holds each subject; what only names tell is never held."""
    count = levels.content.count
    known = subject < count
    keys = pack(repository, np.where(known, subject, 0), count)
    return known & contains(levels.graph.keys, keys)


def _listed(inventory: Inventory) -> _Part:
    """What a registry, or a tag of its repository, lists."""
    rows = inventory.referrers
    used = np.unique(rows.column("source"))
    word = np.full(len(inventory.texts) + 1, NONE)
    word[used] = [_WORDS.index(inventory.texts.values[code]) for code in used.tolist()]
    names = ("repository", "subject", "digest")
    repository, subject, digest = (rows.column(name) for name in names)
    return repository, subject, digest, word[rows.column("source")], np.arange(len(rows))


def _by_tag(levels: Levels, subjects: Subjects) -> list[_Part]:
    """What tags with the names of attachments name: cosign's, and the entries of fallback tags."""
    inventory, attached = levels.inventory, attachments(levels.inventory)
    tag = inventory.tags.column("tag")[attached.row]
    subject = subjects.of_text[tag]
    is_cosign = np.zeros(len(inventory.texts), dtype=bool)
    for code in np.unique(tag).tolist():
        is_cosign[code] = kind_of(inventory.texts.values[code]) == "cosign"
    told, cosign = subject >= 0, is_cosign[tag]
    own, other = told & cosign, told & ~cosign
    rows, entry = levels.content.children.follow(attached.digest[other])
    repository, about = attached.repository[other][rows], subject[other][rows]
    return [
        _part(attached.repository[own], subject[own], attached.digest[own], COSIGN),
        _part(repository, about, entry, FALLBACK),
    ]


def _by_field(levels: Levels) -> _Part:
    """What manifests that are held say themselves."""
    graph = levels.graph
    rows, subject = levels.content.subjects.follow(graph.digest)
    return _part(graph.repository[rows], subject, graph.digest[rows], FIELD)


def _by_index(levels: Levels, digests: list[str]) -> _Part:
    """What indexes that are held say of attestations; adds to `digests` what only they name."""
    graph, edges = levels.graph, levels.inventory.edges
    about = _annotated(levels.inventory, digests)
    subject = about[edges.column("annotations")]
    told = np.flatnonzero((edges.column("attestation") == 1) & (subject >= 0))
    links = Links.of(edges.column("parent")[told], told, levels.content.count)
    rows, edge = links.follow(graph.digest)
    return _part(graph.repository[rows], subject[edge], edges.column("child")[edge], BUILDX)


def _annotated(inventory: Inventory, digests: list[str]) -> Ints:
    """For each prose text, and for NONE: the digest that it says an attestation is about."""
    edges, prose = inventory.edges, inventory.prose.values
    about = np.full(len(prose) + 1, NONE, dtype=np.int64)
    used = np.unique(edges.column("annotations")[edges.column("attestation") == 1])
    numbers = {digest: number for number, digest in enumerate(digests)} if len(used) else {}
    for code in used[used >= 0].tolist():
        digest = json.loads(prose[code]).get(REFERENCE_DIGEST)
        if digest is None or not _is_digest(digest):
            continue
        if digest not in numbers:
            numbers[digest] = len(digests)
            digests.append(digest)
        about[code] = numbers[digest]
    return about


def _is_digest(text: str) -> bool:
    try:
        Digest(text)
    except InvalidDigestError:
        return False
    return True


def _part(repository: Codes, subject: Codes, digest: Codes, source: int) -> _Part:
    rows = len(repository)
    return repository, subject, digest, np.full(rows, source), np.full(rows, NONE)
