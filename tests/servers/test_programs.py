"""What a program under test needs, and that it leaves nothing running."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import requests

from tests.servers import docker_registry, free_port, need
from tests.servers.programs import HOST, running

SLEEPER = "import signal; signal.pause()"


def test_a_missing_program_skips_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="package missing-package"):
        need("no-such-program", "missing-package")


def test_a_missing_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="package missing-package"):
        need("no-such-program", "missing-package")


def test_a_port_that_somebody_listens_on_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as taken:
        free = free_port()
        monkeypatch.setattr("tests.servers.programs.PORTS", (taken.getsockname()[1], free))
        assert {free_port() for _ in range(20)} == {free}


def test_a_program_that_never_listens_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.programs.PATIENCE", 0.1)
    started = running([sys.executable, "-c", SLEEPER], port=free_port(), log=tmp_path / "log")
    with pytest.raises(RuntimeError, match=r"signal.pause.* does not answer"), started:
        pass


@pytest.mark.registry
def test_a_program_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_MAXTHREADS", "none")
    started = docker_registry(tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)does not answer: .*maxthreads"), started:
        pass


@pytest.mark.registry
def test_a_program_stops_with_its_block(tmp_path: Path, session: requests.Session) -> None:
    with docker_registry(tmp_path) as url:
        assert session.get(f"{url}v2/").status_code == 200
    with pytest.raises(requests.ConnectionError):
        session.get(f"{url}v2/")
