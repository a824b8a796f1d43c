"""What the collector of docker-registry 2.8.2 says of random registries, and the model of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.collecting import collect_2
from tests.audit.generator import generate
from tests.integration.storage import Garbage, collect_garbage, sizes, write

pytestmark = pytest.mark.registry
SEEDS = range(40)


@pytest.mark.parametrize("untagged", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_dry_run_is_predicted_exactly(tmp_path: Path, seed: int, untagged: bool) -> None:
    stock = generate(seed)
    write(stock, tmp_path)
    expected = collect_2(stock.shelves, stock.files, untagged=untagged)
    said = collect_garbage(tmp_path, untagged=untagged, dry_run=True)
    assert said == Garbage(len(expected.marked), expected.swept, expected.untagged)
    assert sizes(tmp_path) == {digest: len(raw) for digest, raw in stock.files.items()}


@pytest.mark.parametrize("untagged", [False, True])
@pytest.mark.parametrize("seed", SEEDS[:10])
def test_a_real_run_sweeps_what_the_dry_run_says(tmp_path: Path, seed: int, untagged: bool) -> None:
    stock = generate(seed)
    write(stock, tmp_path)
    said = collect_garbage(tmp_path, untagged=untagged, dry_run=True)
    assert collect_garbage(tmp_path, untagged=untagged) == said
    assert sizes(tmp_path).keys() == stock.files.keys() - said.swept
