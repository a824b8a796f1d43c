"""What tests of faults start: a plain upstream for the proxy, the sample registry for a client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regnb.sample import Served, serve
from tests.faults import stock
from tests.faults.upstream import Upstream, serving

BLOB = "/v2/team/app/blobs/sha256:1"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving() as upstream:
        upstream.files[BLOB] = bytes(range(256)) * 1024
        yield upstream


@pytest.fixture(scope="package")
def _stocked() -> Iterator[Served]:
    with serve(stock.fill, page_size=stock.PAGE_SIZE) as served:
        yield served


@pytest.fixture
def served(_stocked: Served) -> Served:
    """The sample registry, which holds what `tests.faults.stock` says."""
    stock.restock(_stocked.storage)
    return _stocked
