"""What a walk found, in words, for tests to compare."""

from __future__ import annotations

from regnb.model.digest import Digest
from regnb.walk.inventory import Inventory
from tests.walk.fakes import FakeRegistry, config_of, image, index

A, B, C = image("a"), image("b"), image("c")


def company() -> FakeRegistry:
    """Three repositories that share two images, one of them through an index."""
    registry = FakeRegistry()
    top = index(A, B)
    registry.push("app", "1", top, A, B)
    registry.push("app", "latest", top)
    registry.push("mirror/app", "1", top, A, B)
    registry.push("tool", "a", A)
    for name in ("a", "b", "c"):
        registry.configs[Digest.of(config_of(name))] = config_of(name)
    return registry


def tags(inventory: Inventory) -> list[tuple[str, str, str]]:
    rows = inventory.tags
    texts, digests = inventory.texts.values, inventory.digests.values
    return sorted(
        (
            inventory.repositories.values[repository],
            texts[tag],
            digests[digest] if digest >= 0 else "",
        )
        for repository, tag, digest in zip(
            rows.column("repository"), rows.column("tag"), rows.column("digest"), strict=True
        )
    )


def members(inventory: Inventory) -> dict[tuple[str, str], bool]:
    rows = inventory.members
    columns = (rows.column(name).tolist() for name in ("repository", "digest", "present"))
    pairs = list(zip(*columns, strict=True))
    found = {
        (inventory.repositories.values[repository], str(inventory.digests.values[digest])): present
        == 1
        for repository, digest, present in pairs
    }
    assert len(found) == len(pairs), "a pair has one row"
    return found


def contents(inventory: Inventory) -> tuple[object, ...]:
    """All that a walk found but times, in an order of its own."""
    digests = inventory.digests.values
    edges = inventory.edges
    return (
        tags(inventory),
        sorted(members(inventory).items()),
        sorted(digests[code] for code in inventory.documents.column("digest").tolist()),
        sorted(
            (digests[parent], digests[child], kind, position, size)
            for parent, child, kind, position, size in zip(
                *(
                    edges.column(n).tolist()
                    for n in ("parent", "child", "kind", "position", "size")
                ),
                strict=True,
            )
        ),
        sorted(digests[code] for code in inventory.configs.column("digest").tolist()),
        sorted(failure.order for failure in inventory.failures),
    )
