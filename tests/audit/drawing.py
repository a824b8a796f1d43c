"""Random registries with everything in them that an inventory can hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from hypothesis import strategies as st

from regnb.errors import UnreachableError
from regnb.model import media_types
from regnb.model.descriptor import ATTESTATION, REFERENCE_TYPE, Descriptor
from regnb.model.digest import Digest
from regnb.model.image_config import HistoryEntry, ImageConfig
from regnb.model.manifest import Manifest
from regnb.model.platform import Platform
from regnb.model.reference import referrers_tag
from regnb.walk.inventory import BY_INDEX, Inventory
from tests.audit.building import FOREIGN, blob, config, digest, image, index

REPOSITORIES = ("a", "a/b", "c")
REFERENCE_DIGEST = "vnd.docker.reference.digest"
MOMENT = datetime(2024, 5, 6, tzinfo=UTC)
GONE = tuple(digest(name) for name in ("gone", "never asked"))

# A few names for everything, so that one digest gets several roles and sizes.
names = st.sampled_from([f"blob {number}" for number in range(5)])
sizes = st.integers(0, 5)
notes = st.dictionaries(st.sampled_from(["who", "half \ud800", "half ?"]), names, max_size=2)
platforms = st.sampled_from(
    [
        None,
        Platform("linux", "arm64", "v8"),
        Platform("windows", "amd64", None, "10.0", ("win32k",)),
    ]
)
layer_types = st.sampled_from(
    [media_types.OCI_LAYER_GZIP, media_types.OCI_LAYER, FOREIGN, "application/x", "a+zstd"]
)
Step = Callable[[Inventory], object]


@dataclass(frozen=True)
class Drawn:
    """A registry as the steps of a walk, which may come in any order but for the documents."""

    documents: Sequence[Manifest]
    steps: Sequence[Step]

    def inventory(self, *, backwards: bool = False) -> Inventory:
        """What a walk would have written down."""
        inventory = Inventory("registry.example", now=lambda: 1_700_000_000_000_000)
        for step in self.steps[:: -1 if backwards else 1]:
            step(inventory)
        inventory.finish()
        return inventory


@st.composite
def registries(draw: st.DrawFn) -> Drawn:
    """Documents, who holds or lacks them, tags, referrers, configs, failures."""
    documents = [*draw(st.lists(images(), min_size=1, max_size=4))]
    documents = list({document.digest: document for document in documents}.values())
    digests = [*(document.digest for document in documents), *GONE]
    for number in range(draw(st.integers(0, 3))):
        entries = [draw(listed(digests)) for _ in range(draw(st.integers(0, 4)))]
        made = index(f"index {number}", draw(sizes), *entries)
        documents.append(replace(made, annotations=draw(notes)))
        digests.append(made.digest)
    documents = [_about(one, draw(st.sampled_from([None, *digests]))) for one in documents]
    steps: list[Step] = [partial(Inventory.record, manifest=one) for one in documents]
    for repository in REPOSITORIES:
        steps += draw(holdings(repository, documents))
    steps += [partial(Inventory.add_config, config=one) for one in draw(configs())]
    return Drawn(documents, draw(st.permutations(steps)))


@st.composite
def images(draw: st.DrawFn) -> Manifest:
    layers = [
        replace(blob(draw(names), draw(sizes), draw(layer_types)), annotations=draw(notes))
        for _ in range(draw(st.integers(0, 3)))
    ]
    base = config(draw(names), draw(sizes))
    name = f"image {draw(st.integers(0, 5))}"
    return replace(image(name, draw(sizes), base, *layers), annotations=draw(notes))


@st.composite
def listed(draw: st.DrawFn, digests: Sequence[Digest]) -> Descriptor:
    entry = blob("", draw(sizes), media_types.OCI_MANIFEST)
    told, flags = draw(notes), st.booleans()
    if draw(flags):
        told |= {REFERENCE_TYPE: ATTESTATION}
        subjects = st.sampled_from([*digests, digest("only told"), "no digest"])
        told |= {REFERENCE_DIGEST: draw(subjects)} if draw(flags) else {}
    one = draw(st.sampled_from(sorted(digests)))
    return replace(entry, digest=one, annotations=told, platform=draw(platforms))


@st.composite
def holdings(draw: st.DrawFn, repository: str, documents: Sequence[Manifest]) -> list[Step]:
    """What one repository answered, and what it did not."""
    some = st.lists(st.sampled_from(documents), unique_by=lambda one: one.digest)
    held: list[Manifest] = draw(some)
    steps: list[Step] = [
        partial(Inventory.add_listing, repository=repository, status="ok", tag_count=3),
        partial(_lack, repository=repository),
        partial(_fail, repository=repository, parent=documents[0]),
        *(partial(_hold, repository=repository, manifest=one) for one in held),
    ]
    of_digest = [referrers_tag(one.digest) for one in documents] + ["sha256-" + "0" * 64]
    tags = ["1", "v1.2.3", *of_digest, *(f"{name}.sig" for name in of_digest)]
    for tag in draw(st.lists(st.sampled_from(tags), unique=True, max_size=4)):
        if manifest := draw(st.sampled_from([None, *held])):
            steps.append(partial(_tag, repository=repository, tag=tag, manifest=manifest))
        else:
            steps.append(
                partial(Inventory.add_lost_tag, repository=repository, tag=tag, error="no")
            )
    digests = st.sampled_from([*(one.digest for one in documents), *GONE])
    for subject, about in draw(st.lists(st.tuples(digests, digests), unique=True, max_size=3)):
        source = draw(st.sampled_from(["api", "fallback-tag", "cosign-tag"]))
        steps.append(
            partial(
                Inventory.add_referrer, repository=repository, subject=subject, digest=about,
                artifact_type="sbom", size=3, source=source,
            )
        )  # fmt: skip
    return steps


def _hold(inventory: Inventory, *, repository: str, manifest: Manifest) -> None:
    inventory.add_member(repository, inventory.record(manifest), present=True, source=BY_INDEX)


def _tag(inventory: Inventory, *, repository: str, tag: str, manifest: Manifest) -> None:
    inventory.add_tag(repository, tag, manifest)


def _lack(inventory: Inventory, *, repository: str) -> None:
    code = inventory.digests.code(GONE[0])
    inventory.add_member(repository, code, present=False, source=BY_INDEX)


def _fail(inventory: Inventory, *, repository: str, parent: Manifest) -> None:
    inventory.add_failure(
        UnreachableError("no answer"), stage="manifest", repository=repository,
        reference=GONE[1], parent=inventory.record(parent),
    )  # fmt: skip


@st.composite
def configs(draw: st.DrawFn) -> list[ImageConfig]:
    """Configs of some blobs, whose layers fit the manifests or do not."""
    found, moments = [], st.sampled_from([None, MOMENT])
    for name in draw(st.lists(names, unique=True)):
        made_nothing = draw(st.lists(st.booleans(), max_size=4))
        history = [HistoryEntry(draw(moments), "RUN", empty_layer=one) for one in made_nothing]
        diff_ids = [str(digest(one)) for one in draw(st.lists(names, max_size=3))]
        raw = bytes(draw(sizes))
        bare = ImageConfig(raw, digest(name), Platform("linux", "amd64"), draw(moments))
        full = replace(bare, labels=draw(notes), diff_ids=tuple(diff_ids), history=tuple(history))
        found.append(full)
    return found


def _about(document: Manifest, subject: Digest | None) -> Manifest:
    if subject is None:
        return replace(document, subject=None)
    return replace(document, subject=replace(blob("", 4, media_types.OCI_MANIFEST), digest=subject))
