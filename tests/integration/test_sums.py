"""The numbers of an audit of random registries, against plain sets and against the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import regnb
from regnb.audit.audit import Audit
from regnb.audit.kernel.policy import PRESETS
from tests.audit import reference
from tests.audit.agreeing import NOTHING, agree
from tests.audit.generator import Stock, generate, without_garbage
from tests.audit.reference import Numbers, Shelves, visible
from tests.integration.storage import sizes, write
from tests.servers import docker_registry

pytestmark = pytest.mark.registry


@contextmanager
def audited(stock: Stock, root: Path) -> Iterator[Audit]:
    """An audit of a registry of these values, while a real server holds it."""
    write(stock, root)
    with docker_registry(root) as url, regnb.connect(url) as client:
        yield client.audit(progress=False)


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


@pytest.mark.parametrize("seed", range(100, 112))
def test_every_number_is_that_of_plain_sets(tmp_path: Path, seed: int) -> None:
    stock = generate(seed)
    shelves = visible(stock.shelves)
    with audited(stock, tmp_path) as audit:
        for policy in PRESETS.values():
            for by in ("registry", "repository", "tag"):
                usage = audit.with_policy(policy).usage(by)
                agree(usage, {**bare(shelves, by), **reference.usage(shelves, by, policy)})
        errors = audit.errors
        lacking = set(zip(errors["repository"], errors["reference"], strict=True))
        assert lacking == missing_children(shelves)
        assert audit.complete is not bool(lacking)


@pytest.mark.parametrize("seed", range(200, 208))
def test_totals_are_the_sum_of_the_files_on_disk(tmp_path: Path, seed: int) -> None:
    stock = without_garbage(generate(seed))
    with audited(stock, tmp_path) as found:
        audit = found.with_policy("tagged-only")  # the default leaves out signatures of nothing
        on_disk = sizes(tmp_path)
        assert audit.usage("registry")["stored"].item() == sum(on_disk.values())
        live = audit.blobs[audit.blobs["live"]]
        assert dict(zip(live["digest"], live["size"], strict=True)) == on_disk
        assert audit.usage("tag")["fair"].sum() == pytest.approx(sum(on_disk.values()), rel=1e-12)
