"""One job of an audit's kernel in a process of its own: ``python -m tests.bench.kernel JOB EDGES``.

The registry is made of numbers, as a walk leaves it behind: ten edges and a tag a manifest, and
heavy tails. Prints the figures of `measuring.report`; what is seen are consumers or rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnb.audit.audit import Audit
from regnb.audit.kernel.bundles import Bundles
from regnb.audit.kernel.levels import Level, Levels
from regnb.audit.kernel.overlap import common, overlap, shared
from regnb.audit.kernel.seen import Seen
from regnb.model import media_types
from regnb.model.digest import Digest
from regnb.walk.columns import Rows
from regnb.walk.inventory import CONFIG, LAYER, Inventory
from regnb.walk.moments import NO_TIME
from tests.bench.measuring import Call, Figures, alone, middle, report

Ints = npt.NDArray[np.int64]

EDGES = 10  # of a manifest: a config, and layers
BASE = 3  # of these are layers of a base image
TAIL = 0.8  # how skewed the sizes of repositories are, and the use of base images
DELETED = 0.6  # of the tags
COMPARED = 200  # repositories
SIZES = (1_000_000, 10_000_000)


@dataclass(frozen=True)
class Shape:
    """How many there are of what; at ten million edges 1.9 million blobs and 18.6k repositories."""

    edges: int

    @property
    def manifests(self) -> int:
        return self.edges // EDGES

    @property
    def layers(self) -> int:
        return self.manifests * 9 // 10

    @property
    def repositories(self) -> int:
        return self.edges // 538


def skewed(chance: np.random.Generator, choices: int, count: int) -> Ints:
    """`count` of the numbers below `choices`, the small ones far more often."""
    weight = 1 / np.arange(1, choices + 1) ** TAIL
    drawn: Ints = np.searchsorted(np.cumsum(weight), chance.random(count) * weight.sum())
    drawn[drawn == choices] = choices - 1
    return drawn


def layers_of(chance: np.random.Generator, shape: Shape, repository: Ints) -> Ints:
    """The layers of each manifest: a few of a base image, the others of its repository."""
    of_bases = shape.layers // 100
    base = skewed(chance, of_bases // BASE, shape.manifests)
    first = np.searchsorted(repository, repository)
    held = np.bincount(repository, minlength=shape.repositories)[repository]
    drawn = chance.random((shape.manifests, EDGES - 1 - BASE))
    place = first[:, None] + (drawn * held[:, None]).astype(np.int64)
    below = base[:, None] * BASE + np.arange(BASE)
    own = of_bases + place * (shape.layers - of_bases) // shape.manifests
    return np.concatenate((below, own), axis=1)


def fill(rows: Rows, **columns: npt.ArrayLike) -> None:
    """Put whole columns where a walk appends row by row; one number stands for all rows."""
    count = max(np.size(column) for column in columns.values())
    cells = {name: np.asarray(columns.get(name, 0)) for name in rows.columns}
    rows.extend(**{name: np.broadcast_to(some, count) for name, some in cells.items()})


def made(shape: Shape) -> Inventory:
    """The registry: documents have the first digests, then come layers, then configs."""
    chance, inventory = np.random.default_rng(7), Inventory("registry.example")
    for number in range(2 * shape.manifests + shape.layers):
        scattered = number * 0x9E3779B97F4A7C15 % 2**64
        inventory.digests.code(Digest(f"sha256:{scattered:064x}"))
    for number in range(shape.repositories):
        inventory.repositories.code(f"team-{number % 97}/app-{number}")
    repository = np.sort(skewed(chance, shape.repositories, shape.manifests))
    content(inventory, chance, shape, layers_of(chance, shape, repository))
    manifests, texts = np.arange(shape.manifests), inventory.texts
    tag = np.array([texts.code(f"v{number}") for number in range(1000)])[manifests % 1000]
    fill(inventory.members, repository=repository, digest=manifests, present=1)
    fill(
        inventory.tags, repository=repository, tag=tag, digest=manifests, observed_at=NO_TIME,
        error=-1,
    )  # fmt: skip
    fill(
        inventory.listings, repository=np.arange(shape.repositories), status=texts.code("ok"),
        tag_count=np.bincount(repository, minlength=shape.repositories),
    )  # fmt: skip
    inventory.finish()
    return inventory


def content(inventory: Inventory, chance: np.random.Generator, shape: Shape, layers: Ints) -> None:
    """The documents and their edges."""
    manifests, texts = np.arange(shape.manifests), inventory.texts
    config = (shape.manifests + shape.layers + manifests)[:, None]
    child = np.concatenate((shape.manifests + layers, config), axis=1).ravel()
    size = chance.integers(1000, 9000, 2 * shape.manifests + shape.layers)
    size[shape.manifests : shape.manifests + shape.layers] = chance.integers(1, 2**27, shape.layers)
    fill(
        inventory.edges, parent=np.repeat(manifests, EDGES), child=child, size=size[child],
        kind=np.tile([*[LAYER] * (EDGES - 1), CONFIG], shape.manifests), platform=-1,
        media_type=texts.code(media_types.OCI_LAYER_GZIP), annotations=-1,
    )  # fmt: skip
    fill(
        inventory.documents, digest=manifests, media_type=texts.code(media_types.OCI_MANIFEST),
        kind=texts.code("image"), size=1800, config=config.ravel(), artifact_type=-1, subject=-1,
        annotations=-1, first_edge=manifests * EDGES, edge_count=EDGES,
    )  # fmt: skip


def amounts(level: Callable[[Levels], Level]) -> Callable[[Levels], Call]:
    """The five numbers of all consumers of a level, from the documents on."""

    def job(levels: Levels) -> Call:
        return lambda: int((level(levels).amounts(levels.content).blob_count > 0).sum())

    return job


def manifests(levels: Levels) -> Level:
    return levels.grouped(levels.graph.digest[levels.live], levels.content.count)


def base(levels: Levels) -> Call:
    """What every answer needs first: sizes and links, who holds what, and what is alive."""
    levels = Levels(Seen(levels.inventory), levels.policy)
    return lambda: len(levels.live)


def numbers(levels: Levels) -> Call:
    """The five numbers of all repositories, once it is known who needs what."""
    level = levels.repository
    return lambda: int((level.amounts(levels.content).blob_count > 0).sum())


def what_if(levels: Levels) -> Call:
    """The bytes that are left without some of the tags."""
    gone = np.random.default_rng(3).random(len(levels.seen.read)) < DELETED

    def job() -> int:
        kept = levels.closure(levels.roots(gone)) >= 0
        blobs = levels.blobs_of(np.flatnonzero(kept))
        assert 0 < levels.content.size[blobs].sum() < levels.content.size.sum()
        return int(gone.sum())

    return job


def sharing(levels: Levels) -> Call:
    """What each two of the repositories that share most both need, from all pairs on."""
    chosen = compared(levels)
    return lambda: len(overlap(levels.repository.pairs, chosen, levels.content.size))


def product(levels: Levels) -> Call:
    """The same, once it is known what several of them need: a product of sparse matrices."""
    chosen = compared(levels)
    needs, blobs = shared(levels.repository.pairs, chosen)
    return lambda: len(common(needs, levels.content.size[blobs], len(chosen)))


def compared(levels: Levels) -> Ints:
    """The repositories that share most."""
    return np.argsort(-levels.repository.amounts(levels.content).shared)[:COMPARED]


def bundles(levels: Levels) -> Call:
    """Blobs by the exact set of repositories that need them."""
    level = levels.repository
    names = np.arange(len(level.weight))
    return lambda: len(Bundles.of(level.pairs, levels.content.size, names).size)


def table(by: str) -> Callable[[Levels], Call]:
    """The table of a level, its text included, from the walk's columns on."""

    def job(levels: Levels) -> Call:
        inventory = levels.inventory  # and not what was worked out on it
        return lambda: len(Audit(Seen(inventory)).usage(by))

    return job


