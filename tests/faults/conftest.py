"""A plain upstream for the tests of the proxy itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.upstream import Upstream, serving

BLOB = "/v2/team/app/blobs/sha256:1"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving() as upstream:
        upstream.files[BLOB] = bytes(range(256)) * 1024
        yield upstream
