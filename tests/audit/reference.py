"""The definitions once more, with plain sets and exact fractions: what the fast code must equal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from regnb.audit.kernel.policy import OCI, LivenessPolicy
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.model.reference import COSIGN_TAG, REFERRERS_TAG

Place = tuple[str, str]
"""A repository, and the digest of a manifest that it holds."""

Tag = tuple[str, str]
"""A repository and a tag of it."""


@dataclass(frozen=True)
class Shelves:
    """A small registry: its manifests, who holds which, and the tags.

    Layers that are `elsewhere` name other places, and no repository holds them. Of configs that
    were read, `read` says how large they are.
    """

    manifests: Mapping[str, Manifest]
    holdings: Mapping[str, frozenset[str]]
    tags: Mapping[Tag, str]
    elsewhere: frozenset[str] = frozenset()
    read: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def places(self) -> set[Place]:
        return {(owner, digest) for owner, held in self.holdings.items() for digest in held}

    def named(self, tags: Iterable[Tag]) -> set[Place]:
        """What some of the tags name."""
        return {(tag[0], self.tags[tag]) for tag in tags} & self.places


@dataclass(frozen=True)
class Numbers:
    declared: int
    stored: int
    exclusive: int
    shared: int
    fair: Fraction
    blob_count: int


def is_attachment(tag: str) -> bool:
    return bool(REFERRERS_TAG.fullmatch(tag) or COSIGN_TAG.fullmatch(tag))


def about(shelves: Shelves) -> set[tuple[Place, Place]]:
    """What is about what, the subject first, be that there or not."""
    pairs = set()
    for owner, digest in shelves.places:
        if subject := shelves.manifests[digest].subject:
            pairs.add(((owner, str(subject.digest)), (owner, digest)))
    for (owner, tag), digest in shelves.tags.items():
        if is_attachment(tag):
            subject_digest = tag.partition(".")[0].replace("-", ":", 1)
            pairs.add(((owner, subject_digest), (owner, digest)))
    return pairs


def roots(shelves: Shelves, policy: LivenessPolicy) -> set[Place]:
    """What is alive by itself."""
    if policy.roots == "manifests":
        return shelves.places
    found = shelves.named(rooting(shelves, policy))
    if policy.referrers == "kept":
        found |= {referrer for _, referrer in about(shelves)} & shelves.places
    return found


def rooting(shelves: Shelves, policy: LivenessPolicy) -> set[Tag]:
    """The tags that keep alive what they name."""
    any_tag = policy.attachments == "roots"
    return {tag for tag in shelves.tags if any_tag or not is_attachment(tag[1])}


def closure(shelves: Shelves, policy: LivenessPolicy, start: Iterable[Place]) -> set[Place]:
    """Where the steps of a policy lead, inside of each repository."""
    pairs = about(shelves) if policy.referrers == "with-subject" else set()
    found: set[Place] = set()
    waiting = list(start)
    while waiting:
        place = waiting.pop()
        if place in found or place not in shelves.places:
            continue
        found.add(place)
        waiting += [referrer for subject, referrer in pairs if subject == place]
        manifest = shelves.manifests[place[1]]
        if isinstance(manifest, Index) and policy.children != "documents":
            waiting += [(place[0], str(child.digest)) for child in manifest.manifests]
    return found


def live(shelves: Shelves, policy: LivenessPolicy) -> set[Place]:
    """Everything that is alive."""
    return closure(shelves, policy, roots(shelves, policy))


def visible(shelves: Shelves) -> Shelves:
    """What the tags lead to, which is all that the API shows."""
    everything = LivenessPolicy("", "", referrers="ignored", attachments="roots")
    reached = live(shelves, everything)
    holdings = {
        repository: frozenset(digest for owner, digest in reached if owner == repository)
        for repository in shelves.holdings
    }
    manifests = {digest: shelves.manifests[digest] for _, digest in reached}
    return replace(shelves, manifests=manifests, holdings=holdings)


def sizes(shelves: Shelves) -> dict[str, int]:
    """The largest that any descriptor says; of manifests and configs that were read, their own."""
    size: dict[str, int] = {}
    for manifest in shelves.manifests.values():
        for named in manifest.references():
            size[named.digest] = max(size.get(named.digest, 0), named.size)
    return {**size, **shelves.read, **{digest: m.size for digest, m in shelves.manifests.items()}}


def needs(shelves: Shelves, documents: Collection[str], policy: LivenessPolicy = OCI) -> set[str]:
    """The documents, and what has to stay for their sake."""
    found = set(documents)
    for digest in documents:
        manifest = shelves.manifests[digest]
        if isinstance(manifest, ImageManifest):
            found |= {str(named.digest) for named in manifest.references() if not named.foreign}
        elif policy.children != "all":
            named = {str(child.digest) for child in manifest.references()}
            found |= named & shelves.manifests.keys()
    return found - shelves.elsewhere


def declares(shelves: Shelves, documents: set[str]) -> int:
    images = [shelves.manifests[digest] for digest in documents]
    return sum(
        named.size
        for manifest in images
        if isinstance(manifest, ImageManifest)
        for named in manifest.references()
    )


def consumers(shelves: Shelves, by: str, policy: LivenessPolicy = OCI) -> dict[Tag, set[str]]:
    """The documents that each consumer reaches; under no tag what no tag leads to."""
    alive = live(shelves, policy)
    if by == "registry":
        return {("", ""): {digest for _, digest in alive}}
    found: dict[Tag, set[str]] = {}
    if by == "tag":
        for tag in rooting(shelves, policy):
            reached = closure(shelves, policy, shelves.named([tag]))
            found[tag] = {digest for _, digest in reached}
            alive -= reached
    for owner, digest in alive:
        found.setdefault((owner, ""), set()).add(digest)
    return found


def usage(shelves: Shelves, by: str, policy: LivenessPolicy = OCI) -> dict[Tag, Numbers]:
    size = sizes(shelves)
    reached = consumers(shelves, by, policy)
    needed = {name: needs(shelves, documents, policy) for name, documents in reached.items()}
    users: dict[str, int] = {}
    for blobs in needed.values():
        for blob in blobs:
            users[blob] = users.get(blob, 0) + 1
    numbers = {}
    for name, blobs in needed.items():
        stored = sum(size[blob] for blob in blobs)
        exclusive = sum(size[blob] for blob in blobs if users[blob] == 1)
        numbers[name] = Numbers(
            declared=declares(shelves, reached[name]),
            stored=stored,
            exclusive=exclusive,
            shared=stored - exclusive,
            fair=sum((Fraction(size[blob], users[blob]) for blob in blobs), Fraction(0)),
            blob_count=len(blobs),
        )
    return numbers


def live_blobs(shelves: Shelves, policy: LivenessPolicy) -> set[str]:
    """The blobs that have to stay, manifests included."""
    return needs(shelves, {digest for _, digest in live(shelves, policy)}, policy)


def without(shelves: Shelves, tags: Collection[Tag], places: Collection[Place] = ()) -> Shelves:
    """What is left without some tags and manifests: every tag of a manifest goes with it."""
    holdings = {
        owner: frozenset(digest for digest in held if (owner, digest) not in places)
        for owner, held in shelves.holdings.items()
    }
    left = {
        tag: digest
        for tag, digest in shelves.tags.items()
        if tag not in tags and (tag[0], digest) not in places
    }
    return replace(shelves, holdings=holdings, tags=left)
