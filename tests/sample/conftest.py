"""A running sample registry, empty or filled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from regnb.sample import Served, serve


@pytest.fixture
def empty() -> Iterator[Served]:
    with serve(fill=None) as served:
        yield served


@pytest.fixture(scope="session")
def filled() -> Iterator[Served]:
    """The sample registry as users get it; tests only read it."""
    with serve() as served:
        yield served


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session
