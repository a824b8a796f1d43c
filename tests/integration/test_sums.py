"""The numbers of an audit of random registries, against plain sets and against the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from regnb.audit.kernel.policy import PRESETS
from tests.audit import reference
from tests.audit.agreeing import NOTHING, agree
from tests.audit.generator import generate, without_garbage
from tests.audit.reference import Numbers, Shelves, visible
from tests.integration.storage import served, sizes

pytestmark = pytest.mark.registry


def bare(shelves: Shelves, by: str) -> dict[tuple[str, str], Numbers]:
    """Repositories have a row also where nothing of them is alive."""
    return (
        dict.fromkeys(((name, "") for name in shelves.holdings), NOTHING)
        if by == "repository"
        else {}
    )


def missing_children(shelves: Shelves) -> set[tuple[str, str]]:
    return {
        (repository, str(child.digest))
        for repository, held in shelves.holdings.items()
        for digest in held
        if shelves.manifests[digest].kind == "index"
        for child in shelves.manifests[digest].references()
        if child.digest not in held
    }


@pytest.mark.parametrize("seed", range(100, 110))
def test_every_number_is_that_of_plain_sets(tmp_path: Path, seed: int) -> None:
    stock = generate(seed)
    shelves = visible(stock.shelves)
    with served(stock, tmp_path) as registry:
        audit = registry.audit
        for policy in PRESETS.values():
            for by in ("registry", "repository", "tag"):
                usage = audit.with_policy(policy).usage(by)
                agree(usage, {**bare(shelves, by), **reference.usage(shelves, by, policy)})
        errors = audit.errors
        lacking = set(zip(errors["repository"], errors["reference"], strict=True))
        assert lacking == missing_children(shelves)
        assert audit.complete is not bool(lacking)


@pytest.mark.parametrize("seed", range(200, 206))
def test_totals_are_the_sum_of_the_files_on_disk(tmp_path: Path, seed: int) -> None:
    stock = without_garbage(generate(seed))
    # The default policy leaves out signatures of nothing.
    with served(stock, tmp_path, policy="tagged-only") as registry:
        audit = registry.audit
        on_disk = sizes(tmp_path)
        assert audit.usage("registry")["stored"].item() == sum(on_disk.values())
        live = audit.blobs[audit.blobs["live"]]
        assert dict(zip(live["digest"], live["size"], strict=True)) == on_disk
        assert audit.usage("tag")["fair"].sum() == pytest.approx(sum(on_disk.values()), rel=1e-12)
