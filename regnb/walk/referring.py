"""Referring: what is about the manifests of a batch, and by which way that is known.

A registry may list it (OCI distribution-spec 1.1, "Listing Referrers"). Where it does not, the
names of tags say it: the referrers tag, which holds a list, and the tags of cosign. Manifests that
name a subject themselves need no row here: that is an edge of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regnb.model.digest import Digest
from regnb.model.reference import REFERRERS_TAG, is_attachment, referrers_tag
from regnb.walk.asking import Asking
from regnb.walk.inventory import BY_SUBJECT, Inventory
from regnb.walk.places import Place
from regnb.walk.source import Listed

API, FALLBACK, COSIGN = "api", "fallback-tag", "cosign-tag"

_SHA256 = "sha256-"
_SHA256_TAG = len(_SHA256) + 64

Row = tuple[str, Digest, Digest]
"""Repository, subject, referrer."""


def is_list(tag: str | None) -> bool:
    """Whether a tag holds a list of referrers, by its name."""
    return tag is not None and REFERRERS_TAG.fullmatch(tag) is not None


class Referring:
    """Collects what is about what in one batch."""

    def __init__(self, asking: Asking) -> None:
        """Know nothing yet."""
        self._asking = asking
        self._inventory = asking.inventory
        self._places: list[Place] = []
        self._set_aside: dict[tuple[str, str], list[str]] = {}
        self._tagged: list[Place] = []

    def set_aside(self, repository: str, tags: Iterable[str]) -> None:
        """Remember tags that are read only where what they are about is read."""
        for tag in tags:
            self._set_aside.setdefault((repository, tag.partition(".")[0]), []).append(tag)

    def learn(self, places: list[Place]) -> list[tuple[str, str]]:
        """Take note of manifests that are there; the tags about them that were set aside."""
        self._places += places
        self._tagged += [
            place
            for place in places
            if place.tag is not None and place.digest == place.root and is_attachment(place.tag)
        ]
        due: list[tuple[str, str]] = []
        for key in self._names(places) if self._set_aside else ():
            due += [(key[0], tag) for tag in self._set_aside.pop(key, ())]
        return sorted(due)

    def _names(self, places: list[Place]) -> dict[tuple[str, str], Digest]:
        """The manifests at these places, by their repository and what their tags begin with."""
        digests = self._inventory.digests.values
        return {
            (place.repository, referrers_tag(digests[place.digest])): digests[place.digest]
            for place in places
        }

    def found(self) -> list[Place]:
        """Where the registry says that referrers are, in the order of what they are about."""
        listed = self._asking.referrers
        return [
            Place(
                above.repository,
                self._inventory.digests.code(digest),
                root=self._inventory.digests.code(digest),
                parent=above.digest,
                source=BY_SUBJECT,
            )
            for above in sorted(listed, key=self._order)
            for digest, _, _ in listed[above]
        ]

    def note(self) -> None:
        """Enter into the inventory what was collected, each pair of one repository once."""
        rows: dict[Row, tuple[int, str | None, str]] = {}
        for (repository, subject), (digest, size, kind), source in self._collected():
            rows.setdefault((repository, subject, digest), (size, kind, source))
        for (repository, subject, digest), (size, kind, source) in sorted(rows.items(), key=_key):
            self._inventory.add_referrer(
                repository, subject, digest, artifact_type=kind, size=size, source=source
            )

    def _collected(self) -> Iterator[tuple[tuple[str, Digest], Listed, str]]:
        digests = self._inventory.digests.values
        for place, listed in self._asking.referrers.items():
            for one in listed:
                yield (place.repository, digests[place.digest]), one, API
        subjects = self._names(self._places) if self._tagged else {}
        for place in self._tagged:
            tag = place.tag or ""
            subject = _subject(subjects, place.repository, tag)
            if subject is not None:
                source = FALLBACK if is_list(tag) else COSIGN
                for one in _named(self._inventory, place, by_list=source == FALLBACK):
                    yield (place.repository, subject), one, source

    def _order(self, place: Place) -> tuple[str, Digest]:
        return place.repository, self._inventory.digests.values[place.digest]


def _subject(subjects: dict[tuple[str, str], Digest], repository: str, tag: str) -> Digest | None:
    """What a tag is about; None where that is not here and its digest was cut."""
    name = tag.partition(".")[0]
    known = subjects.get((repository, name))
    if known is None and name.startswith(_SHA256) and len(name) == _SHA256_TAG:
        return Digest(name.replace("-", ":", 1))
    return known


def _named(inventory: Inventory, place: Place, *, by_list: bool) -> Iterator[Listed]:
    """What a tag names as a referrer: the entries of its list, or the manifest itself."""
    digests = inventory.digests.values
    if by_list:
        for child in inventory.children(place.digest):
            kind = inventory.artifact_type_of(child.digest)
            yield digests[child.digest], child.size, kind
    else:
        size, kind = inventory.size_of(place.digest), inventory.artifact_type_of(place.digest)
        yield digests[place.digest], size, kind


def _key(item: tuple[Row, object]) -> Row:
    return item[0]
