from __future__ import annotations

import os
from pathlib import Path

import pytest

from regnb.core.auth import store
from tests.core.auth.homes import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A person who has never logged in anywhere, in a process that has not either."""
    made = Home(tmp_path / "home", tmp_path / "bin", tmp_path / "run")
    for folder in (made.path, made.bin, made.run):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(made.path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.run))
    monkeypatch.setenv("PATH", str(made.bin) + os.pathsep + os.environ["PATH"])
    monkeypatch.setattr(store, "_logins", {})
    return made
