"""Random registries as plain values: small, and odd in every way that real ones are.

A registry is the work of its seed: hypothesis draws from `SEEDS`, and says which one failed. Every
digest is true, so that a server can hold it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.digest import Digest
from regnb.model.manifest import Index, Manifest, parse_manifest
from regnb.model.reference import referrers_tag
from tests.audit.building import FOREIGN
from tests.audit.reference import Shelves, needs, visible

REPOSITORIES = ("a", "a/0", "a/b", "team/app")
SEEDS = st.integers(0, 2**32)
TAGS = ("1", "2", "latest", "dev")
CONFIGS = 3
RARELY = 1 / 6


@dataclass(frozen=True)
class Stock:
    """A registry as its disk holds it.

    Attributes:
        shelves: its manifests, untagged ones too, who holds which, and the tags.
        files: every blob on the disk by its digest: manifests, and what nothing names any more.
        links: the configs and layers that each repository may be asked for.
    """

    shelves: Shelves
    files: Mapping[str, bytes]
    links: Mapping[str, frozenset[str]]


def generate(seed: int) -> Stock:
    """A registry of one to four repositories, with what no API shows among it."""
    chance = random.Random(seed)
    making = _Making(chance)
    for repository in REPOSITORIES[: chance.randint(1, len(REPOSITORIES))]:
        making.fill(repository)
    return making.stock()


def without_garbage(stock: Stock) -> Stock:
    """The same registry with a tag for whatever no tag leads to, and no blob that is left over."""
    shelves = stock.shelves
    tags = dict(shelves.tags)
    kept: set[str] = set()
    for repository, held in shelves.holdings.items():
        unseen = held - visible(shelves).holdings[repository]
        for number, digest in enumerate(sorted(unseen)):
            tags[repository, f"kept-{number}"] = digest
        kept |= needs(shelves, held)
    files = {digest: raw for digest, raw in stock.files.items() if digest in kept}
    links = {owner: linked & files.keys() for owner, linked in stock.links.items()}
    return Stock(replace(shelves, tags=tags), files, links)


class _Making:
    """What was made so far."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._files: dict[str, bytes] = {}
        self._holdings: dict[str, frozenset[str]] = {}
        self._links: dict[str, frozenset[str]] = {}
        self._tags: dict[tuple[str, str], str] = {}
        self._elsewhere: set[str] = set()
        self._number = 0
        self._configs = [self._config(number) for number in range(CONFIGS)]
        self._layers = [self._layer() for _ in range(chance.randint(3, 8))]
        self._documents: list[Manifest] = []
        self._make(self._image, chance.randint(1, 5))
        self._make(self._artifact, chance.randint(0, 3))
        self._make(self._index, chance.randint(0, 4))

    def fill(self, repository: str) -> None:
        """Put some of the documents into a repository, tag some of them."""
        chance = self._chance
        held: set[str] = set()
        for document in self._some(self._documents, 4):
            self._hold(held, document)
        known = {document.digest: document for document in self._documents}
        for tag in self._some(TAGS, len(TAGS)) if held else ():
            self._tags[repository, tag] = chance.choice(sorted(held))
        for digest in self._some(sorted(held), 2):
            self._attach(repository, held, known[Digest(digest)])
        self._holdings[repository] = frozenset(held)
        self._links[repository] = frozenset(self._blobs(held) | set(self._some(self._orphans(), 1)))

    def stock(self) -> Stock:
        """All of it; of what no repository holds, some lies on the disk and some nowhere."""
        held = frozenset[str]().union(*self._holdings.values())
        on_disk = held | self._blobs(held) | set(self._some(sorted(self._files), 3))
        on_disk |= frozenset[str]().union(*self._links.values())
        manifests = {str(d.digest): d for d in self._documents if d.digest in held}
        shelves = Shelves(manifests, self._holdings, self._tags, frozenset(self._elsewhere))
        return Stock(shelves, {digest: self._files[digest] for digest in on_disk}, self._links)

    def _some(self, choices: Iterable[Any], most: int) -> list[Any]:
        choices = list(choices)
        return self._chance.sample(choices, self._chance.randint(0, min(most, len(choices))))

    def _rarely(self) -> bool:
        return self._chance.random() < RARELY

    def _make(self, kind: Any, times: int) -> None:
        for _ in range(times):
            self._add(kind())

    def _add(self, fields: Mapping[str, Any]) -> Manifest:
        self._number += 1
        named = {**fields, "schemaVersion": 2, "annotations": {"number": str(self._number)}}
        raw = json.dumps(named).encode()
        document = parse_manifest(raw)
        self._files[document.digest] = raw
        self._documents.append(document)
        return document

    def _image(self) -> dict[str, Any]:
        chance = self._chance
        layers = [self._layer_named() for _ in range(chance.randint(0, 5))]
        return {
            "mediaType": media_types.OCI_MANIFEST,
            "config": chance.choice(self._configs),
            "layers": layers,
            **self._subject(),
        }

    def _artifact(self) -> dict[str, Any]:
        return {
            "mediaType": media_types.OCI_MANIFEST,
            "artifactType": "application/x-sbom",
            "config": self._blob(b"{}", media_types.OCI_EMPTY),
            "layers": [self._layer()],
            **self._subject(often=True),
        }

    def _index(self) -> dict[str, Any]:
        children = [_pointer(document.descriptor) for document in self._some(self._documents, 3)]
        if self._rarely():
            children.append(_gone())
        return {"mediaType": media_types.OCI_INDEX, "manifests": children, **self._subject()}

    def _subject(self, *, often: bool = False) -> dict[str, Any]:
        if not (self._documents and (self._rarely() or (often and not self._rarely()))):
            return {}
        if self._rarely():
            return {"subject": _gone()}
        return {"subject": _pointer(self._chance.choice(self._documents).descriptor)}

    def _layer_named(self) -> dict[str, Any]:
        """A layer as a manifest names it: of the pool, a config, or one that is elsewhere."""
        if self._rarely():
            away = _pointer(Descriptor(FOREIGN, Digest.of(b"foreign"), 1_500_000_000))
            return {**away, "urls": ["https://elsewhere.example/"]}
        if self._rarely():
            doubtful = _pointer(Descriptor(media_types.OCI_LAYER_GZIP, Digest.of(b"doubtful"), 7))
            self._elsewhere.add(doubtful["digest"])
            return {**doubtful, "urls": ["https://elsewhere.example/"]}
        if self._rarely():
            return {**self._chance.choice(self._configs), "mediaType": media_types.OCI_LAYER_GZIP}
        layer: dict[str, Any] = self._chance.choice(self._layers)
        return {**layer, "urls": ["https://elsewhere.example/"]} if self._rarely() else layer

    def _layer(self) -> dict[str, Any]:
        self._number += 1
        content = f"layer {self._number} ".encode() * self._chance.randint(0, 300)
        return self._blob(content, media_types.OCI_LAYER_GZIP)

    def _config(self, number: int) -> dict[str, Any]:
        config = {"os": "linux", "architecture": ("amd64", "arm64", "s390x")[number]}
        config["rootfs"] = {"type": "layers", "diff_ids": []}  # type: ignore[assignment]
        return self._blob(json.dumps(config).encode(), media_types.OCI_CONFIG)

    def _blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = Digest.of(content)
        self._files[digest] = content
        return _pointer(Descriptor(media_type, digest, len(content)))

    def _hold(self, held: set[str], document: Manifest) -> None:
        """Hold a document, and most of what it leads to."""
        if document.digest in held:
            return
        held.add(document.digest)
        leads = {child.digest for child in document.references()}
        leads |= {document.subject.digest} if document.subject else set()
        for other in self._documents:
            if other.digest in leads and not self._rarely():
                self._hold(held, other)

    def _attach(self, repository: str, held: set[str], subject: Manifest) -> None:
        """Sign as cosign does, and list the referrers as there is no API for them."""
        tag = referrers_tag(subject.digest)
        signature = self._add(self._artifact())
        self._tags[repository, f"{tag}.sig"] = signature.digest
        about = [
            _pointer(other.descriptor)
            for other in self._documents
            if other.digest in held and other.subject and other.subject.digest == subject.digest
        ]
        listed = self._add({"mediaType": media_types.OCI_INDEX, "manifests": about})
        self._tags[repository, tag] = listed.digest
        held |= {signature.digest, listed.digest}

    def _blobs(self, held: Iterable[str]) -> set[str]:
        """The configs and layers of these documents that lie on the disk."""
        named = {
            str(reference.digest)
            for document in self._documents
            if document.digest in held and not isinstance(document, Index)
            for reference in document.references()
        }
        return named & self._files.keys()

    def _orphans(self) -> list[str]:
        manifests = {str(document.digest) for document in self._documents}
        return sorted(self._files.keys() - manifests)


def _pointer(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }


def _gone() -> dict[str, Any]:
    return _pointer(Descriptor(media_types.OCI_MANIFEST, Digest.of(b"gone"), 480))
