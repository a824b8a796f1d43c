from __future__ import annotations

from collections.abc import Iterator

import pytest

import regnb
from regnb.sample import SampleClient, serve


@pytest.fixture(scope="module")
def reg() -> Iterator[SampleClient]:
    """The sample registry; nothing in these tests changes it."""
    with regnb.sample.connect() as client:
        yield client


@pytest.fixture
def other() -> Iterator[regnb.Client]:
    """A registry that may be written to; it is another one than `reg`."""
    with serve() as served, regnb.connect(served.url) as client:
        yield client


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGNB_PROGRESS", "0")
