from __future__ import annotations

import os
from pathlib import Path

import pytest

from regnb.core.auth import store
from tests.core.auth.homes import Home

VARIABLES = (
    *("REGNB_REGISTRY", "REGNB_USERNAME", "REGNB_PASSWORD", "DOCKER_AUTH_CONFIG"),
    *("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A person who has never logged in anywhere, in a process that has not either."""
    made = Home(tmp_path / "home", tmp_path / "bin", tmp_path / "run")
    for folder in (made.path, made.bin, made.run):
        folder.mkdir()
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(made.path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.run))
    monkeypatch.setenv("PATH", str(made.bin) + os.pathsep + os.environ["PATH"])
    monkeypatch.setattr(store, "_logins", {})
    return made
