"""Settings for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No assertion on time: a slow machine is not a failing test. CI tries the same examples at every
# run, so that a change is judged by what it changes; on a desk every run tries new ones.
settings.register_profile(
    "regnb",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("regnb")

_NUMBERS = count()

CREDENTIALS = (
    *("REGNB_REGISTRY", "REGNB_USERNAME", "REGNB_PASSWORD", "DOCKER_AUTH_CONFIG"),
    *("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"),
)


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is kept between sessions, for what is opened before any test: never that of a user."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGNB_CACHE", str(folder / "shared"))
        yield folder


@pytest.fixture(autouse=True)
def cache(_caches: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache of one test, which is not there yet."""
    folder = _caches / str(next(_NUMBERS))
    monkeypatch.setenv("REGNB_CACHE", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a person who has never logged in anywhere."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    for name, folder in (("HOME", "home"), ("XDG_RUNTIME_DIR", "run")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    return tmp_path / "home"
