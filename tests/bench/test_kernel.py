"""The registry that the kernel is measured on is one, and every job does its work on it."""

from __future__ import annotations

import pytest

from regnb.audit.audit import Audit
from regnb.audit.kernel.levels import Levels
from regnb.audit.kernel.seen import Seen
from tests.bench.kernel import EDGES, JOBS, Shape, made, prepared

COUNT = 20_000


@pytest.fixture(scope="module")
def levels() -> Levels:
    return prepared(COUNT)


def test_the_registry_has_the_shape_that_it_says() -> None:
    shape = Shape(COUNT)
    audit = Audit(Seen(made(shape)))
    assert len(audit.layers) + shape.manifests == COUNT
    assert len(audit.tags) == shape.manifests == COUNT // EDGES
    usage = audit.usage()
    assert usage["fair"].sum() == pytest.approx(audit.usage("registry")["stored"].item(), rel=1e-12)
    assert 0 < usage["exclusive"].sum() < usage["stored"].sum()


@pytest.mark.parametrize("job", JOBS)
def test_every_job_does_its_work(levels: Levels, job: str) -> None:
    assert JOBS[job](levels)() > 1
