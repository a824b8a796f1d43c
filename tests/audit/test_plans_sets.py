"""Plans of random registries, against the definitions written once more with plain sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import PRESETS, LivenessPolicy
from regnb.audit.plans.plan import DeletionPlan
from regnb.frames.tag_names import kind_of
from regnb.model import media_types
from regnb.model.descriptor import Descriptor
from regnb.model.manifest import ImageManifest, Index, Manifest
from regnb.model.reference import referrers_tag
from tests.audit.building import Building, blob, config, digest, image, index

NAMES = st.sampled_from(sorted(PRESETS))
SEMANTICS = st.sampled_from(["untag", "delete-digest"])
Place = tuple[str, str]
Tag = tuple[str, str]
HOMES = ("a", "a/b", "c")
DOCUMENTS = [f"document {number}" for number in range(6)]
TAGS = ["1", "2", *(referrers_tag(digest(name)) for name in DOCUMENTS[:2])]
TAGS += [f"{referrers_tag(digest(DOCUMENTS[0]))}.sig"]


@dataclass(frozen=True)
class World:
    """Manifests by digest, who holds which, and what the tags name."""

    manifests: dict[str, Manifest]
    places: frozenset[Place]
    tags: dict[Tag, str]

    def audit(self) -> Audit:
        building = Building()
        for home, name in sorted(self.places):
            building.hold(home, self.manifests[name])
        for (home, tag), name in self.tags.items():
            building.tag(home, tag, self.manifests[name])
        return building.audit()

    def without(self, tags: Collection[Tag], places: Collection[Place]) -> World:
        kept = {
            tag: name
            for tag, name in self.tags.items()
            if tag not in tags and (tag[0], name) not in places
        }
        return replace(self, tags=kept, places=self.places - set(places))

    def about(self) -> set[tuple[Place, Place]]:
        """Subjects, and what is about them."""
        pairs = set()
        for home, name in self.places:
            if subject := self.manifests[name].subject:
                pairs.add(((home, str(subject.digest)), (home, name)))
        for (home, tag), name in self.tags.items():
            if kind_of(tag) != "normal":
                pairs.add(((home, tag.partition(".")[0].replace("-", ":", 1)), (home, name)))
        return pairs

    def roots(self, policy: LivenessPolicy) -> set[Place]:
        if policy.roots == "manifests":
            return set(self.places)
        found = {(tag[0], name) for tag, name in self.tags.items() if is_root(tag, policy)}
        return found | ({one for _, one in self.about()} if policy.referrers == "kept" else set())

    def alive(self, policy: LivenessPolicy) -> set[Place]:
        about = self.about() if policy.referrers == "with-subject" else set()
        found: set[Place] = set()
        waiting = list(self.roots(policy))
        while waiting:
            place = waiting.pop()
            if place in found or place not in self.places:
                continue
            found.add(place)
            waiting += [referrer for subject, referrer in about if subject == place]
            if policy.children != "documents":
                waiting += [(place[0], name) for name in self.entries(place)]
        return found

    def entries(self, place: Place) -> set[str]:
        manifest = self.manifests[place[1]]
        return {str(e.digest) for e in manifest.manifests} if isinstance(manifest, Index) else set()

    def blobs(self, places: Iterable[Place], policy: LivenessPolicy, known: set[str]) -> set[str]:
        found = {name for _, name in places}
        for place in places:
            manifest = self.manifests[place[1]]
            if isinstance(manifest, ImageManifest):
                found |= {str(named.digest) for named in manifest.references()}
            if policy.children != "all":
                found |= self.entries(place) & known
        return found


def is_root(tag: Tag, policy: LivenessPolicy) -> bool:
    return policy.attachments == "roots" or kind_of(tag[1]) == "normal"


def sizes(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    held = [world.manifests[name] for _, name in world.places]
    for manifest in held:
        for named in manifest.references():
            found[str(named.digest)] = max(found.get(str(named.digest), 0), named.size)
        if manifest.subject:
            found.setdefault(str(manifest.subject.digest), 0)
    return found | {str(manifest.digest): manifest.size for manifest in held}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    blobs = [blob(f"blob {number}", draw(st.integers(1, 2**50))) for number in range(5)]
    some = st.lists(st.sampled_from(blobs), max_size=3)
    manifests: dict[str, Manifest] = {}
    for number, name in enumerate(DOCUMENTS):
        size = draw(st.integers(1, 9))
        if number in (2, 3):
            # An entry may come later, or be the index itself: cycles, which no real digest allows.
            names = draw(st.lists(st.sampled_from([*DOCUMENTS, "gone"]), max_size=3))
            entries = [Descriptor(media_types.OCI_MANIFEST, digest(one), 1) for one in names]
            manifest: Manifest = index(name, size, *entries)
        else:
            manifest = image(name, size, config("config", 7), *draw(some))
        if draw(st.booleans()):
            about = digest(draw(st.sampled_from([*DOCUMENTS, "gone"])))
            manifest = replace(manifest, subject=Descriptor(media_types.OCI_MANIFEST, about, 1))
        manifests[str(manifest.digest)] = manifest
    everywhere = [(home, name) for home in HOMES for name in sorted(manifests)]
    places = frozenset(everywhere) - draw(st.frozensets(st.sampled_from(everywhere)))
    tags = {}
    for home in HOMES:
        held = sorted(name for owner, name in places if owner == home)
        for tag in TAGS if held else ():
            if draw(st.booleans()):
                tags[home, tag] = draw(st.sampled_from(held))
    return World(manifests, places, tags)


@st.composite
def deletions(draw: st.DrawFn) -> tuple[World, set[Tag], set[Place]]:
    world = draw(worlds())
    tags = {tag for tag in sorted(world.tags) if draw(st.booleans())}
    return world, tags, {place for place in sorted(world.places) if draw(st.integers(0, 5)) == 0}


def plan_for(
    audit: Audit, tags: Iterable[Tag], places: Iterable[Place] = (), semantics: str = "untag"
) -> DeletionPlan:
    return audit.plan_delete(
        [":".join(tag) for tag in tags],
        digests=["@".join(place) for place in places],
        semantics=semantics,  # type: ignore[arg-type]
    )


def pairs(frame: pd.DataFrame, *columns: str) -> set[tuple[str, ...]]:
    return set(frame[list(columns)].itertuples(index=False, name=None))


@settings(max_examples=100)
@given(NAMES, SEMANTICS, deletions())
def test_a_plan_frees_what_plain_sets_say(
    name: str, semantics: str, drawn: tuple[World, set[Tag], set[Place]]
) -> None:
    world, tags, places = drawn
    policy, size, known = PRESETS[name], sizes(world), {digest for _, digest in world.places}
    plan = plan_for(world.audit().with_policy(name), tags, places, semantics)
    deleted = set(places)
    if semantics == "delete-digest":
        deleted |= {(tag[0], world.tags[tag]) for tag in tags}
    left = world.without(tags, deleted)
    before, after = world.alive(policy), left.alive(policy)
    live, stays = world.blobs(before, policy, known), left.blobs(after, policy, known)
    assert pairs(plan.blobs, "digest") == {(one,) for one in live - stays}
    assert plan.freed == sum(size[one] for one in live - stays) == plan.blobs["size"].sum()
    everything = world.blobs(world.places, policy, known)
    assert plan.already_garbage == sum(size[one] for one in everything - live)
    assert plan.freed + sum(size[one] for one in stays) == sum(size[one] for one in live)
    assert pairs(plan.manifests, "repository", "digest") == (before - after) | deleted


@settings(max_examples=100)
@given(NAMES, SEMANTICS, deletions())
def test_the_collateral_is_all_that_happens_besides(
    name: str, semantics: str, drawn: tuple[World, set[Tag], set[Place]]
) -> None:
    world, tags, places = drawn
    policy = PRESETS[name]
    plan = plan_for(world.audit().with_policy(name), tags, places, semantics)
    deleted = set(places)
    if semantics == "delete-digest":
        deleted |= {(tag[0], world.tags[tag]) for tag in tags}
    before, after = world.alive(policy), world.without(tags, deleted).alive(policy)
    found = {kind: frame for kind, frame in plan.collateral.groupby("kind", observed=True)}
    none = plan.collateral.iloc[:0]

    def happens(kind: str, *columns: str) -> set[tuple[str, ...]]:
        return pairs(found.get(kind, none), *columns)

    by_digest = {tag for tag, one in world.tags.items() if (tag[0], one) in deleted}
    fell = before - after
    attached = {
        tag
        for tag, one in world.tags.items()
        if tag not in tags | by_digest and not is_root(tag, policy) and (tag[0], one) in fell
    }
    goes = tags | by_digest | attached
    assert happens("lost-tag", "repository", "tag") == by_digest - tags
    assert happens("attachment", "repository", "tag") == attached
    assert pairs(plan.to_frame().dropna(subset="tag"), "repository", "tag") == goes
    named = {(tag[0], world.tags[tag]) for tag in goes}
    kept = {t for t, one in world.tags.items() if t not in goes and (t[0], one) in named}
    assert happens("kept-tag", "repository", "tag") == kept
    rest = world.without(goes, deleted)
    needed = after | rest.alive(replace(PRESETS["oci"], attachments="roots"))
    untagged = [(tag, (tag[0], world.tags[tag])) for tag in goes - by_digest]
    listed = {
        (*tag, one[1], top)
        for tag, one in untagged
        for home, top in needed
        if home == one[0] and one[1] in world.entries((home, top))
    }
    assert happens("kept-by-index", "repository", "tag", "digest", "cause") == listed
    bound = {
        (*tag, one[1], subject[1])
        for tag, one in untagged
        for subject, referrer in rest.about()
        if referrer == one and subject in needed
    }
    assert happens("kept-by-subject", "repository", "tag", "digest", "cause") == bound
    broken = {
        (place[0], place[1], entry)
        for place in after
        for entry in world.entries(place)
        if (place[0], entry) in deleted
    }
    assert happens("broken-index", "repository", "digest", "cause") == broken
    gone = fell | deleted
    about = {pair for pair in world.about() if pair[0] in gone}
    rows = {(one[0], one[1], subject[1]) for subject, one in about if one in fell - named}
    assert happens("referrer", "repository", "digest", "cause") == rows
    rows = {(one[0], one[1], subject[1]) for subject, one in about if one in after}
    assert happens("orphan", "repository", "digest", "cause") == rows


@settings(max_examples=40)
@given(deletions(), st.integers(0, 2**20))
def test_two_plans_free_no_more_than_one_of_both(
    drawn: tuple[World, set[Tag], set[Place]], seed: int
) -> None:
    world, _, _ = drawn
    audit = world.audit()
    tags = sorted(tag for tag in world.tags if kind_of(tag[1]) == "normal")
    one = {tag for number, tag in enumerate(tags) if seed >> number & 1}
    other = {tag for number, tag in enumerate(tags) if seed >> number + 10 & 1} - one
    both = plan_for(audit, one | other).freed
    assert plan_for(audit, one).freed + plan_for(audit, other).freed <= both


@settings(max_examples=40)
@given(NAMES.filter(lambda name: name not in {"distribution-keep-untagged", "zot"}), worlds())
def test_all_tags_free_all_that_is_stored(name: str, world: World) -> None:
    audit = world.audit().with_policy(name)
    stored = int(audit.usage("registry")["stored"].item())
    assert audit.plan_delete(audit.tags).freed == stored


@settings(max_examples=40)
@given(deletions())
def test_explanations_add_up_to_what_a_tag_needs(
    drawn: tuple[World, set[Tag], set[Place]],
) -> None:
    world, tags, _ = drawn
    audit, tags = world.audit(), {tag for tag in tags if kind_of(tag[1]) == "normal"}
    plan = plan_for(audit, tags)
    usage = audit.usage("tag").set_index(["repository", "tag"])
    freed = set(plan.blobs["digest"])
    for tag in sorted(tags):
        rows = plan.explain(":".join(tag))
        alone = (rows["together_count"] == 0) & (rows["kept_count"] == 0)
        assert rows["size"].sum() == usage.loc[tag, "stored"]
        assert rows.loc[alone, "size"].sum() == usage.loc[tag, "exclusive"]
        assert (rows["is_freed"] == (rows["kept_count"] == 0)).all()
        assert rows["blob_count"].sum() == usage.loc[tag, "blob_count"]
        assert (rows.loc[rows["is_freed"], "blob_count"].sum() > 0) <= bool(freed)
