"""The numbers of an audit of random registries, against plain sets and against the disk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

import regnb
from regnb.audit.audit import Audit
from tests.audit import reference
from tests.audit.generator import Stock, generate, without_garbage
from tests.audit.reference import Numbers, Shelves, visible
from tests.integration.storage import sizes, write
from tests.servers import docker_registry

pytestmark = pytest.mark.registry
NOTHING = Numbers(0, 0, 0, 0, Fraction(0), 0)


@contextmanager
def audited(stock: Stock, root: Path) -> Iterator[Audit]:
    """An audit of a registry of these values, while a real server holds it."""
    write(stock, root)
    with docker_registry(root) as url, regnb.connect(url) as client:
        yield client.audit(progress=False)


def expected(shelves: Shelves, by: str) -> dict[tuple[str, str], Numbers]:
    found = reference.usage(shelves, by)
    if by == "repository":  # those without a tag have a row too
        found = {**{(repository, ""): NOTHING for repository in shelves.holdings}, **found}
    return found


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
    stock = generate(random.Random(seed))
    shelves = visible(stock.shelves)
    with audited(stock, tmp_path) as audit:
        for by in ("registry", "repository", "tag"):
            usage = audit.usage(by).fillna({"repository": "", "tag": ""})
            numbers = expected(shelves, by)
            assert set(zip(usage["repository"], usage["tag"], strict=True)) == numbers.keys()
            for row in usage.to_dict("records"):
                truth = numbers[row["repository"], row["tag"]]
                for name in ("declared", "stored", "exclusive", "shared", "blob_count"):
                    assert row[name] == getattr(truth, name), (by, name, row)
                assert abs(Fraction(row["fair"]) - truth.fair) <= truth.fair / 10**12
        errors = audit.errors
        lacking = set(zip(errors["repository"], errors["reference"], strict=True))
        assert lacking == missing_children(shelves)
        assert audit.complete is not bool(lacking)


@pytest.mark.parametrize("seed", range(200, 208))
def test_totals_are_the_sum_of_the_files_on_disk(tmp_path: Path, seed: int) -> None:
    with audited(without_garbage(generate(random.Random(seed))), tmp_path) as audit:
        on_disk = sizes(tmp_path)
        assert audit.usage("registry")["stored"].item() == sum(on_disk.values())
        assert dict(zip(audit.blobs["digest"], audit.blobs["size"], strict=True)) == on_disk
        assert audit.usage("tag")["fair"].sum() == pytest.approx(sum(on_disk.values()), rel=1e-12)
