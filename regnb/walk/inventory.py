"""Inventory: what a walk has seen, as columns of integers.

Content (documents, edges, configs) is keyed by digest alone. Membership says which repository
holds what, and comes only from that repository's own answers. Text stands once in `Codes`, rows
hold its number: an edge costs 36 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np

from regnb.errors import RegnbError
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.image_config import ImageConfig
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.model.platform import Platform
from regnb.walk.columns import NONE, Codes, Rows
from regnb.walk.failures import Failure, Stage
from regnb.walk.moments import microseconds, microseconds_at, time_of

CONFIG, LAYER, CHILD, SUBJECT = range(4)
"""What an edge leads to: its ``kind``."""

BY_TAG, BY_INDEX, BY_SUBJECT = range(3)
"""What first led to a member: its ``source``."""

BY_ISIZE, BY_ZSTD_HEADER = range(2)
"""What told how large a layer is uncompressed: its ``source``."""

_JSON = json.JSONEncoder(sort_keys=True)


class Child(NamedTuple):
    """One entry of an index.

    Attributes:
        digest: its number.
        attestation: whether the index calls it one.
        size: bytes, as the index says.
    """

    digest: int
    attestation: bool
    size: int


class Inventory:
    """What a walk has seen of one registry.

    Attributes:
        registry: what tables call it.
        url: where it is; empty where nobody said.
        scope: in words, which repositories and tags were asked for; empty for all.
        stopped: why the walk did not come to its end; empty where it did.
        digests: numbers of digests; `repositories` and `texts` number names and other short texts,
            `prose` those that can be long.
        platforms: numbers of platforms.
        listings: one row a repository: the ``status`` of its listing (a text), and its tags, or
            NONE where they could not be listed.
        tags: one row a tag; ``digest`` is NONE where it could not be read, and ``error`` says why.
        documents: one row a manifest; its edges are ``edge_count`` rows from ``first_edge`` on.
        edges: one row a reference; ``position`` counts within its kind.
        members: one row a repository and manifest of which it said whether it holds it.
        referrers: one row a repository, subject and manifest about it, as the registry lists them;
            the subjects that manifests name themselves are edges.
        configs: one row an image config; ``created`` in microseconds, or NO_TIME.
        sizes: one row a blob on whose size descriptors disagree, and what the registry said of it.
        uncompressed: one row a layer of which some bytes told how large it is uncompressed.
        diff_ids: one row an image config and layer: what the layer hashes to uncompressed.
        history: one row an image config and step of its build.
        failures: what could not be read.
        finished: whether the walk came to its end.
    """

    def __init__(
        self, registry: str, *, url: str = "", now: Callable[[], int] = microseconds
    ) -> None:
        """Start empty; `now` tells microseconds since 1970."""
        self.registry = registry
        self.url = url
        self.scope = ""
        self.stopped = ""
        self._clock = now
        self._started = self._stopped = self._latest = now()
        self.finished = False
        self.digests: Codes[Digest] = Codes()
        self.repositories: Codes[str] = Codes()
        self.texts: Codes[str] = Codes()
        self.prose: Codes[str] = Codes()
        self.platforms: Codes[Platform] = Codes()
        self.failures: list[Failure] = []
        self._begin_tables()
        self._document_rows: dict[int, int] = {}
        self._plain: dict[str, tuple[int, ...]] = {}
        self._doubtful: dict[int, list[int]] = {}
        self._elsewhere: set[int] = set()
        self._here: set[int] = set()

    def _begin_tables(self) -> None:
        self.listings = Rows(repository="i", status="i", tag_count="q")
        self.tags = Rows(repository="i", tag="i", digest="i", observed_at="q", error="i")
        self.documents = Rows(
            digest="i", media_type="i", kind="i", size="q", config="i", artifact_type="i",
            subject="i", annotations="i", first_edge="q", edge_count="i",
        )  # fmt: skip
        self.edges = Rows(
            parent="i", child="i", kind="b", position="i", size="q", media_type="i",
            platform="i", foreign="b", attestation="b", inline="b", annotations="i",
        )  # fmt: skip
        self.members = Rows(repository="i", digest="i", present="b", source="b")
        self.referrers = Rows(
            repository="i", subject="i", digest="i", artifact_type="i", size="q", source="i"
        )
        self.configs = Rows(
            digest="i", size="q", platform="i", created="q", author="i", user="i", entrypoint="i",
            command="i", working_dir="i", exposed_ports="i", env="i", labels="i",
            history_count="i", diff_id_count="i",
        )  # fmt: skip
        self.sizes = Rows(digest="i", size="q")
        self.uncompressed = Rows(digest="i", size="q", source="b")
        self.diff_ids = Rows(config="i", position="i", diff_id="i")
        self.history = Rows(
            config="i", position="i", created="q", created_by="i", comment="i", author="i",
            empty="b",
        )  # fmt: skip

    @property
    def started_at(self) -> datetime:
        """When the walk began, UTC."""
        return time_of(self._started)

    @property
    def finished_at(self) -> datetime:
        """When the walk ended or was stopped, UTC."""
        return time_of(self._stopped)

    @property
    def complete(self) -> bool:
        """Whether the walk came to its end and everything could be read."""
        return self.finished and not self.failures

    def resume(self, started: int, latest: int) -> None:
        """Note that the walk began earlier, and what another call saw of it until when."""
        self._started = min(self._started, started)
        self._latest = max(self._latest, latest)

    def finish(self, *, finished: bool = True) -> None:
        """Note the time; `finished` is False where the walk was stopped."""
        self._settle_doubtful()
        self.finished = finished
        self._stopped = self._now()

    @property
    def located(self) -> Mapping[int, bool]:
        """The layers that name other places, and whether a repository holds them here."""
        return {**dict.fromkeys(self._elsewhere, False), **dict.fromkeys(self._here, True)}

    def restore(
        self, *, started: datetime, stopped: datetime, finished: bool, located: Mapping[int, bool]
    ) -> None:
        """Become the walk that was, once all its rows are there.

        Args:
            started: when it began, UTC.
            stopped: when it ended.
            finished: whether it came to its end.
            located: as the property of that name.
        """
        self._started, self._stopped = microseconds_at(started), microseconds_at(stopped)
        self.finished = finished
        self._here = {layer for layer, here in located.items() if here}
        self._elsewhere = set(located) - self._here
        self._settle_doubtful()
        digests = self.documents.column("digest").tolist()
        self._document_rows = dict(zip(digests, range(len(digests)), strict=True))

    def record(self, manifest: Manifest) -> int:
        """Take in the content of a manifest, once; the number of its digest."""
        code = self.digests.code(manifest.digest)
        if code in self._document_rows:
            return code
        first, row = len(self.edges), len(self.documents)
        config = self._edges(code, manifest)
        subject = NONE
        if manifest.subject is not None:
            self._add_edges(code, SUBJECT, [manifest.subject])
            subject = self.digests.code(manifest.subject.digest)
        self.documents.append(
            code, self.texts.code(manifest.media_type), self.texts.code(manifest.kind),
            manifest.size, config, self._text(manifest.artifact_type), subject,
            self._json(manifest.annotations), first, len(self.edges) - first,
        )  # fmt: skip
        self._document_rows[code] = row
        return code

    def add_listing(self, repository: str, status: str, tag_count: int) -> None:
        """Note how the listing of a repository went: ``ok empty 404 denied error``."""
        self.listings.append(self.repositories.code(repository), self.texts.code(status), tag_count)

    def add_tag(
        self, repository: str, tag: str, manifest: Manifest | int, *, observed_at: int | None = None
    ) -> int:
        """Note that a tag was answered with `manifest`; the number of its digest.

        A manifest that was recorded can be given by its number, and the time of an answer that
        came earlier in microseconds since 1970.
        """
        code = manifest if isinstance(manifest, int) else self.record(manifest)
        self._tag(repository, tag, code, NONE, observed_at)
        return code

    def add_lost_tag(self, repository: str, tag: str, error: str) -> None:
        """Note that a tag is listed but could not be read, and why."""
        self._tag(repository, tag, NONE, self.texts.code(error))

    def add_member(
        self, repository: str, digest: int, *, present: bool, source: int = BY_TAG
    ) -> None:
        """Note that a repository said whether it holds a manifest. Once a pair."""
        self.members.append(self.repositories.code(repository), digest, present, source)

    def add_referrer(
        self,
        repository: str,
        subject: Digest,
        digest: Digest,
        *,
        artifact_type: str | None,
        size: int,
        source: str,
    ) -> None:
        """Note that a repository lists a manifest as one about `subject`.

        `source` is ``api``, ``fallback-tag`` or ``cosign-tag``.
        """
        self.referrers.append(
            self.repositories.code(repository), self.digests.code(subject),
            self.digests.code(digest), self._text(artifact_type), size, self.texts.code(source),
        )  # fmt: skip

    def add_config(self, config: ImageConfig) -> None:
        """Take in what an image config says. Once a digest."""
        code, prose = self.digests.code(config.digest), self._prose
        self.configs.append(
            code, len(config.raw), self.platforms.code(config.platform),
            microseconds_at(config.created), prose(config.author), prose(config.user),
            self._json(config.entrypoint), self._json(config.command), prose(config.working_dir),
            self._json(config.exposed_ports), self._json(config.env), self._json(config.labels),
            len(config.history), len(config.diff_ids),
        )  # fmt: skip
        for position, diff_id in enumerate(config.diff_ids):
            self.diff_ids.append(code, position, self.prose.code(diff_id))
        for position, step in enumerate(config.history):
            self.history.append(
                code, position, microseconds_at(step.created), prose(step.created_by),
                prose(step.comment), prose(step.author), step.empty_layer,
            )  # fmt: skip

    def add_failure(
        self,
        error: RegnbError,
        *,
        stage: Stage,
        repository: str = "",
        reference: str = "",
        parent: int = NONE,
    ) -> None:
        """Note what could not be read, and which manifest led there."""
        failure = Failure.of(
            error,
            observed_at=time_of(self._now()),
            stage=stage,
            repository=repository,
            reference=reference,
            parent_digest="" if parent == NONE else self.digests.values[parent],
        )
        self.failures.append(failure)

    def knows(self, digest: int) -> bool:
        """Whether the content of this manifest was recorded."""
        return digest in self._document_rows

    def artifact_type_of(self, digest: int) -> str | None:
        """What sort of artifact a manifest is, as far as it was recorded and says so."""
        row = self._document_rows.get(digest)
        code = NONE if row is None else self.documents.columns["artifact_type"][row]
        return None if code == NONE else self.texts.values[code]

    def size_of(self, digest: int) -> int:
        """Bytes of a recorded manifest."""
        return self.documents.columns["size"][self._document_rows[digest]]

    def config_of(self, digest: int) -> int:
        """The config of a recorded image, or NONE for whatever has no image config."""
        row, columns = self._document_rows[digest], self.documents.columns
        is_image = self.texts.values[columns["kind"][row]] == "image"
        return int(columns["config"][row]) if is_image else NONE

    def children(self, digest: int) -> Iterator[Child]:
        """The entries of a recorded index; none for other documents."""
        row, columns = self._document_rows[digest], self.documents.columns
        if self.texts.values[columns["kind"][row]] != "index":
            return
        first, edges = columns["first_edge"][row], self.edges.columns
        for edge in range(first, first + columns["edge_count"][row]):
            if edges["kind"][edge] == CHILD:
                attestation = bool(edges["attestation"][edge])
                yield Child(edges["child"][edge], attestation, edges["size"][edge])

    def doubtful(self, digest: int) -> list[int]:
        """The layers of a document that may lie here or elsewhere: they name other places."""
        return self._doubtful.get(digest, [])

    def mark_foreign(self, digest: int) -> None:
        """Note that a repository lacks a doubtful layer; `finish` settles what none holds."""
        self._elsewhere.add(digest)

    def mark_here(self, digest: int) -> None:
        """Note that a repository holds a doubtful layer."""
        self._here.add(digest)

    def _settle_doubtful(self) -> None:
        if elsewhere := self._elsewhere - self._here:
            led = np.isin(self.edges.column("child"), list(elsewhere))
            for edge in np.flatnonzero(led):
                self.edges.columns["foreign"][edge] = 1

    def _edges(self, code: int, manifest: Manifest) -> int:
        """Note what a document points to; the number of its config, or NONE."""
        if isinstance(manifest, Index):
            self._add_edges(code, CHILD, manifest.manifests)
        if not isinstance(manifest, ImageManifest):
            return NONE
        self._add_edges(code, LAYER, manifest.layers)
        for layer in manifest.layers:
            if layer.urls and not layer.foreign:
                self._doubtful.setdefault(code, []).append(self.digests.code(layer.digest))
        self._add_edges(code, CONFIG, [manifest.config])
        return self.digests.code(manifest.config.digest)

    def _add_edges(self, parent: int, kind: int, to: Iterable[Descriptor]) -> None:
        cells: list[int] = []
        for position, one in enumerate(to):
            child = self.digests.code(one.digest)
            cells += (parent, child, kind, position, one.size, *self._more(one))
        self.edges.append_all(cells)

    def _more(self, to: Descriptor) -> tuple[int, ...]:
        """The end of a row: mostly there is nothing to say but the media type."""
        is_plain = to.platform is None and to.data is None and not to.annotations
        known = self._plain.get(to.media_type) if is_plain else None
        if known is None:
            known = (
                self.texts.code(to.media_type),
                NONE if to.platform is None else self.platforms.code(to.platform),
                to.foreign,
                to.is_attestation,
                to.data is not None,
                self._json(to.annotations),
            )
            if is_plain:
                self._plain[to.media_type] = known
        return known

    def _tag(
        self, repository: str, tag: str, digest: int, error: int, observed_at: int | None = None
    ) -> None:
        at = self._now() if observed_at is None else observed_at
        self.tags.append(
            self.repositories.code(repository), self.texts.code(tag), digest, at, error
        )

    def _now(self) -> int:
        """The time; a clock that is set back stands still for a while."""
        self._latest = max(self._latest, self._clock())
        return self._latest

    def _text(self, text: str | None) -> int:
        return NONE if text is None else self.texts.code(text)

    def _prose(self, text: str) -> int:
        return self.prose.code(text) if text else NONE

    def _json(self, value: Mapping[str, str] | tuple[str, ...]) -> int:
        """The number of the JSON of what is not empty, its keys sorted."""
        return self.prose.code(_JSON.encode(value)) if value else NONE
