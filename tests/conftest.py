"""Settings for all tests."""

from __future__ import annotations

import os
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

CREDENTIALS = (
    *("REGNB_REGISTRY", "REGNB_USERNAME", "REGNB_PASSWORD", "DOCKER_AUTH_CONFIG"),
    *("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a person who has never logged in anywhere."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    for name, folder in (("HOME", "home"), ("XDG_RUNTIME_DIR", "run")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    return tmp_path / "home"
