"""What is said to be at risk, and what the collector of docker-registry 2.8.2 then destroys."""

from __future__ import annotations

from pathlib import Path

import pytest

from regnb.audit.kernel.policy import PRESETS
from tests.audit import reference
from tests.audit.generator import generate
from tests.integration.storage import collect_garbage, served, sizes

pytestmark = pytest.mark.registry


@pytest.mark.parametrize("policy", ["oci", "tagged-only"])
@pytest.mark.parametrize("seed", range(500, 506))
def test_what_2_8_2_destroys_of_what_is_in_use_was_told(
    tmp_path: Path, seed: int, policy: str
) -> None:
    stock = generate(seed)
    with served(stock, tmp_path, policy=policy) as registry:
        risk = registry.audit.gc_risk("2.8")
    shelves = reference.visible(stock.shelves)
    places = reference.live(shelves, PRESETS[policy])
    blobs = reference.live_blobs(shelves, PRESETS[policy])
    before = sizes(tmp_path)
    lost = collect_garbage(tmp_path, untagged=True)
    swept = risk[risk["is_swept"]]
    told = dict(zip(swept["digest"], swept["size"], strict=True))
    assert told == {digest: before[digest] for digest in blobs - sizes(tmp_path).keys()}
    manifests = risk[risk["is_manifest"]]
    told_places = set(zip(manifests["repository"], manifests["digest"], strict=True))
    assert told_places == places & lost.untagged