JOBS: Mapping[str, Callable[[Levels], Call]] = {
    "sizes, links and liveness": base,
    "all repositories": amounts(lambda levels: levels.repository),
    "all repositories, distinct pairs known": numbers,
    "each manifest": amounts(manifests),
    "each tag": amounts(lambda levels: levels.tag),
    "what-if without 60 % of the tags": what_if,
    "sharing of 200 repositories": sharing,
    "sharing of 200 repositories, distinct pairs known": product,
    "bundles of repositories": bundles,
    'usage(by="repository")': table("repository"),
    'usage(by="tag")': table("tag"),
}


def measure(count: int) -> str:
    """The table of `docs/benchmarks.md`."""
    lines = [
        "| job | edges | seen | seconds | CPU s | peak MB | grown MB |",
        "| --- |" + " --- |" * 6,
    ]
    for edges in SIZES:
        for job in JOBS:
            figures: list[Figures] = [
                alone("tests.bench.kernel", job, str(edges)) for _ in range(count)
            ]
            lines.append(
                f"| {job} | {edges:,} | {middle(figures, 'seen'):,.0f} "
                f"| {middle(figures, 'wall'):.2f} | {middle(figures, 'cpu'):.2f} "
                f"| {middle(figures, 'peak') / 1e6:,.0f} | {middle(figures, 'grown') / 1e6:,.0f} |"
            )
    return "\n".join(lines)


def prepared(edges: int) -> Levels:
    """The registry with what `base` measures."""
    levels = Levels(Seen(made(Shape(edges))))
    assert len(levels.live) == edges // EDGES
    return levels


if __name__ == "__main__":
    report(JOBS[sys.argv[1]](prepared(int(sys.argv[2]))))
