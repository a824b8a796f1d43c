"""The helper that runs a real registry: what it needs, and that it leaves nothing running."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.contract.wire import ABSENT, Registry, codes
from tests.servers import docker_registry, need


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


@pytest.mark.registry
def test_it_stops_with_its_block(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry") as url:
        wire = Registry(url, "docker-registry")
        wire.push_image("app", "1")
        assert (tmp_path / "registry/docker/registry/v2/repositories/app").is_dir()
    with wire.session, pytest.raises(requests.ConnectionError):
        wire.ask("GET", "v2/")


@pytest.mark.registry
def test_it_refuses_deletions_on_demand(tmp_path: Path) -> None:
    with docker_registry(tmp_path, delete=False) as url:
        wire = Registry(url, "docker-registry")
        with wire.session:
            wire.push_image("app", "1")
            for kind in ("blobs", "manifests"):
                answer = wire.ask("DELETE", f"v2/app/{kind}/{ABSENT}")
                assert (answer.status_code, codes(answer)) == (405, ["UNSUPPORTED"])


@pytest.mark.registry
def test_a_registry_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_MAXTHREADS", "none")
    started = docker_registry(tmp_path)
    with pytest.raises(RuntimeError, match=r"does not answer: .*maxthreads"), started:
        pass
